"""Between values and the JSON that databases keep."""

import json
from typing import Any

from agent_framework.types import AgentOutcome, AttemptState, ErrorKind, JSONDict, Usage


def loads(stored: str | JSONDict | None) -> Any:
    """The value of stored JSON, an object, which is parsed already where its whole row came as JSON; None for none."""
    return json.loads(stored) if isinstance(stored, str) else stored


def outcome_to_dict(outcome: AgentOutcome) -> JSONDict:
    """An outcome without its output, which is stored as the agent's result."""
    return {
        "error": outcome.error,
        "error_kind": outcome.error_kind,
        "retry_after_s": outcome.retry_after_s,
        "execution_time_ms": outcome.execution_time_ms,
        "usage": outcome.usage.to_dict(),
        "detail": outcome.detail,
    }


def outcome_from_dict(state: AttemptState, data: JSONDict) -> AgentOutcome:
    """The stored form read back."""
    return AgentOutcome(
        state=state,
        error=data["error"],
        error_kind=ErrorKind(data["error_kind"]) if data["error_kind"] else None,
        retry_after_s=data["retry_after_s"],
        execution_time_ms=data["execution_time_ms"],
        usage=Usage.from_dict(data["usage"]),
        detail=data["detail"],
    )

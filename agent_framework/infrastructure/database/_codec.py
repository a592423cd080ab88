"""Between values and the JSON that databases keep."""

import json
from typing import Any

from agent_framework.types import NO_USAGE, AgentOutcome, AttemptState, ErrorKind, JSONDict, Usage


def loads(stored: str | JSONDict | None) -> Any:
    """The value of stored JSON, an object, which is parsed already where its whole row came as JSON; None for none."""
    return json.loads(stored) if isinstance(stored, str) else stored


def outcome_to_dict(outcome: AgentOutcome) -> JSONDict:
    """An outcome without its output, which is stored as the agent's result, and without what it says nothing of."""
    told: JSONDict = {
        "error": outcome.error,
        "error_kind": outcome.error_kind,
        "retry_after_s": outcome.retry_after_s,
        "execution_time_ms": outcome.execution_time_ms,
        "usage": usage_to_dict(outcome.usage),
        "detail": outcome.detail,
    }
    return {name: value for name, value in told.items() if value is not None and value != {}}


def outcome_from_dict(state: AttemptState, data: JSONDict) -> AgentOutcome:
    """The stored form read back."""
    kind = data.get("error_kind")
    return AgentOutcome(
        state=state,
        error=data.get("error"),
        error_kind=None if kind is None else ErrorKind(kind),
        retry_after_s=data.get("retry_after_s"),
        execution_time_ms=data.get("execution_time_ms"),
        usage=Usage.from_dict(data.get("usage")),
        detail=data.get("detail", {}),
    )


def usage_to_dict(usage: Usage) -> JSONDict:
    """What model calls used; of an agent that asked no model, nothing."""
    return {} if usage == NO_USAGE else usage.to_dict()

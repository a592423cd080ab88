"""From rows of the SQL tables to values. Times come as seconds since the epoch, JSON as text."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from agent_framework.infrastructure.database._codec import loads, outcome_from_dict
from agent_framework.types import (
    AgentResult,
    Attempt,
    AttemptKey,
    AttemptState,
    Document,
    Event,
    EventKind,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
    Usage,
)

Row = Mapping[str, Any]


@lru_cache(maxsize=256)
def _plan(text: str | None) -> JSONDict | None:
    """The stored plan; jobs of the same plan share one object, which nobody changes."""
    return loads(text)


def job_from(row: Row, results: dict[str, JSONDict]) -> Job:
    """A row of ``jobs``."""
    return Job(
        id=row["id"],
        user_id=row["user_id"],
        job_type=row["job_type"],
        status=JobStatus(row["status"]),
        request_payload=loads(row["request_payload"]),
        agent_results=results,
        run=row["run"],
        epoch=row["epoch"],
        signals=row["signals"],
        due_at=row["due_at"],
        plan=_plan(row["plan"]),
        error_message=row["error_message"],
        cancel_requested=bool(row["cancel_requested"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        updated_at=row["updated_at"],
    )


def event_from(row: Row) -> Event:
    """A row of ``job_events``."""
    return Event(row["seq"], row["run"], EventKind(row["kind"]), loads(row["data"]), row["at"])


def attempt_from(row: Row) -> Attempt:
    """A row of ``attempts``."""
    state = AttemptState(row["state"])
    stored = loads(row["outcome"])
    return Attempt(
        key=AttemptKey(row["job_id"], row["run"], row["seq"], row["agent"], row["number"]),
        performer=row["performer"],
        state=state,
        not_before=row["not_before"],
        not_after=row["not_after"],
        owner=row["owner"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        outcome=None if stored is None else outcome_from_dict(state, stored),
    )


def result_from(row: Row) -> AgentResult:
    """A row of ``agent_results``."""
    return AgentResult(
        agent=row["agent_name"],
        payload=loads(row["result_payload"]),
        seq=row["seq"],
        execution_time_ms=row["execution_time_ms"],
        usage=Usage.from_dict(loads(row["usage"])),
        produced_by=row["produced_by"],
        created_at=row["created_at"],
    )


def document_from(row: Row) -> Document:
    """A row of ``documents``."""
    return Document(row["namespace"], row["key"], loads(row["body"]), row["version"], row["expires_at"])


def snapshot_from(job: Row, events: Iterable[Row], attempts: Iterable[Row], results: Iterable[Row]) -> Snapshot:
    """Rows of all tables about one job, each in its order; the job's row says when it was read."""
    by_agent = {row["agent_name"]: result_from(row) for row in results}
    return Snapshot(
        job=job_from(job, {name: result.payload for name, result in by_agent.items()}),
        events=tuple(map(event_from, events)),
        attempts=tuple(map(attempt_from, attempts)),
        results=by_agent,
        now=float(job["read_at"]),
    )

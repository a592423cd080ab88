"""Between items and values of `agent_framework.types`."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads, outcome_from_dict, outcome_to_dict, usage_to_dict
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.writes import Item, Put
from agent_framework.types import (
    AgentOutcome,
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


def outcome_text(outcome: AgentOutcome) -> str:
    """The stored form of an outcome, without its output."""
    return to_json(outcome_to_dict(outcome), what="the outcome")


def event_put(job_id: str, event: Event, at: float) -> Put:
    """A new event."""
    data = to_json(event.data, what="an event")
    return Put(
        keys.event(job_id, event.seq),
        {"seq": event.seq, "run": event.run, "kind": event.kind.value, "data": data, "at": at},
    )


def attempt_put(attempt: Attempt) -> Put:
    """A new attempt, pending."""
    key = attempt.key
    return Put(
        keys.attempt(key),
        {
            "job_id": key.job_id,
            "run": key.run,
            "seq": key.seq,
            "agent": key.agent,
            "number": key.number,
            "performer": attempt.performer,
            "state": AttemptState.PENDING.value,
            "not_before": attempt.not_before,
            "not_after": attempt.not_after,
        },
    )


def result_put(job_id: str, result: AgentResult) -> Put:
    """An agent's newest result; takes the place of an earlier one."""
    return Put(
        keys.result(job_id, result.agent),
        {
            "agent": result.agent,
            "payload": to_json(result.payload, what=f"the output of {result.agent}"),
            "seq": result.seq,
            "execution_time_ms": result.execution_time_ms,
            "usage": to_json(usage_to_dict(result.usage), what="usage"),
            "produced_by": result.produced_by,
            "created_at": result.created_at,
        },
    )


def job_from(meta: Item, request: Item, plan: Item | None, results: dict[str, JSONDict]) -> Job:
    """A job from its items; a plan that belongs to an earlier run is none."""
    pinned = plan if plan is not None and plan["run"] == meta["run"] else None
    return Job(
        id=meta["job_id"],
        user_id=meta["user_id"],
        job_type=meta["job_type"],
        status=JobStatus(meta["status"]),
        request_payload=loads(request["payload"]),
        agent_results=results,
        run=meta["run"],
        epoch=meta["epoch"],
        signals=meta["signals"],
        due_at=_time(meta, "due_at"),
        plan=loads(pinned["plan"]) if pinned else None,
        error_message=meta.get("error_message"),
        cancel_requested=meta["cancel_requested"],
        created_at=float(meta["created_at"]),
        started_at=_time(meta, "started_at"),
        completed_at=_time(meta, "completed_at"),
        updated_at=float(meta["updated_at"]),
    )


def event_from(item: Item) -> Event:
    """One event."""
    return Event(item["seq"], item["run"], EventKind(item["kind"]), loads(item["data"]), float(item["at"]))


def attempt_from(item: Item) -> Attempt:
    """One attempt."""
    state = AttemptState(item["state"])
    stored = loads(item.get("outcome"))
    return Attempt(
        key=AttemptKey(item["job_id"], item["run"], item["seq"], item["agent"], item["number"]),
        performer=item["performer"],
        state=state,
        not_before=float(item["not_before"]),
        not_after=float(item["not_after"]),
        owner=item.get("owner"),
        started_at=_time(item, "started_at"),
        ended_at=_time(item, "ended_at"),
        outcome=None if stored is None else outcome_from_dict(state, stored),
    )


def result_from(item: Item) -> AgentResult:
    """One agent's newest result."""
    return AgentResult(
        agent=item["agent"],
        payload=loads(item["payload"]),
        seq=item.get("seq"),
        execution_time_ms=item.get("execution_time_ms"),
        usage=Usage.from_dict(loads(item["usage"])),
        produced_by=item.get("produced_by"),
        created_at=float(item["created_at"]),
    )


def results_from(items: Iterable[Item]) -> list[AgentResult]:
    """The results among the items of a job, oldest first."""
    results = [result_from(item) for item in items if item["SK"].startswith(keys.RESULTS)]
    return sorted(results, key=lambda result: (result.created_at, result.agent))


def snapshot_from(meta: Item, items: Iterable[Item], now: float) -> Snapshot:
    """Everything of a job: ``meta`` as it was read, and the other items, read after it."""
    rows = list(items)
    by_name: Mapping[str, Item] = {row["SK"]: row for row in rows}
    results = {result.agent: result for result in results_from(rows)}
    attempts = [attempt_from(row) for row in rows if row["SK"].startswith(keys.ATTEMPTS)]
    return Snapshot(
        job=job_from(
            meta,
            by_name[keys.REQUEST],
            by_name.get(keys.PLAN),
            {name: result.payload for name, result in results.items()},
        ),
        events=tuple(event_from(row) for row in rows if row["SK"].startswith(keys.EVENTS)),
        attempts=tuple(sorted(attempts, key=lambda a: (a.key.run, a.key.seq, a.key.agent, a.key.number))),
        results=results,
        now=now,
    )


def document_from(namespace: str, key: str, item: Item) -> Document:
    """One document."""
    return Document(namespace, key, loads(item["body"]), item["version"], _time(item, "expires_at"))


def _time(item: Mapping[str, Any], name: str) -> float | None:
    return float(item[name]) if name in item else None

"""The trace of a job: what was decided and why, and how each step came out. Pure, and the same everywhere.

It is made from the recorded events and the attempts; order and content do not depend on which sibling ended first, on
crashes, or on where agents ran.
"""

from collections.abc import Mapping
from typing import Any

from agent_framework.types import Attempt, AttemptState, Event, EventKind, JSONDict, Snapshot, Usage

_VOLATILE = frozenset({"at", "attempts", "seconds", "usage", "started_at", "plan", "approval", "approvals", "cached"})


def trace(snapshot: Snapshot) -> list[JSONDict]:
    """One entry per event of all runs, in order; steps carry the outcome of each of their agents."""
    attempts: dict[tuple[int, int, str], list[Attempt]] = {}
    for attempt in snapshot.attempts:
        key = attempt.key
        attempts.setdefault((key.run, key.seq, key.agent), []).append(attempt)
    return [_entry(event, attempts) for event in snapshot.events]


def canonical(entries: list[JSONDict]) -> list[JSONDict]:
    """The trace without what differs between equal runs: times, attempt numbers, usage, ids of approvals."""
    return [_without_volatile(entry) for entry in entries]


def _without_volatile(entry: JSONDict) -> JSONDict:
    kept = {key: value for key, value in entry.items() if key not in _VOLATILE}
    if "outcomes" in kept:
        kept["outcomes"] = {agent: _without_volatile(outcome) for agent, outcome in kept["outcomes"].items()}
    return kept


def _entry(event: Event, attempts: Mapping[tuple[int, int, str], list[Attempt]]) -> JSONDict:
    entry: JSONDict = {"seq": event.seq, "run": event.run, "kind": event.kind.value, "at": event.at, **event.data}
    if event.kind is EventKind.STEP:
        entry["outcomes"] = {
            agent: _outcome(attempts.get((event.run, event.seq, agent), [])) for agent in event.data["agents"]
        }
    return entry


def _outcome(group: list[Attempt]) -> JSONDict:
    """How one agent of a step came out: its last attempt, and how many there were."""
    if not group:
        return {"state": "not_started", "attempts": 0}
    last = max(group, key=lambda attempt: attempt.key.number)
    usage = Usage()
    for attempt in group:
        usage += attempt.outcome.usage if attempt.outcome else Usage()
    entry: dict[str, Any] = {"state": last.state.value, "attempts": len(group), "usage": usage.to_dict()}
    if last.outcome is not None:
        if last.outcome.execution_time_ms is not None:
            entry["seconds"] = last.outcome.execution_time_ms / 1000
        if last.outcome.error is not None:
            entry["reason"] = last.outcome.error
        if "cached" in last.outcome.detail:
            entry["cached"] = last.outcome.detail["cached"]
        if "without" in last.outcome.detail:
            entry["without"] = last.outcome.detail["without"]
        if last.state is AttemptState.INTERRUPTED:
            entry["calls"] = [call["agent"] for call in last.outcome.detail["calls"]]
    if last.performer != last.key.agent:
        entry["produced_by"] = last.performer
    return entry


def total_usage(snapshot: Snapshot) -> Usage:
    """What all attempts of all runs have used."""
    usage = Usage()
    for attempt in snapshot.attempts:
        if attempt.outcome is not None:
            usage += attempt.outcome.usage
    return usage


def job_cache(snapshot: Snapshot) -> JSONDict:
    """How often the job's agents looked for a stored result, and found one."""
    looked = [a.outcome.detail["cached"] for a in snapshot.attempts if a.outcome and "cached" in a.outcome.detail]
    hits = sum(1 for hit in looked if hit)
    return {"hits": hits, "looks": len(looked), "hit_ratio": round(hits / len(looked), 4) if looked else None}

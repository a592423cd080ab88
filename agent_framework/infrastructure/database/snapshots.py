"""What is known of a job after a write, without reading it again. Pure.

Jobs are made anew here field by field: `dataclasses.replace` takes five times as long, and this happens
at every step of every job.
"""

from collections.abc import Sequence
from dataclasses import replace

from agent_framework.infrastructure.database._requests import Ended
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import (
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    AttemptState,
    Event,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
)

Settled = tuple[AttemptKey, AgentOutcome]


def created(job_id: str, user_id: str, job_type: str, payload: JSONDict, at: float) -> Snapshot:
    """A job that was stored at the moment ``at``."""
    job = Job(
        job_id, user_id, job_type, JobStatus.PENDING, payload, {}, due_at=at, created_at=at, updated_at=at
    )  # everything else as it is in a new row
    return Snapshot(job, (), (), {}, at)


def with_settled(snapshot: Snapshot, settled: Sequence[Settled]) -> Snapshot:
    """The snapshot as it will be when ``settled`` is written."""
    if not settled:
        return snapshot
    outcomes = dict(settled)
    attempts = tuple(
        replace(a, state=outcomes[a.key].state, outcome=outcomes[a.key]) if a.key in outcomes else a
        for a in snapshot.attempts
    )
    return replace(snapshot, attempts=attempts)


def as_committed(snapshot: Snapshot, changes: Changes, at: float) -> Snapshot:
    """A job that was decided about at once, with what was written then, at the moment ``at``."""
    job, status = snapshot.job, changes.status
    job = Job(
        job.id,
        job.user_id,
        job.job_type,
        status or job.status,
        job.request_payload,
        job.agent_results,
        job.run,
        job.epoch + 1,
        job.signals,
        changes.due_at,
        changes.plan or job.plan,
        job.error_message if changes.error_message is None else changes.error_message,
        job.cancel_requested,
        job.created_at,
        job.started_at or at if status is JobStatus.RUNNING else job.started_at,
        at if status is not None and status.is_final else job.completed_at,
        at,
    )
    events = (*snapshot.events, *[Event(e.seq, e.run, e.kind, e.data, at) for e in changes.events])
    attempts = (*with_settled(snapshot, changes.settle).attempts, *changes.attempts)
    return Snapshot(job, events, attempts, snapshot.results, at)


def with_ended(snapshot: Snapshot, ended: Sequence[Ended], now: float) -> Snapshot:
    """The snapshot at the moment ``now``, when the outcomes of ``ended`` are stored, each of which signals the job."""
    if not ended:
        return Snapshot(snapshot.job, snapshot.events, snapshot.attempts, snapshot.results, now)
    news = {one.key: one for one in ended}
    attempts = tuple([_ended(a, news[a.key]) if a.key in news else a for a in snapshot.attempts])
    results, last, succeeded = dict(snapshot.results), 0.0, AttemptState.SUCCEEDED
    for one in ended:
        key, outcome, last = one.key, one.outcome, max(last, one.at)
        if outcome.state is succeeded:
            results.pop(key.agent, None)  # results are in the order in which they came
            output, ms = outcome.output or {}, outcome.execution_time_ms
            results[key.agent] = AgentResult(key.agent, output, key.seq, ms, outcome.usage, one.stand_in, one.at)
    job = snapshot.job
    job = Job(
        job.id,
        job.user_id,
        job.job_type,
        job.status,
        job.request_payload,
        {name: result.payload for name, result in results.items()},
        job.run,
        job.epoch,
        job.signals + len(ended),
        last,
        job.plan,
        job.error_message,
        job.cancel_requested,
        job.created_at,
        job.started_at,
        job.completed_at,
        last,
    )
    return Snapshot(job, snapshot.events, attempts, results, now)


def _ended(attempt: Attempt, ended: Ended) -> Attempt:
    return Attempt(
        attempt.key,
        attempt.performer,
        ended.outcome.state,
        attempt.not_before,
        attempt.not_after,
        attempt.owner,
        attempt.started_at,
        ended.at,
        ended.outcome,
    )

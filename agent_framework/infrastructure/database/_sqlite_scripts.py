"""The engine's scripts as SQLite carries them out: requests of one kind together, each statement once for all of them.

A script that finds that a request does not go through raises `NotTogether`, unless it is the only one; it is then
undone, and carried out again for each request by itself.
"""

import hashlib
from collections.abc import Sequence
from functools import partial

from agent_framework.errors import AgentFrameworkError
from agent_framework.infrastructure._json import ByObject, to_json
from agent_framework.infrastructure.database._requests import Ended, NewJob, Write
from agent_framework.infrastructure.database._rows import attempt_from
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sql import (
    ACTIVE_JOB,
    KEY,
    REPLACE_RESULT,
    key_params,
    outcome_json,
    usage_json,
)
from agent_framework.infrastructure.database._sql_steps import StepScripts
from agent_framework.types import Attempt, AttemptKey, AttemptState, JobStatus, JSONDict, Snapshot

_SAME_ATTEMPT = "job_id = ? AND run = ? AND seq = ? AND agent = ? AND number = ?"
_INSERT_JOBS = """INSERT INTO jobs (id, user_id, job_type, client_key, due_at, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_INSERT_INPUTS = "INSERT INTO job_inputs (job_id, request_payload) VALUES (?, ?)"
_INSERT_PLANS = "INSERT OR IGNORE INTO plans (id, plan) VALUES (?, ?)"
_MOVE_JOBS = f"""UPDATE jobs SET epoch = epoch + ?, status = COALESCE(NULLIF(?, ''), status),
    error_message = COALESCE(?, error_message), plan_id = COALESCE(NULLIF(?, ''), plan_id), due_at = ?,
    lease_owner = NULL, lease_until = 0, started_at = CASE WHEN ? THEN COALESCE(started_at, ?) ELSE started_at END,
    completed_at = CASE WHEN ? THEN ? ELSE completed_at END, updated_at = ?
    WHERE id = ? AND epoch = ? AND run = ? AND signals = ? AND {ACTIVE_JOB}
    AND CASE WHEN ? THEN lease_owner IS NOT NULL ELSE lease_until <= ? END"""
_INSERT_EVENTS = "INSERT INTO job_events (job_id, seq, run, kind, data, at) VALUES (?, ?, ?, ?, ?, ?)"
_SETTLE_ATTEMPTS = f"""UPDATE attempts SET state = ?, outcome = ?, ended_at = ?
    WHERE {_SAME_ATTEMPT} AND state IN ('pending', 'started')"""
_INSERT_ATTEMPTS = """INSERT INTO attempts
    (job_id, run, seq, agent, number, performer, state, owner, not_before, not_after, started_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_END_ATTEMPTS = f"""UPDATE attempts SET state = ?, outcome = ?, ended_at = ?
    WHERE {_SAME_ATTEMPT} AND state = 'started' AND owner = ?
    AND EXISTS (SELECT 1 FROM jobs WHERE id = job_id AND jobs.run = attempts.run AND {ACTIVE_JOB})"""
_INSERT_RESULTS = f"""INSERT INTO agent_results
    (job_id, agent_name, result_payload, seq, execution_time_ms, usage, produced_by, created_at)
    VALUES (?, ?, ?, ?, ?, ?, NULLIF(?, ''), ?) {REPLACE_RESULT}"""
_SIGNAL_JOBS = "UPDATE jobs SET signals = signals + ?, due_at = ?, updated_at = ? WHERE id = ?"


class NotTogether(Exception):  # noqa: N818 -- it is no error, each request is carried out by itself
    """One of several requests does not go through; nobody else should be told."""


class SqliteScripts(StepScripts):
    """All transaction scripts of SQLite."""

    whole_jobs = "whole_jobs"
    plan_column = "plan_id"

    # -- creating --------------------------------------------------------------------------------------------

    def create(self, jobs: Sequence[NewJob]) -> Script[list[tuple[str, float | None] | AgentFrameworkError]]:
        rows = yield Statement(
            _INSERT_JOBS,
            many=[(j.id, j.user_id, j.job_type, j.client_key, j.at, j.at, j.at) for j in jobs],
        )
        if rows[0]["changed"] == len(jobs):
            yield Statement(_INSERT_INPUTS, many=[(job.id, job.payload) for job in jobs])
            return [(job.id, job.at) for job in jobs]
        if len(jobs) > 1:
            raise NotTogether
        try:
            return [((yield from self.existing(jobs[0])), None)]
        except AgentFrameworkError as exc:
            return [exc]

    # -- deciding --------------------------------------------------------------------------------------------

    def free(self, job_id: str) -> Script[Snapshot | None]:
        """The job, if it is active and nobody has claimed it."""
        rows = yield Statement(
            f"""SELECT *, {self._now} AS read_at FROM whole_jobs AS jobs
            WHERE id = :id AND {ACTIVE_JOB} AND lease_until <= {self._now}""",
            {"id": job_id},
        )
        return (yield from self._snapshot(rows[0])) if rows else None

    def move(self, decisions: Sequence[Write]) -> Script[list[float | None]]:
        moments = [decision.at if decision.rests_on() else None for decision in decisions]
        still = [decision for decision, at in zip(decisions, moments, strict=True) if at is not None]
        if still:
            rows = yield Statement(_MOVE_JOBS, many=[_moved(decision) for decision in still])
            if rows[0]["changed"] != len(still):
                if len(decisions) > 1:
                    raise NotTogether
                return [None]
            yield from self._write_trace(still)
        return moments

    def _write_trace(self, decisions: Sequence[Write]) -> Script[None]:
        plans = {_stored_plan(d.changes.plan) for d in decisions if d.changes.plan is not None}
        if plans:
            yield Statement(_INSERT_PLANS, many=list(plans))
        events = [
            (d.job.id, e.seq, e.run, str(e.kind), _event_json(e.data), d.at)
            for d in decisions
            for e in d.changes.events
        ]
        if events:
            yield Statement(_INSERT_EVENTS, many=events)
        settled = [
            (str(outcome.state), outcome_json(outcome), d.at, *key)
            for d in decisions
            for key, outcome in d.changes.settle
        ]
        if settled:
            yield Statement(_SETTLE_ATTEMPTS, many=settled)
        attempts = [
            (*a.key, a.performer, str(a.state), a.owner, a.not_before, a.not_after, a.started_at)
            for d in decisions
            for a in d.changes.attempts
        ]
        if attempts:
            yield Statement(_INSERT_ATTEMPTS, many=attempts)

    # -- attempts --------------------------------------------------------------------------------------------

    def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Script[Attempt | None]:
        rows = yield Statement(
            f"""UPDATE attempts SET state = 'started', owner = :owner, started_at = {self._now},
            not_after = {self._after("run_for")} WHERE {KEY} AND state = 'pending'
            AND EXISTS (SELECT 1 FROM jobs WHERE id = :job_id AND run = :run AND {ACTIVE_JOB}
            AND NOT cancel_requested) RETURNING *""",
            {**key_params(key), "owner": owner, "run_for": run_for_s},
        )
        return attempt_from(rows[0]) if rows else None

    def end(self, outcomes: Sequence[Ended]) -> Script[list[float | None]]:
        rows = yield Statement(
            _END_ATTEMPTS,
            many=[(str(o.outcome.state), outcome_json(o.outcome), o.at, *o.key, o.owner) for o in outcomes],
        )
        if rows[0]["changed"] != len(outcomes):
            if len(outcomes) > 1:
                raise NotTogether
            return [None]
        succeeded = AttemptState.SUCCEEDED
        results = [_result(ended) for ended in outcomes if ended.outcome.state is succeeded]
        if results:
            yield Statement(_INSERT_RESULTS, many=results)
        signals: dict[str, int] = {}
        for ended in outcomes:
            signals[ended.key.job_id] = signals.get(ended.key.job_id, 0) + 1
        at = max(ended.at for ended in outcomes)
        yield Statement(_SIGNAL_JOBS, many=[(count, at, at, job_id) for job_id, count in signals.items()])
        for ended in outcomes:
            ended.stored = True
        return [ended.at for ended in outcomes]


def _with_id(plan: JSONDict) -> tuple[str, str]:
    """The id that a plan has by its text, and the text."""
    text = to_json(plan, what="the plan")
    return hashlib.sha256(text.encode()).hexdigest()[:32], text


_stored_plan = ByObject(_with_id, most=64)
"""How a plan is stored: jobs of one plan share it."""

_event_json = ByObject(partial(to_json, what="an event"), most=1024, keeps=lambda text: len(text) < 512)
"""How an event is stored: jobs that go on in the same way share what is recorded."""


def _moved(decision: Write) -> tuple[object, ...]:
    """The parameters of `_MOVE_JOBS`; few are None or bool, for which Python looks for an adapter each time."""
    job, changes, at, status = decision.job, decision.changes, decision.at, decision.changes.status
    return (
        0 if decision.is_claimed else 1,
        "" if status is None else str(status),
        changes.error_message,
        "" if changes.plan is None else _stored_plan(changes.plan)[0],
        changes.due_at,
        1 if status is JobStatus.RUNNING else 0,
        at,
        1 if status is not None and status.is_final else 0,
        at,
        at,
        job.id,
        job.epoch,
        job.run,
        job.signals,
        1 if decision.is_claimed else 0,
        at,
    )


def _result(ended: Ended) -> tuple[object, ...]:
    """The parameters of `_INSERT_RESULTS`; a stand-in is named."""
    key, outcome = ended.key, ended.outcome
    payload = to_json(outcome.output or {}, what=f"the output of {key.agent}")
    return (
        key.job_id, key.agent, payload, key.seq, outcome.execution_time_ms, usage_json(outcome.usage),
        ended.stand_in or "", ended.at
    )  # fmt: skip

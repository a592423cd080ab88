"""The SQL that SQL backends share: jobs, results and claims, as transaction scripts without I/O (`_script`).

A transaction locks the job before its attempts, everywhere, so no two of them wait for each other.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agent_framework.errors import IdempotencyConflictError, JobNotFoundError, StaleClaimError
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads, outcome_to_dict, usage_to_dict
from agent_framework.infrastructure.database._requests import NewJob
from agent_framework.infrastructure.database._rows import (
    Row,
    job_from,
    result_from,
    snapshot_from,
)
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sql_documents import DocumentScripts
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import (
    FINAL_STATUSES,
    NO_USAGE,
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    AttemptState,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
    Usage,
    check_transition,
)

FINAL = ", ".join(f"'{status}'" for status in sorted(FINAL_STATUSES))
ACTIVE_JOB = " AND ".join(f"jobs.status <> '{status}'" for status in sorted(FINAL_STATUSES))
"""No list: SQLite makes a table of one with more than two values, each time that a statement runs."""
KEY = "job_id = :job_id AND run = :run AND seq = :seq AND agent = :agent AND number = :number"
CLAIM_OF_JOB = "SELECT epoch, signals, status, lease_owner FROM jobs WHERE id = :id"
REPLACE_RESULT = """ON CONFLICT (job_id, agent_name) DO UPDATE SET result_payload = excluded.result_payload,
    seq = excluded.seq, execution_time_ms = excluded.execution_time_ms, usage = excluded.usage,
    produced_by = excluded.produced_by, created_at = excluded.created_at"""


class Scripts(DocumentScripts):
    """The transaction scripts that all dialects share."""

    whole_jobs = "jobs"
    """Where a job can be read with all that belongs to its row."""
    plan_column = "plan"
    """What says by which plan a job goes."""

    # -- jobs ------------------------------------------------------------------------------------------------

    def existing(self, job: NewJob) -> Script[str]:
        """The job that has the id or client key of one that could not be stored for that.

        Raises:
            IdempotencyConflictError: it is another request.
        """
        rows = yield Statement(
            f"""SELECT id, user_id, job_type, request_payload FROM {self.whole_jobs}
            WHERE id = :id OR (user_id = :user_id AND client_key = :key) ORDER BY client_key = :key DESC""",
            {"id": job.id, "user_id": job.user_id, "key": job.client_key},
        )
        existing = rows[0]
        same = existing["user_id"] == job.user_id and existing["job_type"] == job.job_type
        if not same or _canonical(existing["request_payload"]) != _canonical(job.payload):
            used = f"client key {job.client_key!r} of user {job.user_id!r}" if job.client_key else f"job id {job.id!r}"
            raise IdempotencyConflictError(
                f"{used} was used for job {existing['id']} with another request; use a new key for a new request"
            )
        return str(existing["id"])

    def get_job(self, job_id: str) -> Script[Job | None]:
        rows = yield Statement(f"SELECT * FROM {self.whole_jobs} WHERE id = :id", {"id": job_id})
        if not rows:
            return None
        results = yield self._select_results(job_id)
        return job_from(rows[0], {row["agent_name"]: loads(row["result_payload"]) for row in results})

    def list_jobs(
        self, user_id: str | None, status: JobStatus | None, limit: int, after: str | None
    ) -> Script[list[Job]]:
        tests = ["1 = 1"]
        if user_id is not None:
            tests.append("user_id = :user_id")
        if status is not None:
            tests.append("status = :status")
        if after is not None:
            tests.append("(created_at, id) < (SELECT created_at, id FROM jobs WHERE id = :after)")
        rows = yield Statement(
            f"""SELECT * FROM {self.whole_jobs} WHERE {" AND ".join(tests)}
            ORDER BY created_at DESC, id DESC LIMIT :limit""",
            {"user_id": user_id, "status": status, "after": after, "limit": limit},
        )
        return [job_from(row, {}) for row in rows]

    def update_job_status(self, job_id: str, status: JobStatus, error_message: str | None) -> Script[None]:
        rows = yield Statement(f"SELECT status FROM jobs WHERE id = :id {self._for_update}", {"id": job_id})
        if not rows:
            raise JobNotFoundError(job_id)
        check_transition(job_id, JobStatus(rows[0]["status"]), status)
        due = "NULL" if status.is_final else self._now
        yield Statement(
            f"""UPDATE jobs SET status = :status, error_message = :error, signals = signals + 1, due_at = {due},
            {self._status_times(status)} updated_at = {self._now} WHERE id = :id""",
            {"id": job_id, "status": status, "error": error_message},
        )

    def _status_times(self, status: JobStatus) -> str:
        if status is JobStatus.RUNNING:
            return f"started_at = COALESCE(started_at, {self._now}),"
        return f"completed_at = {self._now}," if status.is_final else ""

    def retry_job(self, job_id: str) -> Script[Job]:
        rows = yield Statement(f"SELECT status FROM jobs WHERE id = :id {self._for_update}", {"id": job_id})
        if not rows:
            raise JobNotFoundError(job_id)
        check_transition(job_id, JobStatus(rows[0]["status"]), JobStatus.PENDING)
        yield Statement(
            f"""UPDATE jobs SET status = 'pending', run = run + 1, signals = signals + 1, due_at = {self._now},
            error_message = NULL, completed_at = NULL, cancel_requested = FALSE, {self.plan_column} = NULL,
            lease_owner = NULL, lease_until = {self._dialect.epoch}, updated_at = {self._now} WHERE id = :id""",
            {"id": job_id},
        )
        rows = yield Statement(f"SELECT * FROM {self.whole_jobs} WHERE id = :id", {"id": job_id})
        return job_from(rows[0], {})

    def signal_job(self, job_id: str, cancel: bool) -> Script[bool]:
        signal = Statement(
            f"""UPDATE jobs SET signals = signals + 1, due_at = {self._now}, updated_at = {self._now}
            {", cancel_requested = TRUE" if cancel else ""} WHERE id = :id AND {ACTIVE_JOB} RETURNING id""",
            {"id": job_id},
        )
        return bool((yield self._sole(signal)))

    def due_jobs(self, limit: int) -> Script[list[str]]:
        rows = yield Statement(
            f"""SELECT id FROM jobs WHERE due_at <= {self._now} AND lease_until <= {self._now}
            ORDER BY due_at, id LIMIT :limit""",
            {"limit": limit},
        )
        return [row["id"] for row in rows]

    def now(self) -> Script[float]:
        rows = yield Statement(f"SELECT {self._now} AS now")
        return float(rows[0]["now"])

    # -- results ---------------------------------------------------------------------------------------------

    def store_output(self, job_id: str, agent: str, payload: JSONDict, execution_time_ms: int | None) -> Script[None]:
        rows = yield Statement("UPDATE jobs SET signals = signals + 1 WHERE id = :id RETURNING id", {"id": job_id})
        if not rows:
            raise JobNotFoundError(job_id)
        yield Statement(
            f"""INSERT INTO agent_results
            (job_id, agent_name, result_payload, seq, execution_time_ms, usage, produced_by, created_at)
            VALUES (:job_id, :agent, {self._json("payload")}, NULL, :ms, {self._json("usage")}, NULL, {self._now})
            {REPLACE_RESULT}""",
            {
                "job_id": job_id,
                "agent": agent,
                "payload": to_json(payload, what=f"the output of {agent}"),
                "ms": execution_time_ms,
                "usage": usage_json(NO_USAGE),
            },
        )

    def get_output(self, job_id: str, agent: str) -> Script[JSONDict | None]:
        rows = yield Statement(
            "SELECT result_payload FROM agent_results WHERE job_id = :job_id AND agent_name = :agent",
            {"job_id": job_id, "agent": agent},
        )
        return loads(rows[0]["result_payload"]) if rows else None

    def get_results(self, job_id: str) -> Script[list[AgentResult]]:
        rows = yield self._select_results(job_id)
        return [result_from(row) for row in rows]

    @staticmethod
    def _select_results(job_id: str) -> Statement:
        return Statement(
            "SELECT * FROM agent_results WHERE job_id = :job_id ORDER BY created_at, agent_name", {"job_id": job_id}
        )

    # -- claims ----------------------------------------------------------------------------------------------

    def claim(self, job_id: str, owner: str, lease_s: float, take_over_from: str | None) -> Script[Snapshot | None]:
        claim = Statement(
            f"""UPDATE jobs SET epoch = epoch + 1, lease_owner = :owner, lease_until = {self._after("lease")}
            WHERE id = :id AND {ACTIVE_JOB} AND (lease_until <= {self._now} OR lease_owner = :dead) RETURNING id""",
            {"id": job_id, "owner": owner, "lease": lease_s, "dead": take_over_from},
        )
        if not (yield self._sole(claim)):
            return None
        return (yield from self.load(job_id))

    def claim_owner(self, job_id: str) -> Script[str | None]:
        rows = yield Statement(
            f"SELECT lease_owner FROM jobs WHERE id = :id AND lease_until > {self._now}", {"id": job_id}
        )
        return rows[0]["lease_owner"] if rows else None

    def load(self, job_id: str) -> Script[Snapshot | None]:
        jobs = yield Statement(
            f"SELECT *, {self._now} AS read_at FROM {self.whole_jobs} WHERE id = :id", {"id": job_id}
        )
        return (yield from self._snapshot(jobs[0])) if jobs else None

    def _snapshot(self, row: Row) -> Script[Snapshot]:
        """The job of a row of ``jobs``, with all that belongs to it."""
        job_id = row["id"]
        events = yield Statement("SELECT * FROM job_events WHERE job_id = :id ORDER BY seq", {"id": job_id})
        attempts = yield Statement(
            "SELECT * FROM attempts WHERE job_id = :id ORDER BY run, seq, agent, number", {"id": job_id}
        )
        results = yield self._select_results(job_id)
        return snapshot_from(row, events, attempts, results)

    def refused(self, job: Job, changes: Changes) -> Script[Snapshot | None]:
        """Why a decision about a claimed job was not written: the job as it is now, because it was signalled.

        Raises:
            StaleClaimError: the claim is over.
            IllegalTransitionError
        """
        rows = yield Statement(CLAIM_OF_JOB, {"id": job.id})
        check_claim(job, rows)
        if rows[0]["signals"] == job.signals and changes.status is not None:
            check_transition(job.id, job.status, changes.status)
        return (yield from self.load(job.id))


def _canonical(stored: Any) -> str:
    """Stored JSON with its keys in order; unlike Python's ``==`` it tells ``1`` from ``true``."""
    return json.dumps(loads(stored), sort_keys=True)


def check_claim(job: Job, rows: Sequence[Row]) -> None:
    """Refuse a decision whose claim is not the present one; ``rows`` come from `CLAIM_OF_JOB`.

    Raises:
        StaleClaimError
    """
    if not rows or rows[0]["epoch"] != job.epoch or rows[0]["lease_owner"] is None:
        raise StaleClaimError(
            f"the claim of this decision is over: job {job.id} was claimed by somebody else, or the decision was "
            "committed before; nothing was written"
        )


def key_params(key: AttemptKey) -> JSONDict:
    """The parameters of `KEY`."""
    return {"job_id": key.job_id, "run": key.run, "seq": key.seq, "agent": key.agent, "number": key.number}


def attempt_params(attempt: Attempt) -> JSONDict:
    """The parameters of a row of attempts."""
    return {
        **key_params(attempt.key),
        "performer": attempt.performer,
        "state": attempt.state,
        "owner": attempt.owner,
        "started_at": attempt.started_at,
        "not_before": attempt.not_before,
        "not_after": attempt.not_after,
    }


def outcome_json(outcome: AgentOutcome) -> str:
    """The stored form of an outcome, see `outcome_to_dict`."""
    if outcome.state is AttemptState.SUCCEEDED and outcome.usage is NO_USAGE and not outcome.detail:
        return _success_json(outcome.execution_time_ms)
    return to_json(outcome_to_dict(outcome), what="the outcome")


@lru_cache(maxsize=1024)
def _success_json(ms: int | None) -> str:
    """Successes of agents that ask no model differ in their time alone, if at all."""
    return to_json(outcome_to_dict(AgentOutcome(AttemptState.SUCCEEDED, execution_time_ms=ms)), what="the outcome")


def usage_json(usage: Usage) -> str:
    """The stored form of what model calls used."""
    return _NO_USAGE_JSON if usage is NO_USAGE else to_json(usage_to_dict(usage), what="usage")


_NO_USAGE_JSON = to_json(usage_to_dict(NO_USAGE), what="usage")

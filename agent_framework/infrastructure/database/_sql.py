"""The SQL of every SQL backend, as transaction scripts without I/O.

A script is a generator: it yields statements, is sent their rows, and returns the result; whoever runs it wraps it in
one transaction. So each transaction is written once, and a backend brings only its driver and its `Dialect`.
"""

import uuid
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from agent_framework.errors import IdempotencyConflictError, JobNotFoundError, StaleClaimError
from agent_framework.infrastructure.database._codec import dumps, loads, outcome_from_dict, outcome_to_dict
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import (
    FINAL_STATUSES,
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
    check_transition,
)

T = TypeVar("T")
Row = Mapping[str, Any]
Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with named parameters (``:name``); ``many`` runs it once per set of parameters."""

    sql: str
    params: Params | None = None
    many: Sequence[Params] | None = None


Script = Generator[Statement, Sequence[Row], T]
"""A transaction: yields statements, is sent their rows, returns a ``T``."""

_FINAL = ", ".join(f"'{status}'" for status in sorted(FINAL_STATUSES))
_ACTIVE_JOB = f"status NOT IN ({_FINAL})"
_KEY = "job_id = :job_id AND run = :run AND seq = :seq AND agent = :agent AND number = :number"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between SQL backends: the clock, and how a selected row is locked until the end."""

    now: str
    for_update: str


class Scripts:
    """All transaction scripts in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._now = dialect.now
        self._for_update = dialect.for_update

    # -- jobs ------------------------------------------------------------------------------------------------

    def create_job(
        self, user_id: str, job_type: str, payload: JSONDict, client_key: str | None, job_id: str | None
    ) -> Script[str]:
        stored = dumps(payload, what="the job's request_payload")
        new_id = job_id or str(uuid.uuid4())
        rows = yield Statement(
            f"""INSERT INTO jobs (id, user_id, job_type, request_payload, client_key, due_at, created_at, updated_at)
            VALUES (:id, :user_id, :job_type, :payload, :client_key, {self._now}, {self._now}, {self._now})
            ON CONFLICT DO NOTHING RETURNING id""",
            {
                "id": new_id,
                "user_id": user_id,
                "job_type": job_type,
                "payload": stored,
                "client_key": client_key,
            },
        )
        if rows:
            return new_id
        rows = yield Statement(
            """SELECT id, job_type, request_payload FROM jobs
            WHERE id = :id OR (user_id = :user_id AND client_key = :key)""",
            {"id": new_id, "user_id": user_id, "key": client_key},
        )
        existing = rows[0]
        if existing["job_type"] != job_type or loads(existing["request_payload"]) != payload:
            used = f"client key {client_key!r} of user {user_id!r}" if client_key else f"job id {job_id!r}"
            raise IdempotencyConflictError(
                f"{used} was used for job {existing['id']} with another request; use a new key for a new request"
            )
        return str(existing["id"])

    def get_job(self, job_id: str) -> Script[Job | None]:
        rows = yield Statement("SELECT * FROM jobs WHERE id = :id", {"id": job_id})
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
            f"SELECT * FROM jobs WHERE {' AND '.join(tests)} ORDER BY created_at DESC, id DESC LIMIT :limit",
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

    def _status_times(self, status: JobStatus | None) -> str:
        if status is JobStatus.RUNNING:
            return f"started_at = COALESCE(started_at, {self._now}),"
        return f"completed_at = {self._now}," if status is not None and status.is_final else ""

    def retry_job(self, job_id: str) -> Script[Job]:
        rows = yield Statement(f"SELECT status FROM jobs WHERE id = :id {self._for_update}", {"id": job_id})
        if not rows:
            raise JobNotFoundError(job_id)
        check_transition(job_id, JobStatus(rows[0]["status"]), JobStatus.PENDING)
        rows = yield Statement(
            f"""UPDATE jobs SET status = 'pending', run = run + 1, signals = signals + 1, due_at = {self._now},
            error_message = NULL, completed_at = NULL, cancel_requested = 0, plan = NULL, updated_at = {self._now}
            WHERE id = :id RETURNING *""",
            {"id": job_id},
        )
        return job_from(rows[0], {})

    def signal_job(self, job_id: str, cancel: bool) -> Script[bool]:
        rows = yield Statement(
            f"""UPDATE jobs SET signals = signals + 1, due_at = {self._now}, updated_at = {self._now}
            {", cancel_requested = 1" if cancel else ""} WHERE id = :id AND {_ACTIVE_JOB} RETURNING id""",
            {"id": job_id},
        )
        return bool(rows)

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
        rows = yield Statement("SELECT id FROM jobs WHERE id = :id", {"id": job_id})
        if not rows:
            raise JobNotFoundError(job_id)
        yield self._upsert_result(job_id, agent, payload, None, execution_time_ms, Usage(), None)

    def _upsert_result(
        self,
        job_id: str,
        agent: str,
        payload: JSONDict,
        seq: int | None,
        execution_time_ms: int | None,
        usage: Usage,
        produced_by: str | None,
    ) -> Statement:
        return Statement(
            f"""INSERT INTO agent_results
            (job_id, agent_name, result_payload, seq, execution_time_ms, usage, produced_by, created_at)
            VALUES (:job_id, :agent, :payload, :seq, :ms, :usage, :produced_by, {self._now})
            ON CONFLICT (job_id, agent_name) DO UPDATE SET result_payload = excluded.result_payload,
            seq = excluded.seq, execution_time_ms = excluded.execution_time_ms, usage = excluded.usage,
            produced_by = excluded.produced_by, created_at = excluded.created_at""",
            {
                "job_id": job_id,
                "agent": agent,
                "payload": dumps(payload, what=f"the output of {agent}"),
                "seq": seq,
                "ms": execution_time_ms,
                "usage": dumps(usage.to_dict(), what="usage"),
                "produced_by": produced_by,
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
        rows = yield Statement(
            f"""UPDATE jobs SET epoch = epoch + 1, lease_owner = :owner, lease_until = {self._now} + :lease
            WHERE id = :id AND {_ACTIVE_JOB} AND (lease_until <= {self._now} OR lease_owner = :dead) RETURNING id""",
            {"id": job_id, "owner": owner, "lease": lease_s, "dead": take_over_from},
        )
        if not rows:
            return None
        return (yield from self.load(job_id))

    def claim_owner(self, job_id: str) -> Script[str | None]:
        rows = yield Statement(
            f"SELECT lease_owner FROM jobs WHERE id = :id AND lease_until > {self._now}", {"id": job_id}
        )
        return rows[0]["lease_owner"] if rows else None

    def load(self, job_id: str) -> Script[Snapshot | None]:
        jobs = yield Statement(f"SELECT *, {self._now} AS read_at FROM jobs WHERE id = :id", {"id": job_id})
        if not jobs:
            return None
        events = yield Statement("SELECT * FROM job_events WHERE job_id = :id ORDER BY seq", {"id": job_id})
        attempts = yield Statement(
            "SELECT * FROM attempts WHERE job_id = :id ORDER BY run, seq, agent, number", {"id": job_id}
        )
        results = yield self._select_results(job_id)
        by_agent = {row["agent_name"]: result_from(row) for row in results}
        return Snapshot(
            job=job_from(jobs[0], {name: result.payload for name, result in by_agent.items()}),
            events=tuple(event_from(row) for row in events),
            attempts=tuple(attempt_from(row) for row in attempts),
            results=by_agent,
            now=float(jobs[0]["read_at"]),
        )

    def commit(self, snapshot: Snapshot, changes: Changes) -> Script[Snapshot | None]:
        job = snapshot.job
        rows = yield Statement(
            f"SELECT epoch, signals, status FROM jobs WHERE id = :id {self._for_update}", {"id": job.id}
        )
        if not rows or rows[0]["epoch"] != job.epoch:
            raise StaleClaimError(f"job {job.id} was claimed by somebody else; this decision was not written")
        if rows[0]["signals"] != job.signals:
            return (yield from self.load(job.id))
        if changes.status is not None and changes.status != rows[0]["status"]:
            check_transition(job.id, JobStatus(rows[0]["status"]), changes.status)
        yield from self._write_trace(job, changes)
        yield Statement(
            f"""UPDATE jobs SET status = COALESCE(:status, status), error_message = COALESCE(:error, error_message),
            plan = COALESCE(:plan, plan), due_at = :due_at, lease_owner = NULL, lease_until = 0,
            {self._status_times(changes.status)} updated_at = {self._now} WHERE id = :id""",
            {
                "id": job.id,
                "status": changes.status,
                "error": changes.error_message,
                "plan": None if changes.plan is None else dumps(changes.plan, what="the plan"),
                "due_at": changes.due_at,
            },
        )
        return None

    def _write_trace(self, job: Job, changes: Changes) -> Script[None]:
        if changes.events:
            yield Statement(
                f"""INSERT INTO job_events (job_id, seq, run, kind, data, at)
                VALUES (:job_id, :seq, :run, :kind, :data, {self._now})""",
                many=[
                    {
                        "job_id": job.id,
                        "seq": event.seq,
                        "run": event.run,
                        "kind": event.kind,
                        "data": dumps(event.data, what="an event"),
                    }
                    for event in changes.events
                ],
            )
        for key, outcome in changes.settle:
            yield Statement(
                f"""UPDATE attempts SET state = :state, outcome = :outcome, ended_at = {self._now}
                WHERE {_KEY} AND state IN ('pending', 'started')""",
                {**_key_params(key), "state": outcome.state, "outcome": _stored(outcome)},
            )
        if changes.attempts:
            yield Statement(
                """INSERT INTO attempts (job_id, run, seq, agent, number, performer, state, not_before, not_after)
                VALUES (:job_id, :run, :seq, :agent, :number, :performer, 'pending', :not_before, :not_after)""",
                many=[
                    {
                        **_key_params(attempt.key),
                        "performer": attempt.performer,
                        "not_before": attempt.not_before,
                        "not_after": attempt.not_after,
                    }
                    for attempt in changes.attempts
                ],
            )

    # -- attempts --------------------------------------------------------------------------------------------

    def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Script[Attempt | None]:
        rows = yield Statement(
            f"""UPDATE attempts SET state = 'started', owner = :owner, started_at = {self._now},
            not_after = {self._now} + :run_for WHERE {_KEY} AND state = 'pending' AND EXISTS (
                SELECT 1 FROM jobs WHERE id = :job_id AND {_ACTIVE_JOB} AND cancel_requested = 0
                AND jobs.run = attempts.run) RETURNING *""",
            {**_key_params(key), "owner": owner, "run_for": run_for_s},
        )
        return attempt_from(rows[0]) if rows else None

    def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, produced_by: str) -> Script[bool]:
        rows = yield Statement(
            f"""UPDATE attempts SET state = :state, outcome = :outcome, ended_at = {self._now}
            WHERE {_KEY} AND state = 'started' AND owner = :owner AND EXISTS (
                SELECT 1 FROM jobs WHERE id = :job_id AND {_ACTIVE_JOB} AND jobs.run = attempts.run) RETURNING agent""",
            {**_key_params(key), "owner": owner, "state": outcome.state, "outcome": _stored(outcome)},
        )
        if not rows:
            return False
        if outcome.state is AttemptState.SUCCEEDED:
            stand_in = produced_by if produced_by != key.agent else None
            yield self._upsert_result(
                key.job_id,
                key.agent,
                outcome.output or {},
                key.seq,
                outcome.execution_time_ms,
                outcome.usage,
                stand_in,
            )
        yield from self.signal_job(key.job_id, cancel=False)
        return True

    # -- documents -------------------------------------------------------------------------------------------

    def get_document(self, namespace: str, key: str) -> Script[Document | None]:
        rows = yield Statement(
            f"""SELECT * FROM documents WHERE namespace = :namespace AND key = :key
            AND (expires_at IS NULL OR expires_at > {self._now})""",
            {"namespace": namespace, "key": key},
        )
        return document_from(rows[0]) if rows else None

    def put_document(
        self, namespace: str, key: str, body: JSONDict, expected_version: int, ttl_s: float | None
    ) -> Script[Document | None]:
        params = {
            "namespace": namespace,
            "key": key,
            "body": dumps(body, what=f"the document {namespace}/{key}"),
            "expected": expected_version,
            "ttl": ttl_s,
        }
        if expected_version == 0:
            rows = yield Statement(
                f"""INSERT INTO documents (namespace, key, body, version, expires_at)
                VALUES (:namespace, :key, :body, 1, {self._now} + :ttl)
                ON CONFLICT (namespace, key) DO UPDATE SET body = excluded.body, version = documents.version + 1,
                expires_at = excluded.expires_at WHERE documents.expires_at <= {self._now} RETURNING *""",
                params,
            )
        else:
            rows = yield Statement(
                f"""UPDATE documents SET body = :body, version = version + 1, expires_at = {self._now} + :ttl
                WHERE namespace = :namespace AND key = :key AND version = :expected
                AND (expires_at IS NULL OR expires_at > {self._now}) RETURNING *""",
                params,
            )
        return document_from(rows[0]) if rows else None

    def delete_document(self, namespace: str, key: str, expected_version: int | None) -> Script[bool]:
        rows = yield Statement(
            """DELETE FROM documents WHERE namespace = :namespace AND key = :key
            AND version = COALESCE(:expected, version) RETURNING key""",
            {"namespace": namespace, "key": key, "expected": expected_version},
        )
        return bool(rows)

    def list_documents(self, namespace: str, prefix: str, limit: int) -> Script[list[Document]]:
        rows = yield Statement(
            f"""SELECT * FROM documents WHERE namespace = :namespace AND substr(key, 1, :length) = :prefix
            AND (expires_at IS NULL OR expires_at > {self._now}) ORDER BY key LIMIT :limit""",
            {"namespace": namespace, "prefix": prefix, "length": len(prefix), "limit": limit},
        )
        return [document_from(row) for row in rows]


def _key_params(key: AttemptKey) -> dict[str, Any]:
    return {"job_id": key.job_id, "run": key.run, "seq": key.seq, "agent": key.agent, "number": key.number}


def _stored(outcome: AgentOutcome) -> str:
    return dumps(outcome_to_dict(outcome), what="the outcome")


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
        plan=loads(row["plan"]),
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
        outcome=outcome_from_dict(state, stored) if stored else None,
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

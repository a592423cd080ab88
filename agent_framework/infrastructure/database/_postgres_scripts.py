"""The engine's scripts as PostgreSQL can carry them out: each statement is a transaction of its own.

Each statement is a round trip, and a request of the Data API. Rows of several tables come in one answer, as JSON; what
is written into several tables goes there by one statement with common table expressions, which keeps a receipt. No lock
outlives a statement: a decision is written if its job is still as it was read, and is made again otherwise.
"""

from collections.abc import Sequence

from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._postgres_dialect import KEEP_ANSWER
from agent_framework.infrastructure.database._requests import Decision, Ended, NewJob
from agent_framework.infrastructure.database._rows import Row, attempt_from, job_from, snapshot_from
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sql import (
    ACTIVE_JOB,
    KEY,
    REPLACE_RESULT,
    attempt_params,
    event_params,
    key_params,
    outcome_params,
    settled_params,
)
from agent_framework.infrastructure.database._sql_steps import StepScripts
from agent_framework.types import (
    Attempt,
    AttemptKey,
    AttemptState,
    Job,
    JSONDict,
    Snapshot,
)


def _seconds(*columns: str) -> str:
    return ", ".join(f"CAST(EXTRACT(EPOCH FROM {name}) AS DOUBLE PRECISION) AS {name}" for name in columns)


_EVENTS = f"SELECT seq, run, kind, data, {_seconds('at')} FROM job_events WHERE job_id = :id"
_ATTEMPT = f"""job_id, run, seq, agent, number, performer, state, owner, outcome,
    {_seconds("not_before", "not_after", "started_at", "ended_at")}"""
_ATTEMPTS = f"SELECT {_ATTEMPT} FROM attempts WHERE job_id = :id"
_RESULTS = f"""SELECT agent_name, result_payload, seq, execution_time_ms, usage, produced_by, {_seconds("created_at")}
    FROM agent_results WHERE job_id = :id"""


def _together(**queries: str) -> str:
    """One query whose rows say of which query they are, and hold the row as JSON."""
    return " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, row_to_json({kind}) AS body FROM ({query}) AS {kind}"
        for kind, query in queries.items()
    )


def _apart(rows: Sequence[Row], *kinds: str) -> list[list[Row]]:
    found: dict[str, list[Row]] = {kind: [] for kind in kinds}
    for row in rows:
        found[row["kind"]].append(loads(row["body"]))
    return [found[kind] for kind in kinds]


class PostgresScripts(StepScripts):
    """All transaction scripts, those of the engine in as few statements as PostgreSQL needs."""

    apart = True

    def _sole(self, statement: Statement) -> Statement:
        return Statement(
            f"WITH answer AS ({statement.sql}), {KEEP_ANSWER} SELECT * FROM answer",
            statement.params,
            keeps_receipt=True,
        )

    # -- creating --------------------------------------------------------------------------------------------

    def create(self, jobs: Sequence[NewJob]) -> Script[list[tuple[str, float | None]]]:
        [job] = jobs
        insert = Statement(
            f"""INSERT INTO jobs (id, user_id, job_type, request_payload, client_key, due_at, created_at, updated_at)
            VALUES (:id, :user_id, :job_type, {self._json("payload")}, :client_key,
            {self._now}, {self._now}, {self._now})
            ON CONFLICT DO NOTHING RETURNING id, {self._at()}""",
            {
                "id": job.id,
                "user_id": job.user_id,
                "job_type": job.job_type,
                "payload": job.payload,
                "client_key": job.client_key,
            },
        )
        rows = yield self._sole(insert)
        return [(job.id, rows[0]["at"]) if rows else ((yield from self.existing(job)), None)]

    # -- reading ---------------------------------------------------------------------------------------------

    def _job(self, where: str = "") -> str:
        return f"""SELECT id, user_id, job_type, request_payload, CAST(plan AS TEXT) AS plan,
            {self._changing()} FROM jobs WHERE id = :id {where}"""

    def _changing(self) -> str:
        """Columns that may change while a run goes on."""
        return f"""status, run, epoch, signals, error_message, cancel_requested,
            {_seconds("due_at", "created_at", "started_at", "completed_at", "updated_at")},
            CAST(EXTRACT(EPOCH FROM {self._now}) AS DOUBLE PRECISION) AS read_at"""

    def get_job(self, job_id: str) -> Script[Job | None]:
        rows = yield Statement(_together(job=self._job(), result=_RESULTS), {"id": job_id})
        jobs, results = _apart(rows, "job", "result")
        if not jobs:
            return None
        return job_from(jobs[0], {row["agent_name"]: row["result_payload"] for row in sorted(results, key=_by_time)})

    def load(self, job_id: str) -> Script[Snapshot | None]:
        return (yield from self._whole(job_id, ""))

    def _whole(self, job_id: str, where: str) -> Script[Snapshot | None]:
        """The job with all that belongs to it, if ``where`` holds for it."""
        queries = {"job": self._job(where), "event": _EVENTS, "attempt": _ATTEMPTS, "result": _RESULTS}
        rows = yield Statement(_together(**queries), {"id": job_id})
        jobs, events, attempts, results = _apart(rows, *queries)
        if not jobs:
            return None
        events.sort(key=_by_seq)
        return snapshot_from(jobs[0], events, sorted(attempts, key=_by_key), sorted(results, key=_by_time))

    # -- deciding --------------------------------------------------------------------------------------------

    def free(self, job_id: str) -> Script[Snapshot | None]:
        return (yield from self._whole(job_id, f"AND {ACTIVE_JOB} AND lease_until <= {self._now}"))

    def move(self, decisions: Sequence[Decision]) -> Script[list[float | None]]:
        [decision] = decisions
        if not decision.rests_on():
            return [None]
        job, changes = decision.job, decision.changes
        parts = [f"answer AS ({self._move_job(decision)})"]
        params: JSONDict = {
            "id": job.id,
            "epochs": 0 if decision.is_claimed else 1,
            "status": changes.status,
            "error": changes.error_message,
            "plan": None if changes.plan is None else to_json(changes.plan, what="the plan"),
            "due_at": changes.due_at,
            "epoch": job.epoch,
            "run": job.run,
            "signals": job.signals,
        }
        if changes.events:
            parts.append(f"told AS ({self._insert_events()})")
            params["events"] = to_json([event_params(event) for event in changes.events], what="events")
        if changes.settle:
            parts.append(f"settled AS ({self._settle_attempts()})")
            params["settled"] = to_json([settled_params(*settled) for settled in changes.settle], what="outcomes")
        if changes.attempts:
            parts.append(f"added AS ({self._insert_attempts()})")
            params["attempts"] = to_json([attempt_params(attempt) for attempt in changes.attempts], what="attempts")
        sql = f"WITH {', '.join([*parts, KEEP_ANSWER])} SELECT id, at FROM answer"
        rows = yield Statement(sql, params, keeps_receipt=True)
        return [rows[0]["at"] if rows else None]

    def _move_job(self, decision: Decision) -> str:
        """The job's own row, if it is as it was when it was read."""
        still = "lease_owner IS NOT NULL" if decision.is_claimed else f"lease_until <= {self._now}"
        return f"""UPDATE jobs SET epoch = epoch + :epochs, status = COALESCE(:status, status),
            error_message = COALESCE(:error, error_message),
            plan = COALESCE({self._json("plan")}, plan), due_at = {self._moment("due_at")},
            lease_owner = NULL, lease_until = {self._dialect.epoch},
            {self._status_times(decision.changes.status)} updated_at = {self._now}
            WHERE id = :id AND epoch = :epoch AND run = :run AND signals = :signals AND {ACTIVE_JOB} AND {still}
            RETURNING id, {self._at()}"""

    def _at(self) -> str:
        return f"CAST(EXTRACT(EPOCH FROM {self._now}) AS DOUBLE PRECISION) AS at"

    def _insert_events(self) -> str:
        return f"""INSERT INTO job_events (job_id, seq, run, kind, data, at)
            SELECT answer.id, e.seq, e.run, e.kind, CAST(e.data AS JSON), {self._now} FROM answer,
            json_to_recordset({self._json("events")}) AS e(seq INTEGER, run INTEGER, kind TEXT, data TEXT)"""

    def _settle_attempts(self) -> str:
        return f"""UPDATE attempts SET state = s.state, outcome = CAST(s.outcome AS JSON), ended_at = {self._now}
            FROM answer, json_to_recordset({self._json("settled")})
            AS s(run INTEGER, seq INTEGER, agent TEXT, number INTEGER, state TEXT, outcome TEXT)
            WHERE attempts.job_id = answer.id AND attempts.run = s.run AND attempts.seq = s.seq
            AND attempts.agent = s.agent AND attempts.number = s.number AND attempts.state IN ('pending', 'started')"""

    def _insert_attempts(self) -> str:
        return f"""INSERT INTO attempts
            (job_id, run, seq, agent, number, performer, state, owner, not_before, not_after, started_at)
            SELECT answer.id, a.run, a.seq, a.agent, a.number, a.performer, a.state, a.owner,
            to_timestamp(a.not_before), to_timestamp(a.not_after), to_timestamp(a.started_at) FROM answer,
            json_to_recordset({self._json("attempts")}) AS a(run INTEGER, seq INTEGER, agent TEXT, number INTEGER,
            performer TEXT, state TEXT, owner TEXT, not_before DOUBLE PRECISION, not_after DOUBLE PRECISION,
            started_at DOUBLE PRECISION)"""

    # -- attempts --------------------------------------------------------------------------------------------

    def _lock_job(self, when: str = "") -> str:
        """Lock the job, before its attempt as everywhere, if this run may still change."""
        return f"""SELECT id FROM jobs WHERE id = :job_id AND run = :run AND {ACTIVE_JOB} {when} {self._for_update}"""

    def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Script[Attempt | None]:
        rows = yield Statement(
            f"""WITH job AS ({self._lock_job("AND NOT cancel_requested")}),
            started AS (UPDATE attempts SET state = 'started', owner = :owner, started_at = {self._now},
            not_after = {self._after("run_for")} WHERE {KEY} AND state = 'pending' AND EXISTS (SELECT 1 FROM job)
            RETURNING *),
            answer AS (SELECT {_ATTEMPT} FROM started), {KEEP_ANSWER} SELECT * FROM answer""",
            {**key_params(key), "owner": owner, "run_for": run_for_s},
            keeps_receipt=True,
        )
        return attempt_from(rows[0]) if rows else None

    def end(self, outcomes: Sequence[Ended]) -> Script[list[float | None]]:
        [ended] = outcomes
        outcome = ended.outcome
        parts = [
            f"job AS ({self._lock_job()})",
            f"""answer AS (UPDATE attempts SET state = :state, outcome = {self._json("outcome")}, ended_at = {self._now}
            WHERE {KEY} AND state = 'started' AND owner = :owner AND EXISTS (SELECT 1 FROM job)
            RETURNING job_id, agent, {self._at()})""",
            f"""woken AS (UPDATE jobs SET signals = signals + 1, due_at = {self._now}, updated_at = {self._now}
            FROM answer WHERE jobs.id = answer.job_id)""",
        ]
        params = {**settled_params(ended.key, outcome), "owner": ended.owner}
        if outcome.state is AttemptState.SUCCEEDED:
            parts.append(f"stored AS ({self._store_result()})")
            params |= outcome_params(ended.key, outcome, ended.produced_by)
        sql = f"WITH {', '.join([*parts, KEEP_ANSWER])} SELECT at FROM answer"
        rows = yield Statement(sql, params, keeps_receipt=True)
        ended.stored = bool(rows)
        return [rows[0]["at"] if rows else None]

    def _store_result(self) -> str:
        return f"""INSERT INTO agent_results
            (job_id, agent_name, result_payload, seq, execution_time_ms, usage, produced_by, created_at)
            SELECT answer.job_id, answer.agent, {self._json("payload")}, CAST(:seq AS INTEGER),
            CAST(:ms AS BIGINT), {self._json("usage")}, CAST(:produced_by AS TEXT), {self._now}
            FROM answer {REPLACE_RESULT}"""


def _by_seq(row: Row) -> int:
    return row["seq"]


def _by_key(row: Row) -> tuple[int, int, str, int]:
    return row["run"], row["seq"], row["agent"], row["number"]


def _by_time(row: Row) -> tuple[float, str]:
    return row["created_at"], row["agent_name"]

"""The scripts as PostgreSQL can carry them out: what needs no answer in between is one statement.

Each statement is a round trip, and a request of the Data API. Rows of several tables come in one answer, as JSON; what
is written into several tables goes there by one statement with common table expressions. All of such a statement sees
the moment of its start, so what must be read after a lock was waited for is a statement of its own.
"""

import json
from collections.abc import Sequence

from agent_framework.infrastructure._json import to_json
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
from agent_framework.infrastructure.database._sql_at_once import AtOnceScripts
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import AgentOutcome, Attempt, AttemptKey, AttemptState, Job, JSONDict, Snapshot


def _seconds(*columns: str) -> str:
    return ", ".join(f"EXTRACT(EPOCH FROM {name}) AS {name}" for name in columns)


_EVENTS = f"SELECT seq, run, kind, data, {_seconds('at')} FROM job_events WHERE job_id = :id"
_ATTEMPTS = f"""SELECT job_id, run, seq, agent, number, performer, state, owner, outcome,
    {_seconds("not_before", "not_after", "started_at", "ended_at")} FROM attempts WHERE job_id = :id"""
_RESULTS = f"""SELECT agent_name, result_payload, seq, execution_time_ms, usage, produced_by, {_seconds("created_at")}
    FROM agent_results WHERE job_id = :id"""
_SINCE = "seq >= :seq"


def _together(**queries: str) -> str:
    """One query whose rows say of which query they are, and hold the row as JSON."""
    return " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, row_to_json({kind}) AS body FROM ({query}) AS {kind}"
        for kind, query in queries.items()
    )


def _apart(rows: Sequence[Row], *kinds: str) -> list[list[Row]]:
    found: dict[str, list[Row]] = {kind: [] for kind in kinds}
    for row in rows:
        found[row["kind"]].append(json.loads(row["body"]))
    return [found[kind] for kind in kinds]


def _by_seq(row: Row) -> int:
    return row["seq"]


def _by_key(row: Row) -> tuple[int, int, str, int]:
    return row["run"], row["seq"], row["agent"], row["number"]


def _by_time(row: Row) -> tuple[float, str]:
    return row["created_at"], row["agent_name"]


class PostgresScripts(AtOnceScripts):
    """All transaction scripts, in as few statements as PostgreSQL needs."""

    reads_at_once = True

    # -- reading ---------------------------------------------------------------------------------------------

    def _job(self) -> str:
        times = _seconds("due_at", "created_at", "started_at", "completed_at", "updated_at")
        return f"""SELECT id, user_id, job_type, status, request_payload, run, epoch, signals,
            CAST(plan AS TEXT) AS plan, error_message, cancel_requested, {times},
            EXTRACT(EPOCH FROM {self._now}) AS read_at FROM jobs WHERE id = :id"""

    def get_job(self, job_id: str) -> Script[Job | None]:
        rows = yield Statement(_together(job=self._job(), result=_RESULTS), {"id": job_id})
        jobs, results = _apart(rows, "job", "result")
        if not jobs:
            return None
        return job_from(jobs[0], {row["agent_name"]: row["result_payload"] for row in sorted(results, key=_by_time)})

    def load(self, job_id: str) -> Script[Snapshot | None]:
        rows = yield Statement(
            _together(job=self._job(), event=_EVENTS, attempt=_ATTEMPTS, result=_RESULTS), {"id": job_id}
        )
        jobs, events, attempts, results = _apart(rows, "job", "event", "attempt", "result")
        return _snapshot(jobs[0], events, attempts, results) if jobs else None

    def _snapshot(self, row: Row) -> Script[Snapshot]:
        rows = yield Statement(_together(event=_EVENTS, attempt=_ATTEMPTS, result=_RESULTS), {"id": row["id"]})
        return _snapshot(row, *_apart(rows, "event", "attempt", "result"))

    def _rows_since(self, job_id: str, run: int, seq: int) -> Script[tuple[Sequence[Row], Sequence[Row]]]:
        attempts = f"{_ATTEMPTS} AND run = :run AND {_SINCE}"
        results = f"{_RESULTS} AND (seq IS NULL OR {_SINCE})"
        rows = yield Statement(_together(attempt=attempts, result=results), {"id": job_id, "run": run, "seq": seq})
        found, stored = _apart(rows, "attempt", "result")
        return sorted(found, key=_by_key), stored

    # -- writing ---------------------------------------------------------------------------------------------

    def _write(self, job: Job, changes: Changes, *, epochs: int = 0) -> Script[None]:
        last = self._write_job(job, changes, epochs)
        parts: list[str] = []
        params: JSONDict = {}
        if changes.events:
            parts.append(f"told AS ({self._insert_events()})")
            params["events"] = to_json([event_params(event) for event in changes.events], what="events")
        if changes.settle:
            parts.append(f"settled AS ({self._settle_attempts()})")
            params["settled"] = to_json([settled_params(*settled) for settled in changes.settle], what="outcomes")
        if changes.attempts:
            parts.append(f"added AS ({self._insert_attempts()})")
            params["attempts"] = to_json([attempt_params(attempt) for attempt in changes.attempts], what="attempts")
        before = f"WITH {', '.join(parts)} " if parts else ""
        yield Statement(before + last.sql, {**params, **(last.params or {})})

    def _insert_events(self) -> str:
        return f"""INSERT INTO job_events (job_id, seq, run, kind, data, at)
            SELECT CAST(:id AS TEXT), e.seq, e.run, e.kind, CAST(e.data AS JSON), {self._now}
            FROM json_to_recordset({self._json("events")}) AS e(seq INTEGER, run INTEGER, kind TEXT, data TEXT)"""

    def _settle_attempts(self) -> str:
        return f"""UPDATE attempts SET state = s.state, outcome = CAST(s.outcome AS JSON), ended_at = {self._now}
            FROM json_to_recordset({self._json("settled")})
            AS s(run INTEGER, seq INTEGER, agent TEXT, number INTEGER, state TEXT, outcome TEXT)
            WHERE attempts.job_id = :id AND attempts.run = s.run AND attempts.seq = s.seq AND attempts.agent = s.agent
            AND attempts.number = s.number AND attempts.state IN ('pending', 'started')"""

    def _insert_attempts(self) -> str:
        return f"""INSERT INTO attempts
            (job_id, run, seq, agent, number, performer, state, owner, not_before, not_after, started_at)
            SELECT CAST(:id AS TEXT), a.run, a.seq, a.agent, a.number, a.performer, a.state, a.owner,
            to_timestamp(a.not_before), to_timestamp(a.not_after), to_timestamp(a.started_at)
            FROM json_to_recordset({self._json("attempts")}) AS a(run INTEGER, seq INTEGER, agent TEXT, number INTEGER,
            performer TEXT, state TEXT, owner TEXT, not_before DOUBLE PRECISION, not_after DOUBLE PRECISION,
            started_at DOUBLE PRECISION)"""

    def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Script[Attempt | None]:
        rows = yield Statement(
            f"""WITH job AS (SELECT id FROM jobs WHERE id = :job_id AND run = :run AND {ACTIVE_JOB}
            AND NOT cancel_requested {self._for_update})
            UPDATE attempts SET state = 'started', owner = :owner, started_at = {self._now},
            not_after = {self._after("run_for")}
            WHERE {KEY} AND state = 'pending' AND EXISTS (SELECT 1 FROM job) RETURNING *""",
            {**key_params(key), "owner": owner, "run_for": run_for_s},
        )
        return attempt_from(rows[0]) if rows else None

    def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, produced_by: str) -> Script[bool]:
        """The job is locked by being woken, before its attempt, as everywhere.

        An outcome that comes too late may still wake the job, if it was in time when the lock was waited for.
        """
        mine = f"{KEY} AND state = 'started' AND owner = :owner"
        parts = [
            f"""woken AS (UPDATE jobs SET signals = signals + 1, due_at = {self._now}, updated_at = {self._now}
            WHERE id = :job_id AND run = :run AND {ACTIVE_JOB} AND EXISTS (SELECT 1 FROM attempts WHERE {mine})
            RETURNING id)""",
            f"""ended AS (UPDATE attempts SET state = :state, outcome = {self._json("outcome")}, ended_at = {self._now}
            WHERE {mine} AND EXISTS (SELECT 1 FROM woken) RETURNING agent)""",
        ]
        params = {**settled_params(key, outcome), "owner": owner}
        if outcome.state is AttemptState.SUCCEEDED:
            parts.append(f"stored AS ({self._store_result()})")
            params |= outcome_params(key, outcome, produced_by)
        rows = yield Statement(f"WITH {', '.join(parts)} SELECT agent FROM ended", params)
        return bool(rows)

    def _store_result(self) -> str:
        return f"""INSERT INTO agent_results
            (job_id, agent_name, result_payload, seq, execution_time_ms, usage, produced_by, created_at)
            SELECT CAST(:job_id AS TEXT), CAST(:agent AS TEXT), {self._json("payload")}, CAST(:seq AS INTEGER),
            CAST(:ms AS BIGINT), {self._json("usage")}, CAST(:produced_by AS TEXT), {self._now}
            FROM ended {REPLACE_RESULT}"""


def _snapshot(job: Row, events: list[Row], attempts: list[Row], results: list[Row]) -> Snapshot:
    return snapshot_from(job, sorted(events, key=_by_seq), sorted(attempts, key=_by_key), sorted(results, key=_by_time))

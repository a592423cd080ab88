"""The engine's scripts as PostgreSQL can carry them out: each statement is a transaction of its own.

Each statement is a round trip, and a request of the Data API. Rows of several tables come in one answer, as JSON; what
is written into several tables goes there by one statement with common table expressions, which keeps a receipt. No lock
outlives a statement: a decision is written if its job is still as it was read, and is made again otherwise.
"""

from collections.abc import Iterable, Sequence

from agent_framework.errors import AgentFrameworkError
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._postgres_dialect import KEEP_ANSWER
from agent_framework.infrastructure.database._requests import Ended, NewJob, Write
from agent_framework.infrastructure.database._rows import Row, attempt_from, job_from, snapshot_from
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sql import (
    ACTIVE_JOB,
    FINAL,
    KEY,
    REPLACE_RESULT,
    attempt_params,
    key_params,
    outcome_json,
    usage_json,
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

    def create(self, jobs: Sequence[NewJob]) -> Script[list[tuple[str, float | None] | AgentFrameworkError]]:
        in_order = sorted(jobs, key=lambda job: (job.user_id, job.client_key or "", job.id))
        insert = Statement(
            f"""INSERT INTO jobs (id, user_id, job_type, request_payload, client_key, due_at, created_at, updated_at)
            SELECT id, user_id, job_type, CAST(payload AS JSON), client_key, {self._now}, {self._now}, {self._now}
            FROM {self._rows("jobs", "id TEXT, user_id TEXT, job_type TEXT, payload TEXT, client_key TEXT")}
            ON CONFLICT DO NOTHING RETURNING id, {self._at()}""",
            {"jobs": _array(map(_new, in_order))},
        )
        rows = yield self._sole(insert)
        stored = {row["id"]: row["at"] for row in rows}
        answers: dict[int, tuple[str, float | None] | AgentFrameworkError] = {}
        for job in in_order:  # of two with one id, the first was stored
            if job.id in stored:
                answers[id(job)] = job.id, stored.pop(job.id)
                continue
            try:
                answers[id(job)] = (yield from self.existing(job)), None
            except AgentFrameworkError as exc:  # the others are stored
                answers[id(job)] = exc
        return [answers[id(job)] for job in jobs]

    def _rows(self, name: str, columns: str) -> str:
        """A parameter, a JSON array of objects, as a table of its name."""
        return f"json_to_recordset({self._json(name)}) AS {name}({columns})"

    def _at(self, name: str = "at") -> str:
        """The present moment as a column."""
        return f"CAST(EXTRACT(EPOCH FROM {self._now}) AS DOUBLE PRECISION) AS {name}"

    # -- reading ---------------------------------------------------------------------------------------------

    def _job(self, where: str = "") -> str:
        return f"""SELECT id, user_id, job_type, request_payload, CAST(plan AS TEXT) AS plan,
            status, run, epoch, signals, error_message, cancel_requested,
            {_seconds("due_at", "created_at", "started_at", "completed_at", "updated_at")}, {self._at("read_at")}
            FROM jobs WHERE id = :id {where}"""

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

    def move(self, decisions: Sequence[Write]) -> Script[list[float | None]]:
        still = [(n, decision) for n, decision in enumerate(decisions) if decision.rests_on()]
        parts = [
            f"moves AS (SELECT * FROM {self._rows('moves', _MOVE)})",
            f"""locked AS (SELECT id FROM jobs WHERE id IN (SELECT id FROM moves) ORDER BY id {self._for_update})""",
            f"answer AS ({self._move_jobs()})",
        ]
        params: JSONDict = {"moves": _array(_moved(n, decision) for n, decision in still)}
        for name, sql, rows in (
            ("events", self._insert_events(), _events(still)),
            ("settled", self._settle_attempts(), _settled(still)),
            ("attempts", self._insert_attempts(), _attempts(still)),
        ):
            if rows:
                parts.append(f"written_{name} AS ({sql})")
                params[name] = _array(rows)
        sql = f"WITH {', '.join([*parts, KEEP_ANSWER])} SELECT n, at FROM answer"
        return _in_order(len(decisions), (yield Statement(sql, params, keeps_receipt=True)))

    def _move_jobs(self) -> str:
        """The jobs' own rows, if they are as they were when they were read; locked in one order by everybody."""
        return f"""UPDATE jobs SET epoch = jobs.epoch + moves.epochs, status = COALESCE(moves.status, jobs.status),
            error_message = COALESCE(moves.error, jobs.error_message),
            plan = COALESCE(CAST(moves.plan AS JSON), jobs.plan),
            due_at = to_timestamp(moves.due_at), lease_owner = NULL, lease_until = {self._dialect.epoch},
            started_at = CASE WHEN moves.status = 'running' THEN COALESCE(jobs.started_at, {self._now})
            ELSE jobs.started_at END,
            completed_at = CASE WHEN moves.status IN ({FINAL}) THEN {self._now} ELSE jobs.completed_at END,
            updated_at = {self._now}
            FROM moves JOIN locked ON locked.id = moves.id
            WHERE jobs.id = moves.id AND jobs.epoch = moves.epoch AND jobs.run = moves.run
            AND jobs.signals = moves.signals AND {ACTIVE_JOB}
            AND CASE WHEN moves.claimed THEN jobs.lease_owner IS NOT NULL ELSE jobs.lease_until <= {self._now} END
            RETURNING moves.n AS n, jobs.id AS id, {self._at()}"""

    def _insert_events(self) -> str:
        columns = "n INTEGER, seq INTEGER, run INTEGER, kind TEXT, data TEXT"
        return f"""INSERT INTO job_events (job_id, seq, run, kind, data, at)
            SELECT answer.id, events.seq, events.run, events.kind, CAST(events.data AS JSON), {self._now}
            FROM answer JOIN {self._rows("events", columns)} ON events.n = answer.n"""

    def _settle_attempts(self) -> str:
        columns = """n INTEGER, job_id TEXT, run INTEGER, seq INTEGER, agent TEXT, number INTEGER, state TEXT,
            outcome TEXT"""
        return f"""UPDATE attempts SET state = settled.state, outcome = CAST(settled.outcome AS JSON),
            ended_at = {self._now}
            FROM answer JOIN {self._rows("settled", columns)} ON settled.n = answer.n
            WHERE {_same_attempt("settled")} AND attempts.state IN ('pending', 'started')"""

    def _insert_attempts(self) -> str:
        columns = """n INTEGER, run INTEGER, seq INTEGER, agent TEXT, number INTEGER, performer TEXT, state TEXT,
            owner TEXT, not_before DOUBLE PRECISION, not_after DOUBLE PRECISION, started_at DOUBLE PRECISION"""
        return f"""INSERT INTO attempts
            (job_id, run, seq, agent, number, performer, state, owner, not_before, not_after, started_at)
            SELECT answer.id, a.run, a.seq, a.agent, a.number, a.performer, a.state, a.owner,
            to_timestamp(a.not_before), to_timestamp(a.not_after), to_timestamp(a.started_at)
            FROM answer JOIN json_to_recordset({self._json("attempts")}) AS a({columns}) ON a.n = answer.n"""

    # -- attempts --------------------------------------------------------------------------------------------

    def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Script[Attempt | None]:
        rows = yield Statement(
            f"""WITH job AS (SELECT id FROM jobs WHERE id = :job_id AND run = :run AND {ACTIVE_JOB}
            AND NOT cancel_requested {self._for_update}),
            started AS (UPDATE attempts SET state = 'started', owner = :owner, started_at = {self._now},
            not_after = {self._after("run_for")} WHERE {KEY} AND state = 'pending' AND EXISTS (SELECT 1 FROM job)
            RETURNING *),
            answer AS (SELECT {_ATTEMPT} FROM started), {KEEP_ANSWER} SELECT * FROM answer""",
            {**key_params(key), "owner": owner, "run_for": run_for_s},
            keeps_receipt=True,
        )
        return attempt_from(rows[0]) if rows else None

    def end(self, outcomes: Sequence[Ended]) -> Script[list[float | None]]:
        sql = f"""WITH outcomes AS (SELECT * FROM {self._rows("outcomes", _OUTCOME)}),
            job AS (SELECT id, run FROM jobs WHERE id IN (SELECT job_id FROM outcomes) AND {ACTIVE_JOB}
            ORDER BY id {self._for_update}),
            answer AS (UPDATE attempts SET state = outcomes.state, outcome = CAST(outcomes.outcome AS JSON),
            ended_at = {self._now}
            FROM outcomes JOIN job ON job.id = outcomes.job_id AND job.run = outcomes.run
            WHERE {_same_attempt("outcomes")} AND attempts.state = 'started' AND attempts.owner = outcomes.owner
            RETURNING outcomes.n AS n, {self._at()}),
            woken AS (UPDATE jobs SET signals = jobs.signals + ended.count, due_at = {self._now},
            updated_at = {self._now} FROM (SELECT job_id, COUNT(*) AS count FROM answer JOIN outcomes USING (n)
            GROUP BY job_id) AS ended WHERE jobs.id = ended.job_id),
            stored AS ({self._store_results()}),
            {KEEP_ANSWER} SELECT n, at FROM answer"""
        params = {"outcomes": _array(_ended(n, ended) for n, ended in enumerate(outcomes))}
        answers = _in_order(len(outcomes), (yield Statement(sql, params, keeps_receipt=True)))
        for ended, at in zip(outcomes, answers, strict=True):
            ended.stored = at is not None
        return answers

    def _store_results(self) -> str:
        return f"""INSERT INTO agent_results
            (job_id, agent_name, result_payload, seq, execution_time_ms, usage, produced_by, created_at)
            SELECT job_id, agent, CAST(payload AS JSON), seq, ms, CAST(usage AS JSON), produced_by, {self._now}
            FROM answer JOIN outcomes USING (n) WHERE state = '{AttemptState.SUCCEEDED}' {REPLACE_RESULT}"""


_MOVE = """n INTEGER, id TEXT, epochs INTEGER, status TEXT, error TEXT, plan TEXT, due_at DOUBLE PRECISION,
    epoch BIGINT, run INTEGER, signals BIGINT, claimed BOOLEAN"""
_OUTCOME = """n INTEGER, job_id TEXT, run INTEGER, seq INTEGER, agent TEXT, number INTEGER, owner TEXT, state TEXT,
    outcome TEXT, payload TEXT, ms BIGINT, usage TEXT, produced_by TEXT"""


def _same_attempt(table: str) -> str:
    return " AND ".join(f"attempts.{name} = {table}.{name}" for name in ("job_id", "run", "seq", "agent", "number"))


def _array(rows: Iterable[JSONDict]) -> str:
    """Rows as a parameter; JSON values in them are texts, which may hold what PostgreSQL's own texts cannot."""
    return to_json(list(rows), what="rows")


def _new(job: NewJob) -> JSONDict:
    return {
        "id": job.id,
        "user_id": job.user_id,
        "job_type": job.job_type,
        "payload": job.payload,
        "client_key": job.client_key,
    }


def _moved(n: int, decision: Write) -> JSONDict:
    job, changes = decision.job, decision.changes
    return {
        "n": n,
        "id": job.id,
        "epochs": 0 if decision.is_claimed else 1,
        "status": changes.status,
        "error": changes.error_message,
        "plan": None if changes.plan is None else to_json(changes.plan, what="the plan"),
        "due_at": changes.due_at,
        "epoch": job.epoch,
        "run": job.run,
        "signals": job.signals,
        "claimed": decision.is_claimed,
    }


def _events(moves: Sequence[tuple[int, Write]]) -> list[JSONDict]:
    return [
        {"n": n, "seq": e.seq, "run": e.run, "kind": e.kind, "data": to_json(e.data, what="an event")}
        for n, decision in moves
        for e in decision.changes.events
    ]


def _settled(moves: Sequence[tuple[int, Write]]) -> list[JSONDict]:
    return [
        {"n": n, **key_params(key), "state": outcome.state, "outcome": outcome_json(outcome)}
        for n, decision in moves
        for key, outcome in decision.changes.settle
    ]


def _attempts(moves: Sequence[tuple[int, Write]]) -> list[JSONDict]:
    return [{"n": n, **attempt_params(a)} for n, decision in moves for a in decision.changes.attempts]


def _ended(n: int, ended: Ended) -> JSONDict:
    key, outcome = ended.key, ended.outcome
    return {
        "n": n,
        **key_params(key),
        "owner": ended.owner,
        "state": outcome.state,
        "outcome": outcome_json(outcome),
        "payload": to_json(outcome.output or {}, what=f"the output of {key.agent}"),
        "ms": outcome.execution_time_ms,
        "usage": usage_json(outcome.usage),
        "produced_by": ended.stand_in,
    }


def _in_order(count: int, rows: Sequence[Row]) -> list[float | None]:
    """The moments of the requests that went through, None for the others."""
    moments: dict[int, float] = {row["n"]: row["at"] for row in rows}
    return [moments.get(n) for n in range(count)]


def _by_seq(row: Row) -> int:
    return row["seq"]


def _by_key(row: Row) -> tuple[int, int, str, int]:
    return row["run"], row["seq"], row["agent"], row["number"]


def _by_time(row: Row) -> tuple[float, str]:
    return row["created_at"], row["agent_name"]

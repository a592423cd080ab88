"""The SQL of deciding at once: read, decide and write in one transaction, as a transaction script (`_script`).

Nobody else sees the claim: the job's row is locked from the first statement to the commit. Whoever holds a lease on the
job, taken by `Scripts.claim`, is respected, and the epoch grows, so a decision that was under way is refused.

A job that this process knows from its last commit is not read whole again. Only decisions write events, new attempts
and the plan, and each takes an epoch: as long as the epoch and the run are those that are known, what can be new are
outcomes of the attempts that were open, results, and the columns of the job that a signal changes.
"""

from collections.abc import Iterable, Sequence

from agent_framework.infrastructure.database._rows import Row, attempt_from, job_again, result_from
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sql import ACTIVE_JOB, Scripts
from agent_framework.infrastructure.database.base import Changes, Decide, Decided
from agent_framework.types import Job, Snapshot, check_transition

_MAY_CHANGE = (
    "id, status, run, epoch, signals, due_at, error_message, cancel_requested, started_at, completed_at, updated_at"
)


class AtOnceScripts(Scripts):
    """All transaction scripts, with the one that decides in the middle of its transaction."""

    def decide(
        self, job_id: str, owner: str, lease_s: float, decide: Decide, known: Snapshot | None
    ) -> Script[Decided | None]:
        rows = yield Statement(
            f"""SELECT {_MAY_CHANGE if known else "*"}, {self._now} AS read_at FROM jobs
            WHERE id = :id AND {ACTIVE_JOB} AND lease_until <= {self._now} {self._for_update}""",
            {"id": job_id},
        )
        if not rows:
            return None
        snapshot = yield from self._read(rows[0], known)
        changes = decide(snapshot)
        if changes is None:
            return (yield from self._undecided(job_id, owner, lease_s))
        check_move(snapshot.job, changes)
        yield from self._write(snapshot.job, changes, epochs=1)
        return Decided(snapshot, committed=True)

    def _undecided(self, job_id: str, owner: str, lease_s: float) -> Script[Decided | None]:
        """The job, claimed, because deciding about it needs more than the snapshot."""
        claimed = yield from self.claim(job_id, owner, lease_s, None)
        return None if claimed is None else Decided(claimed, committed=False)

    def _read(self, row: Row, known: Snapshot | None) -> Script[Snapshot]:
        """The job of a row, whole or as far as it may have changed."""
        if known is None:
            return (yield from self._snapshot(row))
        if (row["epoch"], row["run"]) == (known.job.epoch, known.job.run):
            return (yield from self._news(row, known))
        rows = yield Statement(f"SELECT *, {self._now} AS read_at FROM jobs WHERE id = :id", {"id": row["id"]})
        return (yield from self._snapshot(rows[0]))

    def _news(self, row: Row, known: Snapshot) -> Script[Snapshot]:
        """The known job with the outcomes and results that came since."""
        seq = first_open(known)
        since = {"id": row["id"], "run": row["run"], "seq": seq}
        attempts = yield Statement(
            "SELECT * FROM attempts WHERE job_id = :id AND run = :run AND seq >= :seq ORDER BY seq, agent, number",
            since,
        )
        results = yield Statement(
            "SELECT * FROM agent_results WHERE job_id = :id AND (seq IS NULL OR seq >= :seq)", since
        )
        return with_news(row, known, seq, attempts, results)


def check_move(job: Job, changes: Changes) -> None:
    """Refuse a decision that the job's state machine does not allow.

    Raises:
        IllegalTransitionError
    """
    if changes.status is not None and changes.status is not job.status:
        check_transition(job.id, job.status, changes.status)


def first_open(known: Snapshot) -> int:
    """The first step of which an attempt was open, so from which on there may be news."""
    return min((attempt.key.seq for attempt in known.attempts if attempt.state.is_open), default=0)


def with_news(row: Row, known: Snapshot, seq: int, attempts: Iterable[Row], results: Sequence[Row]) -> Snapshot:
    """The known job with what its row and those from step ``seq`` on say, attempts in their order."""
    before = (a for a in known.attempts if (a.key.run, a.key.seq) < (row["run"], seq))
    newest = known.results
    if results:
        stored = {**newest, **{row["agent_name"]: result_from(row) for row in results}}
        newest = dict(sorted(stored.items(), key=lambda item: (item[1].created_at, item[0])))
    job = job_again(row, known.job, {name: result.payload for name, result in newest.items()})
    return Snapshot(job, known.events, (*before, *map(attempt_from, attempts)), newest, float(row["read_at"]))

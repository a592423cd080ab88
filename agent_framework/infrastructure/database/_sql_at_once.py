"""The SQL of deciding at once: claim, decide and commit in one transaction, as a transaction script (`_script`).

Nobody else sees the claim: the job's row is locked from the first statement to the commit. Whoever holds a lease on the
job, taken by `Scripts.claim`, is respected, and the epoch grows, so a decision that was under way is refused.
"""

from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sql import ACTIVE_JOB, Scripts
from agent_framework.infrastructure.database.base import Decide, Decided
from agent_framework.types import check_transition


class AtOnceScripts(Scripts):
    """All transaction scripts, with the one that decides in the middle of its transaction."""

    def decide(self, job_id: str, owner: str, lease_s: float, decide: Decide) -> Script[Decided | None]:
        rows = yield Statement(
            f"""SELECT *, {self._now} AS read_at FROM jobs
            WHERE id = :id AND {ACTIVE_JOB} AND lease_until <= {self._now} {self._for_update}""",
            {"id": job_id},
        )
        if not rows:
            return None
        snapshot = yield from self._snapshot(rows[0])
        changes = decide(snapshot)
        if changes is None:
            claimed = yield from self.claim(job_id, owner, lease_s, None)
            return None if claimed is None else Decided(claimed, committed=False)
        job = snapshot.job
        if changes.status is not None and changes.status is not job.status:
            check_transition(job.id, job.status, changes.status)
        yield from self._write_trace(job, changes)
        yield self._write_job(job, changes, epochs=1)
        return Decided(snapshot, committed=True)

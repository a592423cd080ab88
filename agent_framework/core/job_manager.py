"""The only owner of a job's status, claims, due times, sweeping, cancelling and retrying.

Everything here is a thin layer of policy over the database's primitives; it knows nothing of agents or plans.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from agent_framework.core.crash import crash_point
from agent_framework.core.owner import is_dead, process_owner
from agent_framework.errors import ConfigError, IllegalTransitionError
from agent_framework.infrastructure.database.base import (
    Changes,
    DatabaseProvider,
    Decide,
    Decided,
    DecidesAtOnce,
    require_job,
)
from agent_framework.observability.redaction import redact
from agent_framework.types import MAX_NESTING, Job, JobStatus, JSONDict, Snapshot, nesting

LEASE_S = 30.0
"""How long a claim lasts at most; an `advance` takes milliseconds."""

logger = logging.getLogger(__name__)


class JobManager:
    """Jobs over one database. ``owner`` names this process, ``owner_is_dead`` knows about others."""

    def __init__(
        self,
        db: DatabaseProvider,
        *,
        owner: str | None = None,
        owner_is_dead: Callable[[str | None], bool] = is_dead,
        lease_s: float = LEASE_S,
    ) -> None:
        self.db = db
        self.owner = owner or process_owner()
        self.owner_is_dead = owner_is_dead
        self.lease_s = lease_s
        self._at_once = db if isinstance(db, DecidesAtOnce) else None

    # -- what users do ---------------------------------------------------------------------------------------

    async def submit(
        self,
        request_payload: JSONDict,
        *,
        user_id: str = "local",
        job_type: str = "default",
        client_key: str | None = None,
        job_id: str | None = None,
    ) -> str:
        """Store a job that is due at once and return its id; the job cannot be lost from here on.

        Raises:
            ConfigError: the input is nested too deeply.
            IdempotencyConflictError: the client key was used for another request.
        """
        if nesting(request_payload) > MAX_NESTING:
            raise ConfigError(f"the job's input is nested deeper than {MAX_NESTING} levels")
        job_id = await self.db.create_job(user_id, job_type, request_payload, client_key=client_key, job_id=job_id)
        crash_point("job_submitted")
        return job_id

    async def get(self, job_id: str) -> Job:
        """The job.

        Raises:
            JobNotFoundError
        """
        return await require_job(self.db, job_id)

    async def cancel(self, job_id: str) -> None:
        """Ask for the job's cancellation; it is checked before every start.

        Raises:
            JobNotFoundError, IllegalTransitionError: it is final already.
        """
        if not await self.db.signal_job(job_id, cancel=True):
            job = await self.get(job_id)
            raise IllegalTransitionError(f"job {job_id} is {job.status} and cannot be cancelled")

    async def retry(self, job_id: str) -> Job:
        """Start a new run of a job that failed or needs review; completed agents are kept.

        Raises:
            JobNotFoundError, IllegalTransitionError
        """
        return await self.db.retry_job(job_id)

    async def due(self, limit: int = 100) -> list[str]:
        """Jobs that somebody should look at: what the sweeper wakes."""
        return await self.db.due_jobs(limit)

    # -- the seed's transitions ------------------------------------------------------------------------------

    async def start_job(self, job_id: str) -> None:
        """``pending -> running``."""
        await self.db.update_job_status(job_id, JobStatus.RUNNING)

    async def complete_job(self, job_id: str, results: JSONDict | None = None) -> None:
        """``running -> completed``; ``results`` by agent are stored where they are not stored yet."""
        stored = {result.agent for result in await self.db.get_results(job_id)}
        for agent, output in (results or {}).items():
            if agent not in stored and isinstance(output, dict):
                await self.db.store_agent_output(job_id, agent, output)  # pyright: ignore[reportUnknownArgumentType]
        await self.db.update_job_status(job_id, JobStatus.COMPLETED)

    async def fail_job(self, job_id: str, error_message: str) -> None:
        """Any active status to ``failed``; secrets in ``error_message`` are hidden."""
        await self.db.update_job_status(job_id, JobStatus.FAILED, redact(error_message))

    # -- what `advance` does ---------------------------------------------------------------------------------

    async def decide(self, job_id: str, decide: Decide) -> Decided | None:
        """Decide and commit without a claim that others see, where the database can and ``decide`` needs no more.

        None if it cannot, or the job cannot be claimed at once: then there is still `claim`.
        """
        return await self._at_once.decide_job(job_id, self.owner, self.lease_s, decide) if self._at_once else None

    async def claim(self, job_id: str) -> Snapshot | None:
        """Claim the job for one `advance`; None if it is final or somebody else is at it."""
        snapshot = await self.db.claim_job(job_id, self.owner, self.lease_s)
        if snapshot is None:
            holder = await self.db.claim_owner(job_id)
            if not self.owner_is_dead(holder):
                return None
            logger.info("taking over job %s from a process that died", job_id)
            snapshot = await self.db.claim_job(job_id, self.owner, self.lease_s, take_over_from=holder)
        if snapshot is not None:
            crash_point("job_claimed")
        return snapshot

    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        """Write a decision and let go of the claim; a newer snapshot if the job was signalled meanwhile.

        Raises:
            StaleClaimError: the claim was taken over.
        """
        crash_point("decision_made")
        if changes.status is not None and changes.status.is_final:
            changes = replace(changes, due_at=None)
        newer = await self.db.commit(snapshot, changes)
        if newer is None:
            committed(changes)
        return newer

    async def release(self, snapshot: Snapshot) -> None:
        """Let go of a claim without having decided anything.

        Raises:
            StaleClaimError: the claim was taken over.
        """
        held: Snapshot | None = snapshot
        while held is not None and not held.job.status.is_final:
            held = await self.db.commit(held, Changes(due_at=held.job.due_at))


def committed(changes: Changes) -> None:
    """A decision was written."""
    finished = changes.status is not None and changes.status.is_final
    crash_point("job_finished" if finished else "decision_committed")

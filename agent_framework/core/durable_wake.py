"""What the orchestrator's function does with a wake where the engine is durable: see to it that an execution runs.

A wake that was lost, repeated or came late does no harm: an execution has its name from the job and the run.
"""

from typing import Protocol

from agent_framework.core.engine import Engine
from agent_framework.core.message_handler import advance_fully
from agent_framework.types import JobStatus


class Executions(Protocol):
    """Where executions are started; `infrastructure.compute.durable_start.DurableExecutions` is one."""

    async def start(self, job_id: str, run: int) -> str:
        """See to it that an execution carries the run on, and return its name."""
        ...


class DurableWaker:
    """Wakes jobs whose execution AWS owns. ``engine`` dispatches nothing: it has `UnstartedAttempts`."""

    def __init__(self, engine: Engine, executions: Executions) -> None:
        self._engine = engine
        self._db = engine.jobs.db
        self._executions = executions

    async def wake(self, job_id: str) -> str | None:
        """Look at the job; the name of its execution, or None if the job is over, unknown, or waits for an approval.

        A job that has begun is advanced here too: an execution that waits for agents cannot see a cancellation, and
        the job's due time is brought up to date. What that decides, the execution reads from the database.

        Raises:
            ProviderError: Lambda refused, so the wake must come again.
        """
        job = await self._db.get_job(job_id)
        if job is not None and job.status is not JobStatus.PENDING and not job.status.is_final:
            await advance_fully(self._engine, job_id)
            job = await self._db.get_job(job_id)
        if job is None or job.status.is_final or job.status is JobStatus.WAITING_FOR_APPROVAL:
            return None
        return await self._executions.start(job.id, job.run)

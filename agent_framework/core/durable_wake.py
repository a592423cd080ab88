"""What the orchestrator's function does with a wake where the engine is durable: see to it that an execution runs.

A wake that was lost, repeated or came late does no harm: an execution has its name from the job and the run.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from agent_framework.core.durable_receipts import UnstartedAttempts
from agent_framework.core.engine import Engine
from agent_framework.core.job_manager import JobManager
from agent_framework.core.pinned import PinnedPlan
from agent_framework.errors import AgentFrameworkError
from agent_framework.types import JobStatus

logger = logging.getLogger(__name__)


class Executions(Protocol):
    """Where executions are started; `infrastructure.compute.durable_start.DurableExecutions` is one."""

    async def start(self, job_id: str, run: int) -> str:
        """See to it that an execution carries the run on, and return its name."""
        ...


class DurableWaker:
    """Wakes jobs whose execution AWS owns. ``plan`` pins the plan of a run, as for `Engine`."""

    def __init__(self, jobs: JobManager, executions: Executions, *, plan: Callable[[], PinnedPlan]) -> None:
        self._jobs = jobs
        self._executions = executions
        self._engine = Engine(jobs, plan=plan, dispatcher=UnstartedAttempts())

    async def wake(self, job_id: str) -> str | None:
        """Look at the job; the name of its execution, or None if the job is over or unknown.

        A job that has begun is advanced here too: an execution that waits for agents cannot see a cancellation, and
        the job's due time is brought up to date. What that decides, the execution reads from the database.

        Raises:
            ProviderError: Lambda refused, so the wake must come again.
        """
        job = await self._jobs.db.get_job(job_id)
        if job is not None and job.status is not JobStatus.PENDING and not job.status.is_final:
            advanced = await self._engine.advance(job_id)
            while advanced is not None and not advanced.status.is_final and advanced.due_in_s == 0.0:
                advanced = await self._engine.advance(job_id)
            job = await self._jobs.db.get_job(job_id)
        if job is None or job.status.is_final:
            return None
        return await self._executions.start(job.id, job.run)

    async def sweep(self, limit: int = 100) -> int:
        """Wake every job that is due; how many there were."""
        due = await self._jobs.due(limit)
        for job_id in due:
            try:
                await self.wake(job_id)
            except AgentFrameworkError as exc:
                logger.warning("job %s cannot be woken now: %s", job_id, exc)
        return len(due)

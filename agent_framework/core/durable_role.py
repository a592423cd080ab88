"""The orchestrator's function where the engine is durable: it starts executions, and performs its own attempts.

Everything that comes in is what the orchestrator of the checkpoint engine gets; only what a wake does differs.
"""

from agent_framework.core.durable_receipts import UnstartedAttempts
from agent_framework.core.durable_wake import DurableWaker, Executions
from agent_framework.core.engine import Advanced, Engine
from agent_framework.core.execution import Performer
from agent_framework.core.job_manager import JobManager
from agent_framework.core.lambda_orchestrator import OrchestratorRole
from agent_framework.core.lambda_process import Invocation, durable_function, perform, performer_of
from agent_framework.core.message_handler import MessageHandler
from agent_framework.core.messages import read_message
from agent_framework.core.runtime import Project
from agent_framework.infrastructure.compute.durable_start import DurableExecutions
from agent_framework.types import AttemptKey, JSONDict


class DurableRole(OrchestratorRole):
    """See `OrchestratorRole`. ``executions`` are those of the stage's durable function, unless given."""

    def __init__(self, agent: str, project: Project, *, executions: Executions | None = None) -> None:
        super().__init__(agent, project)
        self._engine = project.engine_with(UnstartedAttempts())
        self._waker = DurableWaker(self._engine, executions or DurableExecutions(durable_function(project)))

    def _handler(self, invocation: Invocation) -> tuple[MessageHandler, list[tuple[str, float]]]:
        """A handler that wakes; nothing is to be brought up later, because an execution waits for it."""
        performer = performer_of(self._project, invocation)
        return WakingHandler(self._project.jobs, self._engine, performer, waker=self._waker), []

    async def _engine_message(self, body: JSONDict, invocation: Invocation) -> JSONDict:
        """An execution asks for one of the orchestrator's own attempts (its facts, its turns); others wake a job."""
        wanted = read_message(body)
        if not isinstance(wanted, AttemptKey):
            return await super()._engine_message(body, invocation)
        return await perform(self._project, self._agent, wanted, invocation)


class WakingHandler(MessageHandler):
    """Handles messages by seeing to it that the job's execution runs."""

    def __init__(self, jobs: JobManager, engine: Engine, performer: Performer, *, waker: DurableWaker) -> None:
        super().__init__(jobs, engine, performer)
        self._waker = waker

    async def advance(self, job_id: str) -> Advanced | None:
        """Wake the job; its execution does the rest."""
        await self._waker.wake(job_id)
        return None

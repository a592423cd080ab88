"""The Lambda handler of the durable function: ``handler = durable_handler("my_orchestrator")``.

Lambda runs it as a durable execution, whose branches are threads. The project is opened once per process, on an event
loop of its own thread: whatever an execution asks of the database is done there.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from agent_framework.core.durable import CarryOn, DurableEngine
from agent_framework.core.durable_limits import MAX_OPERATIONS
from agent_framework.core.durable_receipts import Receipts, UnstartedAttempts
from agent_framework.core.lambda_process import open_project
from agent_framework.core.runtime import Project
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.compute.durable_functions import durable_function
from agent_framework.infrastructure.compute.durable_start import DurableExecutions
from agent_framework.observability.redaction import redacted_errors
from agent_framework.types import JSONDict

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own, for callers in any other thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agent-framework-loop", daemon=True)
        self._thread.start()

    def wait_for(self, work: Awaitable[T]) -> T:
        """Run ``work`` on the loop and wait for what it comes to."""

        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class DurableBody:
    """What an execution runs: `DurableEngine.run`, over a project that is opened when the first event comes."""

    def __init__(self, orchestrator: str, open_it: Callable[[str], Awaitable[Project]]) -> None:
        self._orchestrator = orchestrator
        self._open = open_it
        self._opening = threading.Lock()
        self._engine: DurableEngine | None = None
        self.loop: LoopThread | None = None
        self.project: Project | None = None

    def __call__(self, event: JSONDict, context: Any) -> JSONDict:
        """Run one execution, or replay it."""
        with redacted_errors():
            with self._opening:
                self._engine = self._engine or self._opened()
            return self._engine.run(event, context)

    def _opened(self) -> DurableEngine:
        self.loop = self.loop or LoopThread()
        project = self.project = self.loop.wait_for(self._open(self._orchestrator))
        engine = project.config.orchestration.engine
        if engine != "durable":
            raise ConfigError(
                f"the durable function beside {self._orchestrator} runs a stage with orchestration.engine: {engine}; "
                "set 'engine: durable' and deploy, or deploy again to take the function away"
            )
        self.loop.wait_for(project.db.check_schema())
        return durable_engine(project, wait_for=self.loop.wait_for)


def durable_handler(
    orchestrator: str, *, open_it: Callable[[str], Awaitable[Project]] = open_project
) -> Callable[[Any, Any], Any]:
    """The handler of the durable function beside ``orchestrator``, whose own function starts its executions.

    Raises:
        MissingExtraError: the SDK of durable functions is not installed (extra ``durable``).
    """
    return durable_function(DurableBody(orchestrator, open_it))


def durable_engine(
    project: Project,
    *,
    wait_for: Callable[[Awaitable[Any]], Any],
    carry_on: CarryOn | None = None,
    max_operations: int = MAX_OPERATIONS,
) -> DurableEngine:
    """The durable engine over an open project; ``wait_for`` runs coroutines on the project's event loop."""
    return DurableEngine(
        Receipts(project.engine_with(UnstartedAttempts())),
        wait_for=wait_for,
        function_of=project.function_of,
        carry_on=carry_on or start_part,
        max_operations=max_operations,
    )


async def start_part(function_arn: str, job_id: str, run: int, part: int) -> str:
    """Start another part of a run in the same version of the function."""
    executions = DurableExecutions(function_arn)
    try:
        return await executions.start_part(job_id, run, part)
    finally:
        await executions.close()

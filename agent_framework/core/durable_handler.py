"""The Lambda handler of the durable function: ``handler = durable_handler("my_orchestrator")``.

Lambda runs it as a durable execution, whose branches are threads. The project is opened once per process, on an event
loop of its own thread: whatever an execution asks of the database is done there, one thing after another.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from agent_framework.core.durable import CarryOn, DurableEngine
from agent_framework.core.durable_limits import MAX_OPERATIONS
from agent_framework.core.durable_receipts import Receipts, UnstartedAttempts
from agent_framework.core.engine import Engine
from agent_framework.core.environment import environment
from agent_framework.core.runtime import Project
from agent_framework.core.wiring import plan_of
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.compute.durable_functions import durable_function
from agent_framework.infrastructure.compute.durable_start import DurableExecutions
from agent_framework.types import JSONDict

T = TypeVar("T")
STAGE_VARIABLE = "AGENT_FRAMEWORK_STAGE"


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


def durable_handler(
    orchestrator: str, *, open_project: Callable[[], Project] | None = None, loop: LoopThread | None = None
) -> Callable[[Any, Any], Any]:
    """The handler of the durable function beside ``orchestrator``, whose own function starts its executions.

    ``open_project`` opens the project of this process; by default the one in the function's folder, in the stage that
    its environment names.

    Raises:
        MissingExtraError: the SDK of durable functions is not installed (extra ``durable``).
    """

    @cache
    def opened() -> DurableEngine:
        thread = loop or LoopThread()
        project = (open_project or deployed_project)()
        thread.wait_for(project.__aenter__())
        _check(project, orchestrator)
        return durable_engine(project, wait_for=thread.wait_for)

    opening = threading.Lock()

    def run(event: JSONDict, context: Any) -> JSONDict:
        with opening:
            engine = opened()
        return engine.run(event, context)

    return durable_function(run)


def durable_engine(
    project: Project,
    *,
    wait_for: Callable[[Awaitable[Any]], Any],
    carry_on: CarryOn | None = None,
    max_operations: int = MAX_OPERATIONS,
) -> DurableEngine:
    """The durable engine over an open project; ``wait_for`` runs coroutines on the project's event loop."""
    jobs, loader = project.jobs, project.loader
    engine = Engine(jobs, plan=lambda: plan_of(loader), dispatcher=UnstartedAttempts())

    return DurableEngine(
        Receipts(engine),
        wait_for=wait_for,
        function_of=lambda agent: f"{loader.get_project_name()}-{loader.stage}-{agent}",
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


def deployed_project() -> Project:
    """The project in the function's folder, for the stage that the environment names."""
    path = Path.cwd()
    environ = environment(path)
    if STAGE_VARIABLE not in environ:
        raise ConfigError(f"{STAGE_VARIABLE} is not set; the Terraform modules set it for every function")
    return Project.open(path, stage=environ[STAGE_VARIABLE], environ=environ)


def _check(project: Project, orchestrator: str) -> None:
    """Refuse to run a stage whose queue is served by the other engine: two would drive the same jobs."""
    if project.config.orchestration.engine != "durable":
        raise ConfigError(
            f"the durable function of {orchestrator} runs a stage with orchestration.engine: "
            f"{project.config.orchestration.engine}; set 'engine: durable' and deploy, or take the function away"
        )

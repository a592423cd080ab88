"""The durable engine as a place of the conformance suite: AWS's test runner, and worker functions as processes.

Submitted, cancelled and retried jobs reach it as on AWS, by a wake that `DurableWaker` answers.
"""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

from agent_framework import Project
from agent_framework.core.durable_handler import durable_engine
from agent_framework.core.durable_receipts import UnstartedAttempts
from agent_framework.core.durable_wake import DurableWaker
from agent_framework.infrastructure.compute.durable_functions import durable_function
from agent_framework.infrastructure.compute.durable_start import execution_name, start_event
from agent_framework.testing.conformance.engine import Place
from agent_framework.types import EventKind, JobStatus
from tests.support.lambda_process import LambdaProcesses

EXECUTION_TIMEOUT_S = 600


class LocalExecutions:
    """Executions of the test runner, by name, as `DurableExecutions` starts them on Lambda."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._arns: dict[str, str] = {}

    async def start(self, job_id: str, run: int) -> str:
        """The open execution of the run, or a new one."""
        part = 1
        while (name := execution_name(job_id, run, part)) in self._arns and self._is_over(name):
            part += 1
        return await self.start_part("", job_id, run, part)

    async def start_part(self, function_arn: str, job_id: str, run: int, part: int) -> str:
        """One part of a run, unless it was started."""
        name = execution_name(job_id, run, part)
        if name not in self._arns:
            event = json.dumps(start_event(job_id, run, part))
            self._arns[name] = self._runner.run_async(
                input=event, execution_timeout=EXECUTION_TIMEOUT_S, execution_name=name
            )
        return name

    def _is_over(self, name: str) -> bool:
        return bool(self._runner._store.load(self._arns[name]).is_complete)


class DurablePlace(Place):
    """The durable engine, without AWS."""

    def __init__(self, folder: Path, *, stage: str = "local") -> None:
        super().__init__(folder, stage=stage)
        self._processes = LambdaProcesses(folder, stage, self.environment)
        self._runner: Any = None
        self._waker: DurableWaker | None = None
        self._told: set[str] = set()

    async def begin(self, project: Project) -> None:
        """Register the functions of the project's agents."""
        runner = DurableFunctionTestRunner(durable_function(self._body), skip_time=False)
        executions = LocalExecutions(runner)
        self._engine = durable_engine(project, wait_for=self._wait_for, carry_on=executions.start_part)
        self._waker = DurableWaker(project.engine_with(UnstartedAttempts()), executions)
        self._runner = runner
        for agent in project.registry.list_agents():
            name = f"{project.loader.get_project_name()}-{self.stage}-{agent}"
            runner.register_function(name, lambda event, context: self._processes.invoke(event))

    async def tell(self, project: Project, job_id: str) -> None:
        """What the orchestrator's function does with a message."""
        assert self._waker is not None
        self._told.add(job_id)
        await self._waker.wake(job_id)

    async def look_after(self) -> None:
        """Wake waiting jobs again, as the sweeper does: an execution that just ended may have missed a decision."""
        for job_id in self._told:
            job = await self.project.jobs.get(job_id)
            if job.status is JobStatus.RUNNING and self._waker is not None and await self._waited(job_id):
                await self._waker.wake(job_id)

    async def _waited(self, job_id: str) -> bool:
        snapshot = await self.project.db.load(job_id)
        return snapshot is not None and any(event.kind is EventKind.WAITING for event in snapshot.events)

    async def end(self) -> None:
        self._processes.close()
        await asyncio.to_thread(self._runner.close)
        self._runner._scheduler._loop.close()  # the runner stops its event loop and leaves it open

    def _body(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        return self._engine.run(event, context)

    def _wait_for(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return self.do(run())

"""`DynamicOrchestrator`: drives a job's `advance` in this process until the job rests, and the seed's other methods."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_framework.config.loader import ConfigLoader
from agent_framework.core.engine import Advanced
from agent_framework.core.environment import environment
from agent_framework.core.job_manager import JobManager
from agent_framework.core.models import Models
from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.steps import Steps, failed
from agent_framework.core.waker import Bell
from agent_framework.core.wiring import Parts, open_storage, plan_of, wire
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import Job, JobStatus, JSONDict, is_object

POLL_S = 1.0
"""How often a job is looked at that nobody in this process signals (another process may)."""


class DynamicOrchestrator:
    """Chooses agents by the job's input and results, and runs them until the job rests.

    ``DynamicOrchestrator(config_loader, job_manager, db_provider)`` as in the seed runs agents in this process.
    """

    def __init__(
        self,
        config_loader: ConfigLoader,
        job_manager: JobManager,
        db_provider: DatabaseProvider,
        *,
        parts: Parts | None = None,
        steps: Steps | None = None,
    ) -> None:
        self.config = config_loader
        self.job_manager = job_manager
        self.db = db_provider
        self.registry = config_loader.get_agent_registry()
        self.parts = parts or wire(
            config_loader,
            job_manager,
            open_storage(config_loader),
            Models(config_loader, environment(config_loader.project_dir)),
        )
        self._steps = steps or self.parts.steps

    async def advance(self, job_id: str) -> Advanced | None:
        """One step of the job; see `Engine.advance`."""
        return await self.parts.engine.advance(job_id)

    async def drive(self, job_id: str) -> Job:
        """Advance the job until it is final or waits for somebody, and return it.

        Raises:
            JobNotFoundError
        """
        bell = self.parts.waker.bell(job_id)
        try:
            while True:
                bell.clear()
                advanced = await self.parts.engine.advance(job_id)
                if advanced is None or advanced.status is not JobStatus.RUNNING:
                    job = await self._resting(job_id, advanced)
                    if job is not None:
                        return job
                await self._pause(job_id, bell, advanced or Advanced(JobStatus.RUNNING, POLL_S))
        finally:
            self.parts.waker.forget(job_id)
            self.parts.engine.forget(job_id)

    async def _resting(self, job_id: str, advanced: Advanced | None) -> Job | None:
        """The job if nothing more will happen by itself."""
        waits = advanced is not None and advanced.status is JobStatus.WAITING_FOR_APPROVAL
        if advanced is not None and not (advanced.status.is_final or waits):
            return None
        if advanced is not None and advanced.job is not None and advanced.status.is_final:
            return advanced.job
        job = await self.job_manager.get(job_id)
        if waits and advanced is not None and job.status is advanced.status and job.signals == advanced.signals:
            return job
        return job if job.status.is_final else None

    async def _pause(self, job_id: str, bell: Bell, advanced: Advanced) -> None:
        """Wait until the job is woken here, is due, or was signalled by another process."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (POLL_S if advanced.due_in_s is None else advanced.due_in_s)
        while (left := until - loop.time()) > 0:
            if await bell.wait(min(left, POLL_S)):
                return
            job = await self.db.get_job(job_id)
            if job is None or job.status.is_final or job.signals != advanced.signals:
                return

    # -- the seed's methods ----------------------------------------------------------------------------------

    async def execute_job(self, job_id: str) -> dict[str, Any]:
        """Run the job to its end: ``{"success", "status", "plan", "results", "error"}``."""
        job = await self.drive(job_id)
        snapshot = await self.db.load(job_id)
        steps = [event.data for event in snapshot.events if event.kind == "step"] if snapshot else []
        return {
            "success": job.status is JobStatus.COMPLETED,
            "status": job.status.value,
            "plan": [{"type": step["type"], "agents": step["agents"]} for step in steps if step["agents"]],
            "results": dict(job.agent_results),
            "error": job.error_message,
        }

    async def create_execution_plan(self, input_data: JSONDict) -> list["ExecutionStep"]:
        """A preview for ``input_data``; ``condition`` marks steps that wait for results."""
        from agent_framework.core.preview import preview

        shown = preview(self.pin(), input_data)
        return [ExecutionStep(step.type, list(step.agents), step.condition) for step in shown.steps if step.agents]

    def pin(self) -> PinnedPlan:
        """The plan that a job started now would run by."""
        return plan_of(self.config)

    async def execute_plan(
        self, job_id: str, plan: list["ExecutionStep"], input_data: JSONDict | None = None
    ) -> dict[str, Any]:
        """Run an explicit list of steps, without rules, records or retries; stops after a failing step."""
        results: dict[str, Any] = {}
        for step in plan:
            run = self.run_parallel if step.type == "parallel" else self.run_sequential
            step_results = await run(job_id, step.agents)
            results |= step_results
            if not self.should_continue(step_results):
                break
        return results

    async def run_parallel(self, job_id: str, agent_names: list[str]) -> dict[str, Any]:
        """Run agents at once; a failed one answers ``{"error": ...}``."""
        return await self._steps.run_parallel(job_id, agent_names)

    async def run_sequential(self, job_id: str, agent_names: list[str]) -> dict[str, Any]:
        """Run agents one after another, up to the first that fails."""
        return await self._steps.run_sequential(job_id, agent_names)

    async def invoke_agent(self, job_id: str, agent_name: str) -> JSONDict:
        """Run one agent on the job, wait, and store its output: here, or as its function where the stage is deployed.

        Raises:
            AgentError: it failed.
        """
        return await self._steps.invoke(job_id, agent_name)

    @staticmethod
    def should_continue(step_results: Mapping[str, Any]) -> bool:
        """Whether no agent of a step failed."""
        return not any(is_object(result) and failed(result) for result in step_results.values())


@dataclass(frozen=True, slots=True)
class ExecutionStep:
    """A step of a previewed or explicit plan."""

    type: str
    agents: list[str]
    condition: str | None = None

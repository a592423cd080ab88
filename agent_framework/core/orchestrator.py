"""`advance`, the short idempotent step of every job, and `DynamicOrchestrator`, which drives it until a job rests.

`advance` claims the job, decides, commits, dispatches and lets go. It never waits for an agent.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent_framework.config.loader import ConfigLoader
from agent_framework.core.crash import CrashPoint, crash_point
from agent_framework.core.decide import Move, decide, refuse
from agent_framework.core.job_manager import JobManager
from agent_framework.core.pinned import PinnedPlan, pin
from agent_framework.core.preview import preview
from agent_framework.core.progress import Decided, Listener, ignore
from agent_framework.core.steps import StepRunner
from agent_framework.errors import ConfigError, JobNotFoundError, ProjectError
from agent_framework.infrastructure.compute.base import Dispatcher
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import Job, JobStatus, JSONDict, Snapshot

logger = logging.getLogger(__name__)
POLL_S = 1.0
"""How often a job is looked at that nobody in this process signals (another process may)."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where a job stands after an advance, and in how many seconds it wants to be looked at again.

    ``signals`` is what was known when it decided: a job with another count was signalled since.
    """

    status: JobStatus
    due_in_s: float | None
    signals: int | None = None


class Engine:
    """The checkpoint engine: `advance` over one database and one dispatcher."""

    def __init__(
        self,
        jobs: JobManager,
        *,
        plan: Callable[[], PinnedPlan],
        dispatcher: Dispatcher,
        listener: Listener = ignore,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.jobs = jobs
        self._plan = plan
        self._dispatcher = dispatcher
        self._listener = listener
        self._uniform = uniform

    async def advance(self, job_id: str) -> Advanced | None:
        """Move the job on by one decision, if there is one to make. None if the job is final or held by others."""
        snapshot = await self.jobs.claim(job_id)
        while snapshot is not None and not snapshot.job.status.is_final:
            move = self._move(snapshot)
            newer = await self.jobs.commit(snapshot, move.changes)
            if newer is None:
                return await self._follow(snapshot, move)
            snapshot = newer
        return None

    async def _follow(self, snapshot: Snapshot, move: Move) -> Advanced:
        """What comes after the commit: listeners hear of it, attempts are dispatched."""
        job_id = snapshot.job.id
        if move.changes.events or move.changes.status is not None:
            self._listener(Decided(job_id, move.changes.events, move.status))
        if move.dispatch:
            await self._dispatcher.dispatch(move.dispatch)
            crash_point(CrashPoint.ATTEMPTS_DISPATCHED)
        if move.status.is_final:
            await self._dispatcher.job_ended(job_id)
        due_at = move.changes.due_at
        due_in_s = None if due_at is None else max(0.0, due_at - snapshot.now)
        return Advanced(move.status, due_in_s, snapshot.job.signals)

    def _move(self, snapshot: Snapshot) -> Move:
        try:
            stored = snapshot.job.plan
            plan = PinnedPlan.from_dict(stored) if stored is not None else self._plan()
            return decide(snapshot, plan, random=self._uniform, owner_is_dead=self.jobs.owner_is_dead)
        except (ProjectError, ConfigError) as exc:
            logger.warning("job %s cannot be carried on: %s", snapshot.job.id, exc)
            return refuse(snapshot, str(exc))


class Waker:
    """In-memory wakes: tells whoever drives a job in this process that something happened."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def event(self, job_id: str) -> asyncio.Event:
        """The event of one job, made on first use."""
        return self._events.setdefault(job_id, asyncio.Event())

    async def wake(self, job_id: str) -> None:
        """Something happened to the job."""
        if job_id in self._events:
            self._events[job_id].set()

    def forget(self, job_id: str) -> None:
        """Nobody drives the job here any more."""
        self._events.pop(job_id, None)


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
        engine: Engine | None = None,
        waker: Waker | None = None,
        steps: StepRunner | None = None,
    ) -> None:
        self.config = config_loader
        self.job_manager = job_manager
        self.db = db_provider
        self.registry = config_loader.get_agent_registry()
        if engine is None or waker is None or steps is None:
            from agent_framework.core.runtime import in_process_parts

            engine, waker, steps = in_process_parts(config_loader, job_manager, db_provider)
        self.engine, self.waker, self.steps = engine, waker, steps

    async def advance(self, job_id: str) -> Advanced | None:
        """One step of the job; see `Engine.advance`."""
        return await self.engine.advance(job_id)

    async def drive(self, job_id: str) -> Job:
        """Advance the job until it is final or waits for somebody, and return it.

        Raises:
            JobNotFoundError
        """
        event = self.waker.event(job_id)
        try:
            while True:
                event.clear()
                advanced = await self.engine.advance(job_id)
                job = await self._resting(job_id, advanced)
                if job is not None:
                    return job
                await self._pause(job_id, event, advanced or Advanced(JobStatus.RUNNING, POLL_S))
        finally:
            self.waker.forget(job_id)

    async def _resting(self, job_id: str, advanced: Advanced | None) -> Job | None:
        """The job if nothing more will happen by itself."""
        if advanced is not None and not advanced.status.is_final:
            return None
        job = await self.db.get_job(job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job if job.status.is_final else None

    async def _pause(self, job_id: str, event: asyncio.Event, advanced: Advanced) -> None:
        """Wait until the job is woken here, is due, or was signalled by another process."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (POLL_S if advanced.due_in_s is None else advanced.due_in_s)
        while (left := until - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, POLL_S)):
                    await event.wait()
                    return
            except TimeoutError:
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
        shown = preview(self.pin(), input_data)
        return [ExecutionStep(step.type, list(step.agents), step.condition) for step in shown.steps if step.agents]

    def pin(self) -> PinnedPlan:
        """The plan that a job started now would run by."""
        return pin(self.config.config, exists=self.registry.has_module)

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
        return await self.steps.run_parallel(job_id, agent_names)

    async def run_sequential(self, job_id: str, agent_names: list[str]) -> dict[str, Any]:
        """Run agents one after another, up to the first that fails."""
        return await self.steps.run_sequential(job_id, agent_names)

    async def invoke_agent(self, job_id: str, agent_name: str) -> JSONDict:
        """Run one agent on the job here and now, and store its output."""
        return await self.steps.invoke(job_id, agent_name)

    @staticmethod
    def should_continue(step_results: Mapping[str, Any]) -> bool:
        """Whether no agent of a step failed."""
        return not any(isinstance(result, dict) and "error" in result for result in step_results.values())


@dataclass(frozen=True, slots=True)
class ExecutionStep:
    """A step of a previewed or explicit plan."""

    type: str
    agents: list[str]
    condition: str | None = None

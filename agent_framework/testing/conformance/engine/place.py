"""Places: where the jobs of one project run. `InProcessPlace` and `WorkerPlace` are here; others subclass `Place`."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from dotenv import dotenv_values

from agent_framework.core.approval import Approval
from agent_framework.core.runtime import Project
from agent_framework.core.worker import send_hint
from agent_framework.infrastructure.llm.clients import close_clients
from agent_framework.types import Job, JobStatus, JSONDict, Snapshot

T = TypeVar("T")
_LOOK_S = 0.05
_CALL_S = 120.0


class Place:
    """Runs the jobs of the project in ``folder``; jobs are submitted, read and signalled through the stage's database.

    A subclass starts what does the work in `begin`, ends it in `end`, and passes on in `tell` that a job was submitted,
    cancelled or retried. Whatever else differs (an engine with a submission of its own) is overridden too. All methods
    are called from one thread; coroutines run in an event loop that lives as long as the place.
    """

    def __init__(self, folder: Path, *, stage: str = "local") -> None:
        self.folder = folder
        self.stage = stage
        self.environment: Mapping[str, str] = {**os.environ, **_settings(folder)}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"place {folder.name}", daemon=True)
        self._project: Project | None = None

    # -- what a subclass overrides ---------------------------------------------------------------------------

    async def begin(self, project: Project) -> None:
        """Start what does the work; the database is open and migrated."""

    async def end(self) -> None:
        """End it."""

    async def tell(self, project: Project, job_id: str) -> None:
        """The job was submitted, cancelled or retried; by default the stage's queue is told."""
        await send_hint(project.queue, job_id)

    async def look_after(self) -> None:
        """Called now and then while a test waits: start again what a test has killed."""

    # -- what the suite calls --------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the project and begin."""
        self._thread.start()
        self.do(self._open())

    def close(self) -> None:
        """End, and close the project."""
        try:
            self.do(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def submit(self, job_input: JSONDict) -> str:
        """Submit a job; its id."""

        async def work() -> str:
            job_id = await self.project.jobs.submit(job_input)
            await self.tell(self.project, job_id)
            return job_id

        return self.do(work())

    def cancel(self, job_id: str) -> None:
        """Ask for the job's cancellation."""

        async def work() -> None:
            await self.project.jobs.cancel(job_id)
            await self.tell(self.project, job_id)

        self.do(work())

    def retry(self, job_id: str) -> Job:
        """Start a new run of the job."""

        async def work() -> Job:
            job = await self.project.jobs.retry(job_id)
            await self.tell(self.project, job_id)
            return job

        return self.do(work())

    def wake(self, job_id: str) -> None:
        """Have the job looked at."""
        self.do(self.tell(self.project, job_id))

    def waits_for(self, job_id: str) -> list[Approval]:
        """The approvals that the job waits for, decided or not."""

        async def work() -> list[Approval]:
            return list(await self.project.approvals.of_job(job_id))

        return self.do(work())

    def decide(self, job_id: str, approval_id: str, *, approve: bool, reason: str | None = None) -> None:
        """Approve or reject."""

        async def work() -> None:
            approvals = self.project.approvals
            await (approvals.approve if approve else approvals.reject)(approval_id, by="kim", reason=reason)
            await self.tell(self.project, job_id)

        self.do(work())

    def resolve(self, job_id: str, *, done: bool) -> None:
        """Settle the one unsettled write of a job that needs review."""

        async def work() -> None:
            [effect] = [found for found in await self.project.effects.list(job_id) if found.is_unsettled]
            await self.project.effects.resolve(job_id, effect.id, done=done, by="kim")
            await self.tell(self.project, job_id)

        self.do(work())

    def load(self, job_id: str) -> Snapshot:
        """The job as it is stored."""

        async def work() -> Snapshot:
            await self.look_after()
            snapshot = await self.project.db.load(job_id)
            assert snapshot is not None, f"the job {job_id} is not stored"
            return snapshot

        return self.do(work())

    def rest(self, job_id: str, within_s: float) -> Snapshot:
        """Wait until nothing more happens to the job by itself: it is final, or waits for somebody to decide."""
        end = time.monotonic() + within_s
        while not self._rests(snapshot := self.load(job_id)):
            assert time.monotonic() < end, f"the job does not rest within {within_s:g} s: {snapshot}"
            time.sleep(_LOOK_S)
        return snapshot

    # ---------------------------------------------------------------------------------------------------------

    def _rests(self, snapshot: Snapshot) -> bool:
        if snapshot.job.status is JobStatus.WAITING_FOR_APPROVAL and not snapshot.job.cancel_requested:
            waits_for = self.waits_for(snapshot.job.id)  # none: it went on after it was loaded
            return bool(waits_for) and all(approval.is_pending for approval in waits_for)
        return snapshot.job.status.is_final

    @property
    def project(self) -> Project:
        """The opened project, for use in the place's event loop."""
        assert self._project is not None, "the place is not open"
        return self._project

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` in the place's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S)

    async def _open(self) -> None:
        self._project = Project.open(self.folder, stage=self.stage, environ=self.environment)
        await self._project.db.migrate()
        await self.begin(self._project)

    async def _close(self) -> None:
        try:
            await self.end()
        finally:
            if self._project is not None:
                await self._project.close()


def _settings(folder: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(folder / ".env").items() if value is not None}


class InProcessPlace(Place):
    """The checkpoint engine in this process: what ``agent-framework run`` does."""

    def __init__(self, folder: Path, *, stage: str = "local") -> None:
        super().__init__(folder, stage=stage)
        self._driven: dict[str, asyncio.Task[Job]] = {}

    async def tell(self, project: Project, job_id: str) -> None:
        """Drive the job, unless it is driven."""
        driving = self._driven.get(job_id)
        if driving is None or driving.done():
            self._driven[job_id] = asyncio.create_task(project.orchestrator.drive(job_id))

    async def look_after(self) -> None:
        """Raise what a driver raised."""
        for driving in self._driven.values():
            if driving.done():
                driving.result()

    async def end(self) -> None:
        for driving in self._driven.values():
            driving.cancel()
        await asyncio.gather(*self._driven.values(), return_exceptions=True)
        await close_clients()


class WorkerProcess(Protocol):
    """What a place asks of a worker's process; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """The id by which a test kills it."""
        ...

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def wait(self) -> int:
        """Wait for its end."""
        ...


class WorkerPlace(Place):
    """Worker processes over the stage's database and queue: ``agent-framework worker``, started again when killed.

    What they print goes to ``worker.log`` in the project's folder. A subclass may start them in another way.
    """

    def __init__(
        self, folder: Path, *, stage: str = "local", processes: int = 2, options: Sequence[str] = ("--sweep", "0.3")
    ) -> None:
        super().__init__(folder, stage=stage)
        self._options = tuple(options)
        self._count = processes
        self.processes: list[WorkerProcess] = []
        self.log = folder / "worker.log"
        self._told: set[str] = set()

    async def begin(self, project: Project) -> None:
        """Start the processes."""
        self.processes = self._started(self._count)

    async def tell(self, project: Project, job_id: str) -> None:
        """Tell the queue, and remember the job."""
        self._told.add(job_id)
        await super().tell(project, job_id)

    async def look_after(self) -> None:
        """Start a process for each one that died, and tell of the jobs again: no need to wait for the sweeper."""
        alive = [process for process in self.processes if process.poll() is None]
        if len(alive) == self._count:
            return
        self.processes = [*alive, *self._started(self._count - len(alive))]
        for job_id in self._told:
            await super().tell(self.project, job_id)

    async def end(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            await asyncio.to_thread(process.wait)

    def start(self, *arguments: str) -> WorkerProcess:
        """Start ``agent-framework ARGUMENTS`` with the place's environment."""
        command = [sys.executable, "-m", "agent_framework.cli.main", *arguments]
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(self.environment)
            )

    def _started(self, count: int) -> list[WorkerProcess]:
        options = ("--project", str(self.folder), "--stage", self.stage, *self._options)
        return [self.start("worker", *options) for _ in range(count)]

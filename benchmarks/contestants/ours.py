"""The package: a project in a folder, jobs run in this process, agents that do nothing.

On SQLite, or on the PostgreSQL that the order names.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from agent_framework import AgentConfig, Job, Project
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import JobStatus
from benchmarks.contestants.turn import CHAIN, FAN, FIRST, THEN, answer, clock_starts, order, steps_of
from benchmarks.machine import versions

STEPS = {
    "chain": (CHAIN, f"[{{sequential: [{', '.join(CHAIN)}]}}]"),
    "fan": (FAN, f"[{{parallel: [{', '.join(FAN)}]}}]"),
    "jobs": ((FIRST, *THEN), f"[{FIRST}, {{parallel: [{', '.join(THEN)}]}}]"),
}


async def work(job: Job) -> dict[str, bool]:
    """The agent."""
    return {"ok": True}


def open_project(folder: Path, workload: str, postgres: dict[str, Any] | None = None) -> Project:
    """A project for a workload."""
    names, steps = STEPS[workload]
    database = {"provider": "rds-postgres", "config": postgres} if postgres else {"provider": "sqlite"}
    lines = [
        "project: {name: bench}",
        "orchestration:",
        "  max_concurrent_agents: 1000",
        f"  selection_rules: [{{name: all, condition: always, agents: {steps}}}]",
        "agents:",
        *(f"  {name}: {{}}" for name in names),
        "stages:",
        f"  local: {json.dumps({'infrastructure': {'database': database}})}",
    ]
    (folder / "agents.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    project = Project.open(folder, environ={})
    for name in names:
        project.registry.register(name, work, AgentConfig(name=name))
    return project


async def run_jobs(project: Project, jobs: int, at_once: int) -> float:
    """Seconds that ``jobs`` jobs take, ``at_once`` of them at a time; two jobs before the clock starts."""
    room = asyncio.Semaphore(at_once)

    async def run() -> None:
        async with room:
            job = await project.run({"n": 1})
        assert job.status is JobStatus.COMPLETED, job.error_message

    await run()
    await run()
    begun = clock_starts()
    await asyncio.gather(*(run() for _ in range(jobs)))
    return time.perf_counter() - begun


async def main() -> None:
    """One turn."""
    given = order()
    with tempfile.TemporaryDirectory() as folder:
        async with open_project(Path(folder), given["workload"], given.get("postgres")) as project:
            seconds = await run_jobs(project, given["jobs"], given["at_once"])
            job = (await project.db.list_jobs(limit=1))[0]
            whole = await project.jobs.get(job.id)
            assert len(whole.agent_results) == steps_of(given["workload"])
            settings = await project.db.settings() if isinstance(project.db, SqliteDatabase) else {}
    answer(given, seconds, versions=versions(["serverless-agent-framework"]), settings=settings)


if __name__ == "__main__":
    asyncio.run(main())

"""Resident memory while jobs run: many at the same time (``together``), or many one after another (``marks``)."""

import asyncio
import gc
import json
import os
import tempfile
from pathlib import Path

from agent_framework import AgentConfig, Job, Project
from agent_framework.types import JobStatus
from benchmarks.contestants.ours import open_project
from benchmarks.contestants.turn import FIRST, THEN, order

AT_ONCE = 50


def rss_mb() -> float:
    """What the process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def together(project: Project, jobs: int) -> dict[str, float]:
    """The most that is held while ``jobs`` jobs have agents that run at the same time."""
    everybody, running = asyncio.Event(), 0
    most = 0.0

    async def wait(job: Job) -> dict[str, bool]:
        nonlocal running, most
        running += 1
        if running == jobs * len(THEN):
            most = rss_mb()
            everybody.set()
        await everybody.wait()
        return {"ok": True}

    for name in THEN:
        project.registry.register(name, wait, AgentConfig(name=name))
    before = rss_mb()
    done = await asyncio.gather(*(project.run({"n": n}) for n in range(jobs)))
    assert all(job.status is JobStatus.COMPLETED for job in done)
    return {"before_mb": before, "most_mb": max(most, rss_mb())}


async def one_after_another(project: Project, marks: list[int]) -> dict[str, float]:
    """What is held after each of the numbers of jobs in ``marks``."""
    room = asyncio.Semaphore(AT_ONCE)

    async def run() -> None:
        async with room:
            job = await project.run({"n": 1})
        assert job.status is JobStatus.COMPLETED

    held: dict[str, float] = {}
    done = 0
    for mark in marks:
        while done < mark:
            some = min(1000, mark - done)
            await asyncio.gather(*(run() for _ in range(some)))
            done += some
        gc.collect()
        held[f"after_{mark}_mb"] = rss_mb()
    return held


async def main() -> None:
    """One turn."""
    given = order()
    with tempfile.TemporaryDirectory() as folder:
        async with open_project(Path(folder), "jobs") as project:
            if "together" in given:
                told = await together(project, given["together"])
            else:
                told = await one_after_another(project, given["marks"])
    print(json.dumps({**told, "agents": len((FIRST, *THEN))}))


if __name__ == "__main__":
    asyncio.run(main())

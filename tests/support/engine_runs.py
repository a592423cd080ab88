"""One job through the engine over a real SQLite file, in one event loop: what the engine's tests share."""

import asyncio
from collections.abc import Callable
from typing import Any

from agent_framework import Job, Project
from agent_framework.types import Snapshot

Make = Callable[..., Project]
QUICK = {"retry": {"initial_seconds": 0.01, "jitter": False}}
SEED_RULES = """
selection_rules:
  - {name: one, condition: "input.kind == 'full'", agents: [{sequential: [a]}, {parallel: [b, c]}]}
  - {name: two, condition: "prev_step.b.score < 0.5", agents: [d]}
"""


def done() -> dict[str, Any]:
    """An agent that has nothing to say."""
    return {}


def run(project: Project, job_input: dict[str, Any] | None = None) -> Job:
    """One job in one event loop, at most 20 seconds."""

    async def go() -> Job:
        async with project, asyncio.timeout(20):
            return await project.run(job_input or {})

    return asyncio.run(go())


def in_pieces(project: Project) -> Project:
    """The project as over a database that cannot decide at once: it claims, commits, and dispatches what waits."""
    project.jobs._at_once = None
    return project


async def snapshot_of(project: Project, job_id: str) -> Snapshot:
    snapshot = await project.db.load(job_id)
    assert snapshot is not None
    return snapshot


def run_and_load(project: Project, job_input: dict[str, Any] | None = None) -> Snapshot:
    async def go() -> Snapshot:
        async with project, asyncio.timeout(20):
            job = await project.run(job_input or {})
            return await snapshot_of(project, job.id)

    return asyncio.run(go())


async def dispatch_nothing(attempts: Any) -> None:
    """A dispatcher whose messages get lost."""


def seed_agents() -> dict[str, Callable[..., Any]]:
    """The agents of `SEED_RULES`."""
    return {"a": lambda: {"a": 1}, "b": lambda: {"score": 0.3}, "c": lambda: {"c": 1}, "d": lambda: {"d": 1}}

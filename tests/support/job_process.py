"""A process that drives one job, to be killed; it prints the job's status.

`JOB` is the project it works on: a, then b and c together, then d; each agent leaves a line
in ``ran.log`` before it answers.
"""

import asyncio
import os
import subprocess
from functools import partial
from pathlib import Path

from agent_framework import Project
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import Snapshot
from tests.support import commands
from tests.support.projects import write_agent_file, yaml_of

REPOSITORY = Path(__file__).parents[2]
AGENTS = ("a", "b", "c", "d")
RULES = """
selection_rules:
  - {name: all, agents: [a, {parallel: [b, c]}, d]}
  - {name: checked, condition: "results.d.n == 4 and prev_step.n == 4", agents: [{sequential: [a]}]}
"""
AGENT = """
import os
from agent_framework import agent

@agent("{name}")
def work(job, context):
    with open(os.path.join(context.project_dir, "ran.log"), "a") as log:
        log.write("{name}\\n")
    return {{"n": {n}}}
"""


def write_job_project(folder: Path) -> Path:
    """The project of this module in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    retry = {"retry": {"initial_seconds": 0.01, "jitter": False}}
    (folder / "agents.yaml").write_text(yaml_of(dict.fromkeys(AGENTS, retry), RULES), "utf-8")
    for n, name in enumerate(AGENTS, start=1):
        write_agent_file(folder, name, AGENT.format(name=name, n=n))
    return folder


_ENVIRON = dict(os.environ)
"""Taken once: tests drive jobs from threads, while pytest itself changes the environment."""


def drive(folder: Path, job_id: str, *, crash_at: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the process to its end, however that comes."""
    environ = {**_ENVIRON, "AGENT_FRAMEWORK_CRASH_AT": crash_at or ""}
    return commands.finish(partial(_drive, folder, job_id), env=environ, cwd=folder)


def ran(folder: Path) -> list[str]:
    """Agents in the order in which they ran."""
    log = folder / "ran.log"
    return log.read_text("utf-8").split() if log.exists() else []


def stored(folder: Path, job_id: str) -> Snapshot | None:
    """What the database has of the job."""

    async def load() -> Snapshot | None:
        async with SqliteDatabase(folder / ".agent-framework" / "jobs.sqlite") as db:
            return await db.load(job_id)

    return asyncio.run(load())


def _drive(folder: Path, job_id: str) -> None:
    """Submit the job unless it is there, and drive it."""

    async def drive() -> None:
        async with Project.open(folder) as project:
            await project.jobs.submit({}, job_id=job_id)
            job = await project.orchestrator.drive(job_id)
            print(job.status.value)

    asyncio.run(drive())

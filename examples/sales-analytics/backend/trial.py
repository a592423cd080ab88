"""Try one agent, or a whole job, offline: nothing is sent anywhere, and all files go into one folder."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent_framework import ConfigLoader, DatabaseFactory, Job, ModelChoice, Project
from agent_framework.infrastructure.storage import StorageFactory, StorageProvider

PROJECT_DIR = Path(__file__).resolve().parent.parent
NEEDS = {
    "data_cleaner": (),
    "trend_analyzer": ("data_cleaner",),
    "forecast_agent": ("data_cleaner",),
    "insight_reporter": ("data_cleaner", "trend_analyzer", "forecast_agent"),
}


@asynccontextmanager
async def offline_project(folder: Path) -> AsyncIterator[Project]:
    """This project with database and storage in ``folder``, and no model."""
    project = Project(
        ConfigLoader(PROJECT_DIR),
        DatabaseFactory.create("sqlite", {"path": "jobs.db"}, root=folder),
        storage_in(folder),
        environ={},
        models=ModelChoice(offline=True),
    )
    async with project:
        yield project


def storage_in(folder: Path) -> StorageProvider:
    """The storage that `offline_project` uses for the same folder."""
    return StorageFactory.create("local", {"path": "storage"}, root=folder)


async def try_agent(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The agent's output for input.json, after the agents it needs."""
    if folder is None:
        with TemporaryDirectory() as temporary:
            return await try_agent(name, Path(temporary))
    async with offline_project(folder) as project:
        job_id = await project.jobs.submit(json.loads((PROJECT_DIR / "input.json").read_text("utf-8")))
        for needed in NEEDS[name]:
            await project.steps.invoke(job_id, needed)
        return await project.steps.invoke(job_id, name)


async def try_job(job_input: Mapping[str, Any], folder: Path) -> Job:
    """A whole job, chosen by the rules of agents.yaml."""
    async with offline_project(folder) as project:
        return await project.run(dict(job_input))

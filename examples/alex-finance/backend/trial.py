"""Try one agent, or whole jobs, offline: nothing is sent anywhere, and all files go into one folder."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent_framework import ConfigLoader, DatabaseFactory, Job, ModelChoice, Project
from agent_framework.infrastructure.storage import StorageFactory
from backend.data.seed import FIRST_USER, seed
from backend.data.settings import VARIABLE, open_store

PROJECT_DIR = Path(__file__).resolve().parent.parent


@contextmanager
def portfolios_in(folder: Path) -> Iterator[None]:
    """The database of portfolios in ``folder``, with the test users, for as long as this lasts."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder / "alex.sqlite")
    try:
        seed(open_store())
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


@asynccontextmanager
async def offline_project(folder: Path, file: str = "agents.yaml") -> AsyncIterator[Project]:
    """This project with its jobs and files in ``folder``, and no model."""
    project = Project(
        ConfigLoader(PROJECT_DIR / file),
        DatabaseFactory.create("sqlite", {"path": "jobs.sqlite"}, root=folder),
        StorageFactory.create("local", {"path": "storage"}, root=folder),
        environ={},
        models=ModelChoice(offline=True),
    )
    async with project:
        yield project


async def try_job(folder: Path, user_id: str = FIRST_USER, file: str = "agents.yaml") -> Job:
    """A whole job, in a folder with `portfolios_in`."""
    async with offline_project(folder, file) as project:
        return await project.run({}, user_id=user_id, job_type="portfolio_analysis")


def try_agent(name: str, user_id: str = FIRST_USER) -> dict[str, Any]:
    """One agent's output for a test user."""

    async def invoke(folder: Path) -> dict[str, Any]:
        async with offline_project(folder) as project:
            job_id = await project.jobs.submit({}, user_id=user_id, job_type="portfolio_analysis")
            return await project.steps.invoke(job_id, name)

    with TemporaryDirectory() as temporary, portfolios_in(Path(temporary)):
        return asyncio.run(invoke(Path(temporary)))


def try_whole_job(user_id: str = FIRST_USER) -> Job:
    """A whole job in a folder of its own."""
    with TemporaryDirectory() as temporary, portfolios_in(Path(temporary)):
        return asyncio.run(try_job(Path(temporary), user_id))

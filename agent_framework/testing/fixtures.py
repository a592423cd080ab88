"""The pytest plugin: ``offline_project`` opens a project that calls no model and stores in the test's own folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agent_framework.core.runtime import Project


@pytest.fixture
def offline_project(tmp_path: Path) -> "Callable[[str | Path], Project]":
    """A function that opens the project in a folder: offline, with its jobs and files in ``tmp_path``.

    ``async with offline_project("path/to/project") as project: job = await project.run({"topic": "tea"})``
    """

    def open_project(path: str | Path) -> "Project":
        from agent_framework.config.loader import ConfigLoader
        from agent_framework.core.models import ModelChoice
        from agent_framework.core.runtime import Project
        from agent_framework.infrastructure.database.sqlite import SqliteDatabase
        from agent_framework.infrastructure.storage.local import LocalStorage

        return Project(
            ConfigLoader(path),
            SqliteDatabase(tmp_path / "jobs.sqlite"),
            LocalStorage(tmp_path / "storage"),
            environ={},
            models=ModelChoice(offline=True),
        )

    return open_project

"""A third party's database, named by its dotted path and configured by its own model, does what every database must."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_framework import Project
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.database import DatabaseFactory, DatabaseProvider
from agent_framework.testing.conformance.database import DatabaseConformance, OneMomentTests
from tests.support.projects import open_project

PATH = "tests.support.tenant_database:TenantDatabase"


class TestCustom(DatabaseConformance, OneMomentTests):
    backend = "a third party's, by dotted path"

    @pytest.fixture
    def database(self, tmp_path: Path) -> Callable[[], DatabaseProvider]:
        return lambda: DatabaseFactory.create(PATH, {"tenant": "ada"}, root=tmp_path)

    @pytest.fixture
    def reopen(self, database: Callable[[], DatabaseProvider]) -> Callable[[], DatabaseProvider]:
        return database


def _project(folder: Path, config: dict[str, str]) -> Project:
    stages = {"local": {"infrastructure": {"database": {"provider": PATH, "config": config}}}}
    return open_project(folder, {"a": lambda: {"n": 1}}, more=f"stages: {json.dumps(stages)}")


def test_a_project_that_names_it_keeps_its_jobs_there(tmp_path: Path) -> None:
    async def go() -> None:
        async with _project(tmp_path, {"tenant": "ada"}) as project:
            job = await project.run({})
            assert (job.status, project.db.name) == ("completed", "tenants")

    asyncio.run(go())
    assert (tmp_path / "tenants" / "ada.sqlite").is_file()


def test_its_own_model_refuses_a_wrong_configuration(tmp_path: Path) -> None:
    for config, words in (({}, "tenant: field required"), ({"tenant": "ada", "colour": "red"}, "colour: extra")):
        with pytest.raises(ConfigError, match=rf"database provider tenants: {words}.*\(fields: tenant, folder\)"):
            _project(tmp_path, config)

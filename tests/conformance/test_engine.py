"""The checkpoint engine does what every engine must: in one process, and in worker processes on several databases."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from agent_framework.testing.conformance.engine import (
    CAPABILITIES,
    EngineConformance,
    InProcessPlace,
    WorkerPlace,
    configure,
)
from tests.support.postgres import PostgresServer
from tests.support.scripted_endpoint import ScriptedEndpoint, model_endpoint

__all__ = ["model_endpoint"]


class Scripted:
    """Agents can reach the tests' model server."""

    @pytest.fixture(scope="class")
    @classmethod
    def model_endpoint(cls, model_endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
        return model_endpoint


class TestInProcess(Scripted, EngineConformance):
    """In this process, on SQLite."""

    capabilities: ClassVar[frozenset[str]] = CAPABILITIES - {"crashes"}

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls) -> Callable[[Path], InProcessPlace]:
        return InProcessPlace


class TestWorkersOnSqlite(Scripted, EngineConformance):
    """Two worker processes on SQLite and the local queue."""

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls) -> Callable[[Path], WorkerPlace]:
        return WorkerPlace


class TestWorkersOnPostgres(Scripted, EngineConformance):
    """Two worker processes on PostgreSQL, with a database for each project, and the local queue."""

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls, postgres: PostgresServer) -> Callable[[Path], WorkerPlace]:
        def make(folder: Path) -> WorkerPlace:
            database = f"engine_{uuid.uuid4().hex[:8]}"
            postgres.create_database(database)
            settings = {"provider": "rds-postgres", "config": postgres.config(database)}
            configure(folder, "local", {"infrastructure": {"database": settings}})
            return WorkerPlace(folder)

        return make

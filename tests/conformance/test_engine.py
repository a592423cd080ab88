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
    WorkerProcess,
    configure,
)
from tests.support import commands
from tests.support.postgres import PostgresServer
from tests.support.scripted_endpoint import ScriptedEndpoint, model_endpoint

__all__ = ["model_endpoint"]


class Scripted:
    """Agents can reach the tests' model server."""

    @pytest.fixture(scope="class")
    @classmethod
    def model_endpoint(cls, model_endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
        return model_endpoint


class ForkedWorkers(WorkerPlace):
    """Its workers are forks, which saves hundreds of imports."""

    def start(self, *arguments: str) -> WorkerProcess:
        return commands.start(*arguments, log=self.log, env=self.environment)


class TestInProcess(Scripted, EngineConformance):
    """In this process, on SQLite."""

    backend = "checkpoint, in process, sqlite"
    capabilities: ClassVar[frozenset[str]] = CAPABILITIES - {"crashes"}

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls) -> Callable[[Path], InProcessPlace]:
        return InProcessPlace


class TestWorkersOnSqlite(Scripted, EngineConformance):
    """Two worker processes on SQLite and the local queue."""

    backend = "checkpoint, worker processes, sqlite"
    keep_open = 3

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls) -> Callable[[Path], ForkedWorkers]:
        return ForkedWorkers


class TestWorkersOnPostgres(Scripted, EngineConformance):
    """Two worker processes on PostgreSQL, with a database for each project, and the local queue."""

    backend = "checkpoint, worker processes, rds-postgres"
    keep_open = 3

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls, postgres: PostgresServer) -> Callable[[Path], ForkedWorkers]:
        def make(folder: Path) -> ForkedWorkers:
            database = f"engine_{uuid.uuid4().hex[:8]}"
            postgres.create_database(database)
            settings = {"provider": "rds-postgres", "config": postgres.config(database, pool_max=4)}
            configure(folder, "local", {"infrastructure": {"database": settings}})
            return ForkedWorkers(folder)

        return make

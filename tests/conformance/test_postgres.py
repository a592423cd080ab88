"""PostgreSQL does what every database must: a real server, one database, emptied before each test."""

from collections.abc import Callable

import pytest

from agent_framework.infrastructure.database.postgres import PostgresDatabase
from agent_framework.testing.conformance.database import DatabaseConformance, OneMomentTests
from tests.support.postgres import PostgresServer, made


class TestPostgres(DatabaseConformance, OneMomentTests):
    backend = "rds-postgres"

    @pytest.fixture
    def database(self, postgres: PostgresServer) -> Callable[[], PostgresDatabase]:
        postgres.empty("conformance")
        return lambda: made(postgres)

    @pytest.fixture
    def reopen(self, database: Callable[[], PostgresDatabase]) -> Callable[[], PostgresDatabase]:
        return database

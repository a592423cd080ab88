"""The database contract on DynamoDB (moto behind a gate, see `tests.support.dynamodb`), on a clock of its own."""

from collections.abc import Callable
from typing import ClassVar

import pytest

from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.testing.conformance.database import CAPABILITIES, DatabaseConformance
from tests.support.clock import FakeClock
from tests.support.dynamodb import (  # noqa: F401 - fixtures
    dynamodb_server,
    dynamodb_session,
    dynamodb_table,
    open_database,
)

Open = Callable[..., DynamoDBDatabase]


class TestDynamoDB(DatabaseConformance):
    """Values above an item's 400 KB are refused; they belong into storage."""

    backend = "dynamodb (moto)"
    capabilities: ClassVar[frozenset[str]] = CAPABILITIES - {"large_values"}

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def database(self, open_database: Open, clock: FakeClock) -> Callable[[], DynamoDBDatabase]:  # noqa: F811
        return lambda: open_database(clock=clock)

    @pytest.fixture
    def reopen(self, database: Callable[[], DynamoDBDatabase]) -> Callable[[], DynamoDBDatabase]:
        return database

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.pass_

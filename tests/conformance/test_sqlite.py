"""SQLite does what every database must."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_framework.errors import ConfigError, SchemaVersionError
from agent_framework.infrastructure.database.base import SchemaStatus
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.testing.conformance.database import DatabaseConformance, OneMomentTests
from tests.support.clock import FakeClock


class TestSqlite(DatabaseConformance, OneMomentTests):
    backend = "sqlite"

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def database(self, tmp_path: Path, clock: FakeClock) -> Callable[[], SqliteDatabase]:
        def now() -> float:
            clock.pass_(1e-6)  # no two moments are the same
            return clock.now

        return lambda: SqliteDatabase(tmp_path / "jobs.sqlite", clock=now)

    @pytest.fixture
    def reopen(self, database: Callable[[], SqliteDatabase]) -> Callable[[], SqliteDatabase]:
        return database

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.pass_


def test_the_view_follows_its_mapping(tmp_path: Path) -> None:
    async def go() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            await db.migrate(outputs={"cleaner": "cleaned_data", "writer": "report"})
            await db.create_output_view({"cleaner": "cleaned"})
            job_id = await db.create_job("ada", "t", {})
            await db.store_agent_output(job_id, "cleaner", {"rows": 3})

    asyncio.run(go())
    connection = sqlite3.connect(tmp_path / "jobs.sqlite")
    cursor = connection.execute("SELECT * FROM job_outputs")
    row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    connection.close()
    assert (row["user_id"], row["status"], row["cleaned"]) == ("ada", "pending", '{"rows":3}')
    assert "report" not in row


@pytest.mark.parametrize(
    "fields", [{"a": "x; drop"}, {"a": "Status"}, {"a": "status"}, {"a": "x", "b": "x"}, {"a'b": "x"}, {"a": ""}]
)
def test_a_view_that_cannot_be_is_refused_and_the_old_one_stays(tmp_path: Path, fields: dict[str, str]) -> None:
    async def go() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            await db.create_output_view({"cleaner": "cleaned"})
            with pytest.raises(ConfigError, match="database_field"):
                await db.create_output_view(fields)

    asyncio.run(go())
    connection = sqlite3.connect(tmp_path / "jobs.sqlite")
    assert connection.execute("SELECT cleaned FROM job_outputs").fetchall() == []
    connection.close()


def test_a_database_that_was_not_migrated_is_refused_by_the_check(tmp_path: Path) -> None:
    async def go() -> None:
        db = SqliteDatabase(tmp_path / "jobs.sqlite")
        assert await db.schema_status() == SchemaStatus(0, 2)
        with pytest.raises(SchemaVersionError, match=r"version 0.*agent-framework db migrate"):
            await db.check_schema()
        await db.close()

    asyncio.run(go())

"""The databases that schedules run on, each with a clock that goes on when it is told to.

What is run is the product's provider; only the clock, and for SQLite in memory the threads, are replaced.
"""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database._script import Script, drive
from agent_framework.infrastructure.database._sql_database import Access, Carry, MakeScript, SqlDatabase
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.infrastructure.database.sqlite import SqliteDatabase, _execute
from tests.support.clock import FakeClock

R = TypeVar("R")
T = TypeVar("T")


class Backend(Protocol):
    """A database under test. ``faults`` are those that only it can have; ``own_clocks``: each process has its clock."""

    name: str
    faults: tuple[str, ...]
    own_clocks: bool

    async def open(self) -> None:
        """Begin with an empty database."""

    async def close(self) -> None:
        """Let go of everything."""

    def database(self, skew_s: float) -> DatabaseProvider:
        """The database as one process has it, whose clock is ``skew_s`` ahead."""
        ...

    async def pass_(self, seconds: float) -> None:
        """Let time go by."""

    async def hurt(self, fault: str) -> str:
        """Let ``fault`` happen; the word that it is counted under."""
        ...

    def calm(self) -> None:
        """Forget faults that nothing has met."""


class InlineSqlite(SqliteDatabase):
    """The SQLite provider without its threads: each script is one transaction, done at once."""

    _connection: sqlite3.Connection | None = None

    async def _run(self, make: MakeScript[T], access: Access) -> T:
        connection = self._connection = self._connection or self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = drive(_script(make), partial(_execute, connection))
        except BaseException as exc:
            connection.execute("ROLLBACK")
            if isinstance(exc, sqlite3.Error):
                raise ProviderError(f"{self.place}: {exc}") from exc
            raise
        connection.execute("COMMIT")
        return result

    async def _together(self, carry: Carry[R, T], request: R, *, last: bool = False) -> T:
        return await SqlDatabase._together(self, carry, request, last=last)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _script(make: MakeScript[T]) -> Script[T]:
    return make()


class SqliteBackend:
    """SQLite in memory, thousands of schedules a minute."""

    name = "sqlite"
    faults: tuple[str, ...] = ()
    own_clocks = False
    provider: type[InlineSqlite] = InlineSqlite

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._db: Any = None

    async def open(self) -> None:
        await self.close()
        self._db = self.provider(Path(":memory:"), clock=self.clock)
        await self._db.migrate()

    async def close(self) -> None:
        if self._db is not None:
            await self._db.close()
            self._db = None

    def database(self, skew_s: float) -> DatabaseProvider:
        return self._db

    async def pass_(self, seconds: float) -> None:
        self.clock.pass_(seconds)

    async def hurt(self, fault: str) -> str:
        raise NotImplementedError(fault)

    def calm(self) -> None:
        """There are none."""

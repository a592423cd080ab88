"""SQLite: the embedded database of a laptop, durable (WAL, ``synchronous=FULL``) and shared between processes.

One thread writes and one reads; `infrastructure._sqlite` tells how many small writes share one sync.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from agent_framework.infrastructure._places import is_there
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure._sqlite import SqliteWorker, Together, open_file
from agent_framework.infrastructure.database._migrations import SqliteMigrations
from agent_framework.infrastructure.database._requests import Ended
from agent_framework.infrastructure.database._rows import Row
from agent_framework.infrastructure.database._script import Dialect, Statement, drive
from agent_framework.infrastructure.database._sql_database import Access, Carry, MakeScript, SqlDatabase
from agent_framework.infrastructure.database._sqlite_scripts import SqliteScripts
from agent_framework.types import JSONDict

R = TypeVar("R")
T = TypeVar("T")
DIALECT = Dialect(now="clock()")


class SqliteConfig(BaseModel):
    """``infrastructure.database.config`` of provider ``sqlite``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ".agent-framework/jobs.sqlite"


class SqliteDatabase(SqlDatabase):
    """Jobs in one SQLite file. ``clock`` gives seconds since the epoch and is what SQL sees as the time."""

    name = "sqlite"
    in_order = True

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        super().__init__(SqliteScripts(DIALECT), SqliteMigrations(), f"sqlite database {self.path}")
        self._clock = clock
        self._works: dict[Carry[Any, Any], Together[Any]] = {}
        self._writer = SqliteWorker(self._connect, write=True, name=self.place)
        self._reader = SqliteWorker(self._connect, write=False, name=self.place)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "SqliteDatabase":
        """Make it from ``infrastructure.database.config``; a relative path starts at ``root``."""
        settings: SqliteConfig = validated(SqliteConfig, config, what="database provider sqlite")
        return cls(root / settings.path)

    async def probe(self) -> str:
        if not await asyncio.to_thread(is_there, self.path, what="sqlite database"):
            return "there is no file yet, it is made at first use"
        return await super().probe()

    async def settings(self) -> dict[str, str | int]:
        """How durable the connection that writes is, as SQLite answers: ``journal_mode``, ``synchronous`` (2: FULL)."""
        return await self._writer.run(
            lambda connection: {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
            }
        )

    def _connect(self) -> sqlite3.Connection:
        return open_file(self.path, clock=self._clock, what="sqlite database")

    def _moment(self) -> float:
        return self._clock()

    def _told(self, now: float, asked_at: float) -> None:
        """It is this process's time."""

    def _run(self, make: MakeScript[T], access: Access) -> Awaitable[T]:
        worker = self._reader if access in (Access.ONE, Access.READ) else self._writer
        return worker.run(lambda connection: drive(make(), partial(_execute, connection)))

    def _together(self, carry: Carry[R, T], request: R, *, last: bool = False) -> Awaitable[T]:
        undone = _forget if isinstance(request, Ended) else None
        work = self._works.get(carry)
        if work is None:  # the same for all requests of a kind, which are known by it
            work = self._works[carry] = partial(_carry_out, carry)
        return self._writer.run_together(work, request, last=last, undone=undone)

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._reader.stop)


def _carry_out(carry: Carry[Any, Any], connection: sqlite3.Connection, requests: Sequence[Any]) -> list[Any]:
    return drive(carry(requests), partial(_execute, connection))


def _forget(ended: Ended) -> None:
    """Its transaction failed after all."""
    ended.stored = False


def _execute(connection: sqlite3.Connection, statement: Statement) -> Sequence[Row]:
    if statement.many is not None:
        return ({"changed": connection.executemany(statement.sql, statement.many).rowcount},)
    return connection.execute(statement.sql, statement.params or {}).fetchall()

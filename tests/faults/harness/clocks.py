"""Clocks that several processes share, and that go on only when one of them says so."""

import mmap
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from agent_framework.infrastructure.database._postgres_dialect import DIALECT
from agent_framework.infrastructure.database._postgres_scripts import PostgresScripts
from agent_framework.infrastructure.database.aurora import AuroraDatabase
from agent_framework.infrastructure.database.postgres import PostgresDatabase

BEGIN = 1_000_000.0


class FileClock:
    """The time is eight bytes of a file, which somebody made before any process needs it."""

    @staticmethod
    def make(path: Path) -> None:
        """Make the file."""
        path.write_bytes(struct.pack("d", BEGIN))

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> float:
        return struct.unpack("d", self._bytes[:8])[0]

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self._bytes[:8] = struct.pack("d", self() + seconds)


class TableClock:
    """The time is a row of the database, which `CLOCKED` asks in place of the server's clock."""

    SETUP = """CREATE TABLE harness_clock (at TIMESTAMPTZ NOT NULL);
    INSERT INTO harness_clock VALUES (to_timestamp(1000000));
    GRANT SELECT, UPDATE ON harness_clock TO PUBLIC;
    CREATE FUNCTION harness_now() RETURNS TIMESTAMPTZ LANGUAGE sql STABLE AS 'SELECT at FROM harness_clock'"""

    def __init__(self, **connect: Any) -> None:
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None

    def pass_(self, seconds: float) -> None:
        """Let time go by; a connection that a restart has cut is made anew."""
        for again in (True, False):
            try:
                connection = self._connection = self._connection or psycopg.connect(**self._connect, autocommit=True)
                connection.execute("UPDATE harness_clock SET at = at + %s * INTERVAL '1 second'", (seconds,))
            except psycopg.OperationalError:
                self.close()
                if not again:
                    raise
            else:
                return

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


CLOCKED = PostgresScripts(replace(DIALECT, now="harness_now()"))


class ClockedPostgres(PostgresDatabase):
    """PostgreSQL whose clock is `TableClock`'s."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._scripts = CLOCKED


class ClockedAurora(AuroraDatabase):
    """The Data API with that clock."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._scripts = CLOCKED

"""How databases are reached: SQLite and PostgreSQL here, Aurora's Data API in `aurora`.

A driver runs work in a transaction and hides what differs. SQL is written once, with ``:name`` for parameters and
``{decimal}`` and ``{json}`` for the column types that differ; what is written to such a column is cast to its type.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from agent_framework.errors import ProviderError, RetryableError
from backend.portfolio.allocation import PortfolioError

Row = Mapping[str, Any]
Params = Mapping[str, Any]
SQLITE_TYPES: Mapping[str, str] = {"decimal": "TEXT", "json": "TEXT"}
POSTGRES_TYPES: Mapping[str, str] = {"decimal": "NUMERIC(24, 8)", "json": "JSONB"}
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class MissingTablesError(ProviderError):
    """Nobody has made the tables yet."""


class Transaction(Protocol):
    """Statements that take effect together."""

    def run(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        """Run one statement; its rows, or none."""
        ...


class Driver(Protocol):
    """One database."""

    place: str
    types: Mapping[str, str]
    """The column types that SQL names."""

    def transaction(self, *, snapshot: bool = False) -> AbstractContextManager[Transaction]:
        """A context manager that gives a `Transaction`, committed at its end and rolled back by an error.

        Args:
            snapshot: only read, and see one moment in all statements.

        Raises:
            PortfolioError: a constraint was broken.
            MissingTablesError: there are no tables yet.
            RetryableError: the database cannot be reached, or somebody else holds it.
            ProviderError: it refused something else.
        """
        ...


class SqliteDriver:
    """A SQLite file. Decimals are kept as text, so that none is rounded to a binary fraction."""

    types = SQLITE_TYPES

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = f"SQLite file {path}"

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("BEGIN" if snapshot else "BEGIN IMMEDIATE")
                try:
                    yield _SqliteTransaction(connection)
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.IntegrityError as exc:
            raise PortfolioError(f"{self.place} refuses this: {exc}") from exc
        except (sqlite3.Error, OSError) as exc:
            raise self._told(exc) from exc

    def _told(self, error: Exception) -> Exception:
        text = f"{self.place}: {error}"
        if "no such table" in text:
            return MissingTablesError(text)
        return RetryableError(text) if "locked" in text else ProviderError(text)


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        rows = self._connection.execute(sql.format(**SQLITE_TYPES), params or {}).fetchall()
        return [dict(row) for row in rows]


class PostgresDriver:
    """A PostgreSQL database, one connection for each transaction; needs psycopg."""

    types = POSTGRES_TYPES

    def __init__(self, address: str) -> None:
        self._address = address
        self.place = f"PostgreSQL {_without_password(address)}"

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        import psycopg
        from psycopg.rows import dict_row

        try:
            connect = psycopg.Connection[dict[str, Any]].connect
            with connect(self._address, row_factory=dict_row, connect_timeout=10) as connection:
                if snapshot:
                    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                yield _PostgresTransaction(connection)
        except (psycopg.errors.IntegrityError, psycopg.errors.DataError) as exc:
            raise PortfolioError(f"{self.place} refuses this: {exc.diag.message_primary or exc}") from exc
        except psycopg.errors.UndefinedTable as exc:
            raise MissingTablesError(f"{self.place}: {exc.diag.message_primary}") from exc
        except psycopg.OperationalError as exc:
            raise RetryableError(f"{self.place}: {exc}") from exc
        except psycopg.Error as exc:
            raise ProviderError(f"{self.place}: {exc}") from exc


class _PostgresTransaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        cursor = self._connection.execute(_PARAMETER.sub(r"%(\1)s", sql.format(**POSTGRES_TYPES)), params)
        return cursor.fetchall() if cursor.description else ()


def _without_password(address: str) -> str:
    return re.sub(r"://([^:@/]+):[^@]*@", r"://\1:***@", address)

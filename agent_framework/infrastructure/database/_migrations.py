"""Numbered SQL migrations: which ones a database has, and applying the rest.

They lie in ``migrations/<folder>/NNNN_name.sql``; the number of files is the schema's version. A database whose schema
is newer than the package is refused, never touched.
"""

from abc import ABC, abstractmethod
from importlib.resources import files
from typing import TypeVar

from agent_framework.errors import SchemaVersionError
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database.base import SchemaStatus, schema_mismatch

T = TypeVar("T")
_LOCK = 7_305_811_449_201_188
"""Names the advisory lock that migrations hold; any number that nobody else uses."""


class Migrations(ABC):
    """The migrations of one kind of database, as scripts."""

    def __init__(self, folder: str) -> None:
        place = files("agent_framework.infrastructure.database") / "migrations" / folder
        found = sorted((item for item in place.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name)
        self._files = tuple((item.name, item.read_text("utf-8")) for item in found)

    @property
    def latest(self) -> int:
        """The version that this package works with."""
        return len(self._files)

    @abstractmethod
    def current(self) -> Script[int]:
        """The database's version; 0 where nothing was migrated."""

    @abstractmethod
    def record(self, number: int, name: str) -> Script[None]:
        """Note that migration ``number`` was applied."""

    def alone(self, script: Script[T]) -> Script[T]:
        """``script`` while no other process changes the schema."""
        return script

    def apply(self, place: str) -> Script[int]:
        """Apply what is missing; several processes may do so at once.

        Raises:
            SchemaVersionError: the schema is newer than this version of the package.
        """
        return self.alone(self._apply(place))

    def _apply(self, place: str) -> Script[int]:
        current = yield from self.current()
        if current > self.latest:
            raise SchemaVersionError(self.mismatch(place, current))
        for number, (name, text) in enumerate(self._files[current:], start=current + 1):
            for sql in _statements(text):
                yield Statement(sql)
            yield from self.record(number, name)
        return self.latest

    def mismatch(self, place: str, current: int) -> str:
        """Why a schema of version ``current`` is refused, and what to do."""
        return schema_mismatch(place, SchemaStatus(current, self.latest))


class SqliteMigrations(Migrations):
    """The version is ``PRAGMA user_version``; a writing transaction is alone by itself."""

    def __init__(self) -> None:
        super().__init__("sqlite")

    def current(self) -> Script[int]:
        rows = yield Statement("PRAGMA user_version")
        return int(rows[0]["user_version"])

    def record(self, number: int, name: str) -> Script[None]:
        yield Statement(f"PRAGMA user_version = {number}")


class PostgresMigrations(Migrations):
    """The versions are rows of ``schema_migrations``; an advisory lock keeps other processes away."""

    def __init__(self) -> None:
        super().__init__("postgres")

    def current(self) -> Script[int]:
        # Not to_regclass(): within a transaction it may answer from a cache that does not know the table yet, which
        # another process made while this one waited for the lock.
        rows = yield Statement(
            """SELECT CAST(relname AS TEXT) AS name FROM pg_catalog.pg_class AS tables
            JOIN pg_catalog.pg_namespace AS schemas ON schemas.oid = tables.relnamespace
            WHERE relname = 'schema_migrations' AND nspname = current_schema()"""
        )
        if not rows:
            return 0
        rows = yield Statement("SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations")
        return int(rows[0]["version"])

    def record(self, number: int, name: str) -> Script[None]:
        yield Statement(
            "INSERT INTO schema_migrations (version, name) VALUES (:version, :name)", {"version": number, "name": name}
        )

    def alone(self, script: Script[T]) -> Script[T]:
        yield Statement(f"SELECT CAST(pg_advisory_xact_lock({_LOCK}) AS TEXT) AS locked")
        return (yield from script)


def _statements(text: str) -> list[str]:
    """The statements of a migration; they end with ``;`` at the end of a line."""
    return [statement for part in text.split(";\n") if (statement := part.strip())]

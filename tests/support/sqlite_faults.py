"""A SQLite connection that fails when it is told to."""

import sqlite3
from typing import Any


def failing_commits(connection: sqlite3.Connection, failures: int) -> Any:
    """``connection``, whose first commits fail, as on a full disk."""
    return _FailingCommits(connection, failures)


class _FailingCommits:
    def __init__(self, connection: sqlite3.Connection, failures: int) -> None:
        self._connection = connection
        self._failures = failures

    def execute(self, sql: str, *given: Any) -> Any:
        if sql == "COMMIT" and self._failures:
            self._failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(sql, *given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

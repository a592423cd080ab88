"""The world that agents act on: what they did, counted by somebody who knows nothing of the database under test.

It honours keys, as a good target does: a call with a key that it knows has no second effect. It is a SQLite file of its
own, so that the calls of a killed process stay.
"""

import sqlite3
from collections import Counter
from pathlib import Path

from agent_framework.types import AttemptKey


class Ledger:
    """The calls of one job's agents. ``path`` may be ``:memory:``."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._connection.executescript(
            """PRAGMA synchronous = OFF;
            CREATE TABLE IF NOT EXISTS calls (job, agent, attempt, key);
            CREATE TABLE IF NOT EXISTS effects (key TEXT PRIMARY KEY, job, agent);"""
        )

    @staticmethod
    def key_of(key: AttemptKey) -> str:
        """The effect key: what stays the same when an attempt is made again."""
        return f"{key.job_id}/{key.run}/{key.seq}/{key.agent}"

    def act(self, key: AttemptKey) -> None:
        """One call of an agent."""
        effect = self.key_of(key)
        values = {"job": key.job_id, "agent": key.agent, "attempt": str(key), "key": effect}
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO calls VALUES (:job, :agent, :attempt, :key)", values)
        self._connection.execute("INSERT OR IGNORE INTO effects VALUES (:key, :job, :agent)", values)
        self._connection.execute("COMMIT")

    def effects(self, job_id: str) -> Counter[str]:
        """How many effects each agent had."""
        rows = self._connection.execute("SELECT agent, count(*) FROM effects WHERE job = ? GROUP BY agent", (job_id,))
        return Counter(dict(rows.fetchall()))

    def calls(self, job_id: str) -> Counter[str]:
        """How many calls each attempt made."""
        rows = self._connection.execute("SELECT attempt, count(*) FROM calls WHERE job = ? GROUP BY attempt", (job_id,))
        return Counter(dict(rows.fetchall()))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

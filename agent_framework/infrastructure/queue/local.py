"""A queue in one SQLite file: durable, shared by the processes of one machine, several queues to a file."""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agent_framework.errors import SchemaVersionError
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure._sqlite import SqliteWorker, open_file
from agent_framework.infrastructure.queue.base import (
    MAX_VISIBILITY_S,
    DeadLetter,
    Delivery,
    Message,
    QueueDepth,
    QueueProvider,
    dead_letter,
)
from agent_framework.types import JSONDict

SCHEMA_VERSION = 1
POLL_S = 0.05
_OURS = "id = :id AND receipt = :receipt AND visible_at > clock()"


class LocalQueueConfig(BaseModel):
    """``infrastructure.queue.config`` of provider ``local``. Times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ".agent-framework/queue.sqlite"
    queue: str = Field(default="jobs", min_length=1)
    visibility_timeout: float = Field(default=30.0, gt=0, le=MAX_VISIBILITY_S)
    max_receives: int = Field(default=5, ge=1)


class LocalQueue(QueueProvider):
    """The queue ``queue`` of a file. ``clock`` gives seconds since the epoch and is the only time it knows.

    Only the newest receipt of a message counts: `acknowledge` with an older one leaves the message to whoever has it.
    """

    name = "local"

    def __init__(
        self,
        path: str | Path,
        *,
        queue: str = "jobs",
        visibility_s: float = 30.0,
        max_receives: int = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.queue = queue
        self.visibility_s = visibility_s
        self.max_receives = max_receives
        self._clock = clock
        label = f"queue provider local: {self.path}"
        self._writer = SqliteWorker(self._connect, write=True, name=label)
        self._reader = SqliteWorker(self._connect, write=False, name=label)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "LocalQueue":
        """Make it from ``infrastructure.queue.config``; a relative path starts at ``root``."""
        settings: LocalQueueConfig = validated(LocalQueueConfig, config, what="queue provider local")
        return cls(
            root / settings.path,
            queue=settings.queue,
            visibility_s=settings.visibility_timeout,
            max_receives=settings.max_receives,
        )

    async def send_texts(self, texts: Sequence[str], *, delay_s: float = 0.0) -> list[str]:
        rows = [{"id": str(uuid.uuid4()), "queue": self.queue, "body": text, "delay": delay_s} for text in texts]

        def insert(connection: sqlite3.Connection) -> None:
            connection.executemany(
                """INSERT INTO messages (id, queue, body, sent_at, visible_at)
                VALUES (:id, :queue, :body, clock(), clock() + :delay)""",
                rows,
            )

        await self._writer.run(insert)
        return [str(row["id"]) for row in rows]

    async def receive_texts(self, limit: int, *, wait_s: float, visibility_s: float) -> list[Delivery]:
        waited_until = time.monotonic() + wait_s
        while True:
            if await self._reader.run(self._has_visible):
                taken = await self._writer.run(lambda connection: self._take(connection, limit, visibility_s))
                if taken:
                    return taken
            left = waited_until - time.monotonic()
            if left <= 0:
                return []
            await asyncio.sleep(min(POLL_S, left))

    async def acknowledge(self, *messages: Message) -> None:
        rows = [{"id": message.id, "receipt": message.receipt} for message in messages]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM messages WHERE id = :id AND receipt = :receipt", rows)

        await self._writer.run(delete)

    async def change_visibility(self, message: Message, visibility_s: float) -> bool:
        row = {"id": message.id, "receipt": message.receipt, "visibility": visibility_s}

        def change(connection: sqlite3.Connection) -> bool:
            sql = f"UPDATE messages SET visible_at = clock() + :visibility WHERE {_OURS}"
            return connection.execute(sql, row).rowcount == 1

        return await self._writer.run(change)

    async def bury(self, delivery: Delivery, note: str) -> None:
        row = {"id": delivery.id, "receipt": delivery.receipt, "note": note}
        await self._writer.run(lambda connection: _bury(connection, "id = :id AND receipt = :receipt", row))

    async def receive_limit(self) -> int | None:
        return self.max_receives

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        def select(connection: sqlite3.Connection) -> list[DeadLetter]:
            rows = connection.execute(
                "SELECT * FROM dead_letters WHERE queue = :queue ORDER BY died_at, rowid LIMIT :limit",
                {"queue": self.queue, "limit": limit},
            )
            return [dead_letter(row["id"], row["body"], row["note"]) for row in rows]

        return await self._reader.run(select)

    async def approximate_depth(self) -> QueueDepth:
        def count(connection: sqlite3.Connection) -> QueueDepth:
            row = connection.execute(
                """SELECT count(*) FILTER (WHERE visible_at <= clock()) AS ready,
                count(*) FILTER (WHERE visible_at > clock() AND receipt IS NULL) AS delayed,
                count(*) FILTER (WHERE visible_at > clock() AND receipt IS NOT NULL) AS in_flight
                FROM messages WHERE queue = :queue""",
                {"queue": self.queue},
            ).fetchone()
            return QueueDepth(row["ready"], row["delayed"], row["in_flight"])

        return await self._reader.run(count)

    async def purge(self) -> None:
        def delete(connection: sqlite3.Connection) -> None:
            for table in ("messages", "dead_letters"):
                connection.execute(f"DELETE FROM {table} WHERE queue = :queue", {"queue": self.queue})

        await self._writer.run(delete)

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._reader.stop)

    def _has_visible(self, connection: sqlite3.Connection) -> bool:
        sql = "SELECT 1 FROM messages WHERE queue = :queue AND visible_at <= clock() LIMIT 1"
        return connection.execute(sql, {"queue": self.queue}).fetchone() is not None

    def _take(self, connection: sqlite3.Connection, limit: int, visibility_s: float) -> list[Delivery]:
        now = connection.execute("SELECT clock()").fetchone()[0]
        values = {"queue": self.queue, "now": now, "max_receives": self.max_receives, "note": None}
        _bury(connection, "queue = :queue AND visible_at <= :now AND receive_count >= :max_receives", values)
        rows = connection.execute(
            """UPDATE messages SET receipt = lower(hex(randomblob(16))), receive_count = receive_count + 1,
            visible_at = :now + :visibility
            WHERE id IN (SELECT id FROM messages WHERE queue = :queue AND visible_at <= :now
                         ORDER BY visible_at, rowid LIMIT :limit)
            RETURNING id, body, receipt, receive_count""",
            {"queue": self.queue, "now": now, "visibility": visibility_s, "limit": limit},
        )
        return [Delivery(row["id"], row["body"], row["receipt"], row["receive_count"]) for row in rows]

    def _connect(self) -> sqlite3.Connection:
        connection = open_file(self.path, clock=self._clock, what="queue provider local:")
        try:
            _prepare(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection


def _bury(connection: sqlite3.Connection, which: str, values: JSONDict) -> None:
    """Move the messages that ``which`` selects to the dead letters; it must select the same ones twice."""
    connection.execute(
        f"""INSERT INTO dead_letters (id, queue, body, receive_count, note, died_at)
        SELECT id, queue, body, receive_count, :note, clock() FROM messages WHERE {which}""",
        values,
    )
    connection.execute(f"DELETE FROM messages WHERE {which}", values)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; two processes may do it at once."""
    connection.execute("BEGIN IMMEDIATE")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        connection.execute("ROLLBACK")
        raise SchemaVersionError(
            f"queue provider local: {path} has schema version {version}, this version of the package knows "
            f"{SCHEMA_VERSION}; upgrade the package, or use another file"
        )
    if version == 0:
        text = (files("agent_framework.infrastructure.queue") / "local.sql").read_text("utf-8")
        for statement in text.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")

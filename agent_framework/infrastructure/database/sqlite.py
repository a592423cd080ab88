"""SQLite: the embedded database of a laptop, durable (WAL, ``synchronous=FULL``) and shared between processes.

One thread writes and one reads. The writer takes whatever waits in its queue into one transaction, each script under
its own savepoint, and acknowledges all of them after the commit: nothing is acknowledged that a power cut could undo,
and many small writes share one sync.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from agent_framework.errors import ProviderError, SchemaVersionError
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.database._sql import Dialect, Row, Script, Scripts, Statement
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.types import (
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    Document,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
)

T = TypeVar("T")
BUSY_TIMEOUT_S = 30.0
MAX_BATCH = 256
DIALECT = Dialect(now="clock()", for_update="")


class SqliteConfig(BaseModel):
    """``infrastructure.database.config`` of provider ``sqlite``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ".agent-framework/jobs.sqlite"


class SqliteDatabase(DatabaseProvider):
    """Jobs in one SQLite file. ``clock`` gives seconds since the epoch and is what SQL sees as the time."""

    name = "sqlite"

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self._scripts = Scripts(DIALECT)
        self._writer = _Worker(self._connect, write=True)
        self._reader = _Worker(self._connect, write=False)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "SqliteDatabase":
        """Make it from ``infrastructure.database.config``; a relative path starts at ``root``."""
        settings: SqliteConfig = validated(SqliteConfig, config, what="database provider sqlite")
        return cls(root / settings.path)

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.create_function("clock", 0, self._clock)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")
        except (sqlite3.Error, OSError) as exc:
            raise ProviderError(f"sqlite database {self.path} cannot be opened: {exc}") from exc
        return connection

    async def _write(self, script: Script[T]) -> T:
        return await self._writer.run(script, self.path)

    async def _read(self, script: Script[T]) -> T:
        return await self._reader.run(script, self.path)

    async def migrate(self) -> int:
        return await self._write(_migrate(self.path))

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._reader.stop)

    async def create_job(
        self,
        user_id: str,
        job_type: str,
        request_payload: JSONDict,
        *,
        client_key: str | None = None,
        job_id: str | None = None,
    ) -> str:
        return await self._write(self._scripts.create_job(user_id, job_type, request_payload, client_key, job_id))

    async def get_job(self, job_id: str) -> Job | None:
        return await self._read(self._scripts.get_job(job_id))

    async def update_job_status(self, job_id: str, status: JobStatus, error_message: str | None = None) -> None:
        await self._write(self._scripts.update_job_status(job_id, JobStatus(status), error_message))

    async def store_agent_output(
        self, job_id: str, agent_name: str, output_payload: JSONDict, *, execution_time_ms: int | None = None
    ) -> None:
        await self._write(self._scripts.store_output(job_id, agent_name, output_payload, execution_time_ms))

    async def get_agent_output(self, job_id: str, agent_name: str) -> JSONDict | None:
        return await self._read(self._scripts.get_output(job_id, agent_name))

    async def list_jobs(
        self, user_id: str | None = None, status: JobStatus | None = None, limit: int = 50, *, after: str | None = None
    ) -> list[Job]:
        return await self._read(self._scripts.list_jobs(user_id, status, limit, after))

    async def claim_job(
        self, job_id: str, owner: str, lease_s: float, *, take_over_from: str | None = None
    ) -> Snapshot | None:
        return await self._write(self._scripts.claim(job_id, owner, lease_s, take_over_from))

    async def claim_owner(self, job_id: str) -> str | None:
        return await self._read(self._scripts.claim_owner(job_id))

    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        return await self._write(self._scripts.commit(snapshot, changes))

    async def load(self, job_id: str) -> Snapshot | None:
        return await self._read(self._scripts.load(job_id))

    async def get_results(self, job_id: str) -> Sequence[AgentResult]:
        return await self._read(self._scripts.get_results(job_id))

    async def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Attempt | None:
        return await self._write(self._scripts.start_attempt(key, owner, run_for_s))

    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str) -> bool:
        return await self._write(self._scripts.commit_outcome(key, owner, outcome, produced_by))

    async def signal_job(self, job_id: str, *, cancel: bool = False) -> bool:
        return await self._write(self._scripts.signal_job(job_id, cancel))

    async def due_jobs(self, limit: int = 100) -> list[str]:
        return await self._read(self._scripts.due_jobs(limit))

    async def retry_job(self, job_id: str) -> Job:
        return await self._write(self._scripts.retry_job(job_id))

    async def now(self) -> float:
        return await self._read(self._scripts.now())

    async def get_document(self, namespace: str, key: str) -> Document | None:
        return await self._read(self._scripts.get_document(namespace, key))

    async def put_document(
        self, namespace: str, key: str, body: JSONDict, *, expected_version: int, ttl_s: float | None = None
    ) -> Document | None:
        return await self._write(self._scripts.put_document(namespace, key, body, expected_version, ttl_s))

    async def delete_document(self, namespace: str, key: str, *, expected_version: int | None = None) -> bool:
        return await self._write(self._scripts.delete_document(namespace, key, expected_version))

    async def list_documents(self, namespace: str, *, prefix: str = "", limit: int = 100) -> list[Document]:
        return await self._read(self._scripts.list_documents(namespace, prefix, limit))


def _migrate(path: Path) -> Script[int]:
    """Apply the numbered migrations above ``PRAGMA user_version``."""
    folder = files("agent_framework.infrastructure.database") / "migrations" / "sqlite"
    migrations = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name)
    current = int((yield Statement("PRAGMA user_version"))[0]["user_version"])
    if current > len(migrations):
        raise SchemaVersionError(
            f"sqlite database {path} has schema version {current}, this version of the package knows "
            f"{len(migrations)}; upgrade the package, or use another database file"
        )
    for number, migration in enumerate(migrations[current:], start=current + 1):
        for statement in _statements(migration.read_text("utf-8")):
            yield Statement(statement)
        yield Statement(f"PRAGMA user_version = {number}")
    return len(migrations)


def _statements(text: str) -> list[str]:
    """The statements of a migration; they end with ``;`` at the end of a line."""
    return [statement for part in text.split(";\n") if (statement := part.strip())]


@dataclass(slots=True)
class _Request:
    """A script that waits to be run, and who waits for it."""

    script: Script[Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None


class _Worker:
    """One thread with one connection that runs scripts in transactions, writers several to a transaction."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, write: bool) -> None:
        self._connect = connect
        self._begin = "BEGIN IMMEDIATE" if write else "BEGIN"
        self._max_batch = MAX_BATCH if write else 1
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    async def run(self, script: Script[T], path: Path) -> T:
        """Run ``script`` on the thread; errors of SQLite become `ProviderError`."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=f"sqlite {path.name}", daemon=True)
                self._thread.start()
        loop = asyncio.get_running_loop()
        request = _Request(script, loop, loop.create_future())
        self._requests.put(request)
        try:
            return await request.future
        except sqlite3.Error as exc:
            raise ProviderError(f"sqlite database {path}: {exc}{_remedy(exc)}") from exc

    def stop(self) -> None:
        """Finish what is queued, close the connection, end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._requests.put(None)
            thread.join()

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while True:
            batch = self._take()
            requests = [request for request in batch if request is not None]
            try:
                connection = connection or self._connect()
                self._transact(connection, requests)
            except (sqlite3.Error, ProviderError) as exc:
                for request in requests:
                    request.error = exc
                if connection is not None and connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
            _deliver(requests)
            if None in batch:
                if connection is not None:
                    connection.close()
                return

    def _take(self) -> list[_Request | None]:
        """Wait for one request, then take what else is there."""
        batch = [self._requests.get()]
        while len(batch) < self._max_batch and batch[-1] is not None:
            try:
                batch.append(self._requests.get_nowait())
            except queue.Empty:
                break
        return batch

    def _transact(self, connection: sqlite3.Connection, requests: Sequence[_Request]) -> None:
        if not requests:
            return
        connection.execute(self._begin)
        for request in requests:
            connection.execute("SAVEPOINT script")
            try:
                request.result = _drive(request.script, connection)
            except Exception as exc:  # delivered to the one who asked; the others' work stands
                request.error = exc
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO script")
            connection.execute("RELEASE script")
        connection.execute("COMMIT")


def _drive(script: Script[T], connection: sqlite3.Connection) -> T:
    """Feed a script with the rows of its statements until it returns."""
    try:
        statement = next(script)
        while True:
            statement = script.send(_execute(connection, statement))
    except StopIteration as done:
        return done.value


def _execute(connection: sqlite3.Connection, statement: Statement) -> Sequence[Row]:
    if statement.many is not None:
        connection.executemany(statement.sql, statement.many)
        return ()
    return connection.execute(statement.sql, statement.params or {}).fetchall()


def _deliver(requests: Sequence[_Request]) -> None:
    """Wake the waiting coroutines, once per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Request]] = {}
    for request in requests:
        by_loop.setdefault(request.loop, []).append(request)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, group)


def _resolve(requests: Sequence[_Request]) -> None:
    for request in requests:
        if request.future.done():
            continue
        if request.error is not None:
            request.future.set_exception(request.error)
        else:
            request.future.set_result(request.result)


def _remedy(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"; another process held it for more than {BUSY_TIMEOUT_S:.0f} s"
    if "full" in text:
        return "; free some space and run the job again with --resume"
    if "not a database" in text or "malformed" in text:
        return "; the file is damaged or something else: move it away to start anew"
    return ""

"""SQLite on a thread of its own: what the embedded database and the local queue share.

Files are opened durable (WAL, ``synchronous=FULL``) and may be shared between processes. A writing worker takes
whatever waits in its queue into one transaction, each piece of work under its own savepoint, and acknowledges all of
them after the commit: nothing is acknowledged that a power cut could undo, and many small writes share one sync.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agent_framework.errors import ProviderError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""What to do inside one transaction; it must not begin or end one itself."""

BUSY_TIMEOUT_S = 30.0
MAX_BATCH = 256
LINGER_S = 0.0005
"""How long a transaction waits at most for what belongs to it. A sync takes about as long."""


def open_file(path: Path, *, clock: Callable[[], float], what: str) -> sqlite3.Connection:
    """Open or make the file at ``path``; SQL sees ``clock`` as ``clock()``, in seconds since the epoch.

    Raises:
        ProviderError: it cannot be opened; ``what`` is how the message calls it.
    """
    connection: sqlite3.Connection | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.create_function("clock", 0, clock)
        _use_wal(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
    except (sqlite3.Error, OSError) as exc:
        if connection is not None:
            connection.close()
        raise ProviderError(f"{what} {path} cannot be opened: {exc}{_remedy(exc)}", retryable=_is_held(exc)) from exc
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for this lock by itself, and two processes may open a new file at once."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if not _is_held(exc) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


@dataclass(slots=True)
class _Request:
    """Work that waits to be done, and who waits for it."""

    work: Work[Any]
    linked: bool
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None


class SqliteWorker:
    """One thread with one connection that does work in transactions, a writer several to a transaction.

    ``name`` is what errors call the file: ``sqlite database jobs.sqlite``.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, write: bool, name: str) -> None:
        self._connect = connect
        self._name = name
        self._begin = "BEGIN IMMEDIATE" if write else "BEGIN"
        self._max_batch = MAX_BATCH if write else 1
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    async def run(self, work: Work[T], *, linked: bool = False) -> T:
        """Do ``work`` on the thread; errors of SQLite become `ProviderError`.

        ``linked``: more work that belongs to it is expected at once, and should share its transaction.
        """
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
        loop = asyncio.get_running_loop()
        request = _Request(work, linked, loop, loop.create_future())
        self._requests.put(request)
        try:
            return await request.future
        except sqlite3.Error as exc:
            raise ProviderError(f"{self._name}: {exc}{_remedy(exc)}", retryable=_is_held(exc)) from exc

    def stop(self) -> None:
        """Finish what is queued, close the connection, end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._requests.put(None)
            thread.join()

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while (request := self._requests.get()) is not None:
            batch = _Batch(self._requests, request, self._max_batch)
            try:
                connection = connection or self._connect()
                self._transact(connection, batch)
            except (sqlite3.Error, ProviderError) as exc:
                batch.fail(exc)
                if connection is not None and connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
            _deliver(batch.taken)
            if batch.is_last:
                break
        if connection is not None:
            connection.close()

    def _transact(self, connection: sqlite3.Connection, batch: "_Batch") -> None:
        connection.execute(self._begin)
        for request in batch:
            connection.execute("SAVEPOINT work")
            try:
                request.result = request.work(connection)
            except Exception as exc:  # delivered to the one who asked; the others' work stands
                request.error = exc
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO work")
            connection.execute("RELEASE work")
        connection.execute("COMMIT")


class _Batch:
    """The requests of one transaction: a first one, and all that come while the work is done."""

    def __init__(self, waiting: "queue.SimpleQueue[_Request | None]", first: _Request, most: int) -> None:
        self.taken = [first]
        self.is_last = False
        self._waiting = waiting
        self._most = most

    def __iter__(self) -> Iterator[_Request]:
        yield self.taken[0]
        while len(self.taken) < self._most and (request := self._next()) is not None:
            self.taken.append(request)
            yield request

    def _next(self) -> _Request | None:
        linger_s = LINGER_S if self.taken[-1].linked else 0.0
        try:
            request = self._waiting.get(linger_s > 0, linger_s)
        except queue.Empty:
            return None
        self.is_last = request is None
        return request

    def fail(self, error: Exception) -> None:
        """The transaction did not happen."""
        for request in self.taken:
            request.error = error


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


def _is_held(error: Exception) -> bool:
    """Whether another process holds the file, which passes."""
    return "locked" in str(error)


def _remedy(error: Exception) -> str:
    text = str(error)
    if _is_held(error):
        return f"; another process held it for more than {BUSY_TIMEOUT_S:.0f} s"
    if "full" in text:
        return "; free some space and try again (a job goes on with 'agent-framework run --resume')"
    if "not a database" in text or "malformed" in text:
        return "; the file is damaged or something else: move it away to start anew"
    return ""

"""SQLite on a thread of its own: what the embedded database and the local queue share.

Files are opened durable (WAL, ``synchronous=FULL``) and may be shared between processes. A writing worker takes
whatever waits in its queue into one transaction and acknowledges all of it after the commit: nothing is acknowledged
that a power cut could undo, and many small writes share one sync. Requests of one kind are carried out together; where
anything fails, the transaction is begun anew and each request carried out by itself.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agent_framework.errors import ProviderError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""What to do inside one transaction; it must not begin or end one itself."""
Together = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[T]]
"""The same for several requests of one kind, with an answer for each."""

BUSY_TIMEOUT_S = 30.0
MAX_BATCH = 256
"""Requests in one transaction, at most twice as many."""


def open_file(path: Path, *, clock: Callable[[], float], what: str) -> sqlite3.Connection:
    """Open or make the file at ``path``; SQL sees ``clock`` as ``clock()``, in seconds since the epoch.

    CHECKs hold for other programs alone: SQLite makes a table of a list of words each time that a row is written, and
    what is written here are members of an enumeration.

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
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "ignore_check_constraints=ON"):
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

    work: Together[Any]
    item: Any
    last: bool
    undone: Callable[[Any], None] | None
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
        self._requests: queue.SimpleQueue[list[_Request] | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Request]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, work: Work[T]) -> "asyncio.Future[T]":
        """Do ``work`` on the thread; errors of SQLite become `ProviderError`."""
        return self.run_together(lambda connection, _: [work(connection)], None)

    def run_together(
        self,
        work: Together[T],
        item: Any,
        *,
        last: bool = False,
        undone: Callable[[Any], None] | None = None,
    ) -> "asyncio.Future[T]":
        """Do ``work`` for ``item``, perhaps with others that wait for the same, and give this one's answer.

        ``last``: it comes after all others of its transaction, and not at all if nobody waits for it any more.
        ``undone`` is told the item on the thread if its transaction failed after the work was done.
        """
        if self._thread is None:
            self._start()
        loop = asyncio.get_running_loop()
        request = _Request(work, item, last, undone, loop, loop.create_future())
        gathered = self._gathered.get(loop)
        if gathered is not None:
            gathered.append(request)
        else:  # what follows from this at once, like the decision after an outcome, goes with it
            self._gathered[loop] = [request]
            loop.call_soon(self._hand_over, loop)
        return request.future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the thread what was gathered."""
        gathered = self._gathered.pop(loop, [])
        for begin in range(0, len(gathered), MAX_BATCH):
            self._requests.put(gathered[begin : begin + MAX_BATCH])

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, close the connection, end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            for loop in list(self._gathered):
                self._hand_over(loop)
            self._requests.put(None)
            thread.join()

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while (requests := self._requests.get()) is not None:
            batch = _Batch(self._requests, requests, self._max_batch)
            try:
                connection = connection or self._connect()
                self._transact(connection, batch)
            except Exception as exc:  # whatever it is, it is told to who asked, and the next are served
                batch.fail(exc)
                if connection is not None and connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
            self._deliver(batch.taken)
            if batch.is_last:
                break
        if connection is not None:
            connection.close()

    def _transact(self, connection: sqlite3.Connection, batch: "_Batch") -> None:
        connection.execute(self._begin)
        try:
            while waiting := batch.take():
                for requests in _alike(waiting):
                    _carry_out(requests, connection)
        except Exception:  # of whatever request it is: then each is carried out by itself
            if len(batch.taken) == 1 or not connection.in_transaction:
                raise
            connection.execute("ROLLBACK")
            connection.execute(self._begin)
            batch.start_over()
            while waiting := batch.take():
                for requests in _alike(waiting):
                    for request in requests:
                        _carry_out_alone(request, connection)
        connection.execute("COMMIT")

    def _deliver(self, requests: Sequence[_Request]) -> None:
        """Wake the waiting coroutines, once per event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Request]] = {}
        for request in requests:
            if request.error is not None:
                request.error = self._told(request.error)
            by_loop.setdefault(request.loop, []).append(request)
        for loop, group in by_loop.items():
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, group)

    def _told(self, error: BaseException) -> BaseException:
        """An error as it is raised to who asked."""
        if isinstance(error, sqlite3.Error):
            told = ProviderError(f"{self._name}: {error}{_remedy(error)}", retryable=_is_held(error))
        elif isinstance(error, (UnicodeEncodeError, OverflowError)):
            told = ProviderError(f"{self._name} cannot store a value: {error}")
        else:
            return error
        told.__cause__ = error
        return told


def _alike(waiting: "Sequence[_Request]") -> "list[list[_Request]]":
    """The requests by their kinds, in the order in which these came; those that come last, last."""
    kinds: dict[Any, list[_Request]] = {}
    for request in waiting:
        kinds.setdefault(request.work, []).append(request)
    return sorted(kinds.values(), key=lambda requests: requests[0].last)


def _carry_out(requests: "Sequence[_Request]", connection: sqlite3.Connection) -> None:
    """Do the work of requests of one kind together."""
    answers = requests[0].work(connection, [request.item for request in requests])
    for request, answer in zip(requests, answers, strict=True):
        request.result = answer


def _carry_out_alone(request: _Request, connection: sqlite3.Connection) -> None:
    """Do the work of one request; if it fails, that is told to who asked, and what the others did stands."""
    connection.execute("SAVEPOINT work")
    try:
        _carry_out([request], connection)
    except Exception as exc:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO work")
        request.error = exc
    connection.execute("RELEASE work")


class _Batch:
    """The requests of one transaction: the first that waited, and all that come while their work is done."""

    def __init__(self, waiting: "queue.SimpleQueue[list[_Request] | None]", first: "list[_Request]", most: int) -> None:
        self.taken: list[_Request] = []
        self.is_last = False
        self._waiting = waiting
        self._next = first
        self._most = most

    def take(self) -> "Sequence[_Request]":
        """All that wait now; what should come last is left out if nobody waits for it any more."""
        new, self._next = self._next, []
        while len(self.taken) + len(new) < self._most and not self.is_last and not self._waiting.empty():
            requests = self._waiting.get()  # which nobody else does
            self.is_last = requests is None
            new = [*new, *(requests or ())]
        new = [request for request in new if not (request.last and request.future.cancelled())]
        self.taken += new
        return new

    def fail(self, error: Exception) -> None:
        """The transaction did not happen."""
        self.start_over()
        self.taken, self._next = self._next, []
        for request in self.taken:
            request.error = error

    def start_over(self) -> None:
        """What was done is undone; all that was taken waits again."""
        for request in self.taken:
            if request.undone is not None:
                request.undone(request.item)
        self.taken, self._next = [], [*self.taken, *self._next]


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

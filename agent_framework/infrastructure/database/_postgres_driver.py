"""Running transaction scripts over psycopg: one script, or one of its statements, is one transaction, at most once.

1. take a connection  2. begin, and write a receipt where the transaction writes  3. feed the script  4. commit

What goes wrong before 4 did not happen: it is run again if the reason passes (connection lost, deadlock). If the answer
to 4 is lost, the receipt tells whether it happened. A statement that is a transaction of its own is all of that at
once; its receipt keeps its answer.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from agent_framework.errors import ProviderError, StatementTimeoutError
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._named import to_pyformat
from agent_framework.infrastructure.database._postgres_connection import SOCKET, PoolConnection
from agent_framework.infrastructure.database._postgres_dialect import (
    BEGIN_READ,
    CLAIM_RECEIPT,
    DROP_EVERY,
    DROP_RECEIPTS,
    READ_ANSWER,
    REMEDIES,
    REPEATABLE,
    STATEMENT,
    TRANSACTION,
    WRITE_RECEIPT,
)
from agent_framework.infrastructure.database._postgres_errors import is_lost, passes, remedy_of, text_of
from agent_framework.infrastructure.database._rows import Row
from agent_framework.infrastructure.database._script import Script, Statement, UnknownEndError
from agent_framework.infrastructure.database._sql_database import Access, MakeScript

T = TypeVar("T")
Connection = AsyncConnection[DictRow]

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
IDLE_IN_TRANSACTION_S = 10.0
"""After this the server ends a transaction in which nothing happens: its process is stopped or out of reach, and others
wait for the rows that it holds."""


class _LostAnswerError(Exception):
    """The answer to the commit of the transaction with this receipt was lost."""

    def __init__(self, receipt: str) -> None:
        super().__init__(receipt)
        self.receipt = receipt


class Driver:
    """A pool of connections, and how scripts run on it.

    ``parameters(fresh)`` gives libpq's parameters, with credentials read anew if ``fresh``; it may block.
    ``pool`` is its smallest and largest size.
    """

    def __init__(
        self,
        parameters: Callable[[bool], dict[str, Any]],
        *,
        place: str,
        pool: tuple[int, int],
        connect_timeout_s: int,
        retry_s: float,
    ) -> None:
        self._read_parameters = parameters
        self._place = place
        self._sizes = pool
        self._connect_timeout_s = connect_timeout_s
        self._retry_s = retry_s
        self._pool: AsyncConnectionPool[PoolConnection] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = asyncio.Lock()
        self._healing = False
        self._closed = False

    async def run(self, make: MakeScript[T], access: Access) -> T:
        """Run a script in one transaction, or each of its statements in one of its own.

        Raises:
            ProviderError: refused by the database, or out of reach for longer than the time for retries.
        """
        if access is Access.APART:
            return await _drive(make(), self._alone)
        return await self._tried(partial(self._transact, make, access), once=access.happens_once)

    async def _alone(self, statement: Statement) -> Sequence[Row]:
        """Execute a statement as a transaction of its own."""
        one = self._write_alone if statement.keeps_receipt else self._read_alone
        return await self._tried(partial(one, statement), once=statement.keeps_receipt)

    async def _tried(self, one_try: Callable[[Connection, list[T]], Awaitable[None]], *, once: bool) -> T:
        """Try until it works or cannot; a transaction that must happen ``once`` leaves a receipt."""
        until = time.monotonic() + self._retry_s
        pause = FIRST_PAUSE_S
        while True:
            result: list[T] = []
            done = False
            try:
                pool = await self._opened()
                async with pool.connection(timeout=max(0.5, min(self._connect_timeout_s, self._retry_s))) as connection:
                    await one_try(connection, result)
                    done = True
                    if once and random.randrange(DROP_EVERY) == 0:
                        await _execute(connection, Statement(DROP_RECEIPTS))
                return result[0]
            except _LostAnswerError as lost:
                if await self._happened(lost.receipt, until):
                    return result[0] if result else await self._tried(partial(_kept, lost.receipt), once=False)
            except (psycopg.Error, UnicodeEncodeError) as exc:
                if done:
                    return result[0]
                if not passes(exc) or time.monotonic() + pause > until or self._closed:
                    raise self._explained(exc) from exc
                await self._heal(exc)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def close(self) -> None:
        """Close the pool; what still runs fails."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    # -- connections -----------------------------------------------------------------------------------------

    async def _opened(self) -> AsyncConnectionPool[PoolConnection]:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise ProviderError(f"{self._place} is used in a second event loop; make one provider per loop")
        async with self._opening:
            if self._pool is None:
                self._loop = loop
                await self._try_to_connect()
                low, high = self._sizes
                self._pool = AsyncConnectionPool(
                    connection_class=PoolConnection,
                    kwargs=self._kwargs(),
                    min_size=low,
                    max_size=high,
                    open=False,
                    reconnect_timeout=self._retry_s,
                    num_workers=min(3, high),
                )
                await self._pool.open()
        return self._pool

    def _kwargs(self, *, fresh: bool = False) -> dict[str, Any]:
        return {
            **SOCKET,
            "connect_timeout": self._connect_timeout_s,
            "autocommit": True,
            "row_factory": dict_row,
            "fetch": lambda: asyncio.to_thread(self._read_parameters, fresh),
        }

    async def _try_to_connect(self) -> None:
        """Connect once outside the pool, which keeps reasons to itself; a login that fails reads the secret anew."""
        try:
            connection = await PoolConnection.connect(**self._kwargs())
        except psycopg.OperationalError as exc:
            if "authentication failed" not in str(exc):
                raise
            connection = await PoolConnection.connect(**self._kwargs(fresh=True))
        await connection.close()

    # -- transactions ----------------------------------------------------------------------------------------

    @staticmethod
    async def _read_alone(statement: Statement, connection: Connection, result: list[Sequence[Row]]) -> None:
        result.append(await _execute(connection, statement))

    @staticmethod
    async def _write_alone(statement: Statement, connection: Connection, result: list[Sequence[Row]]) -> None:
        receipt = f"{STATEMENT}{uuid.uuid4().hex}"
        params = {**(statement.params or {}), "receipt": receipt}
        try:
            result.append(await _execute(connection, replace(statement, params=params)))
        except psycopg.OperationalError as exc:
            if is_lost(exc):
                raise _LostAnswerError(receipt) from exc
            raise

    async def _transact(self, make: MakeScript[T], access: Access, connection: Connection, result: list[T]) -> None:
        """Run one try; ``result`` is filled before the commit, so that it is known where its answer is lost."""
        execute = partial(_execute, connection)
        if access is Access.ONE:
            result.append(await _drive(make(), execute))
            return
        if not access.happens_once:
            await connection.execute(_begin(BEGIN_READ if access is Access.READ else ""))
            result.append(await _drive(make(), execute))
            await connection.commit()
            return
        receipt = f"{TRANSACTION}{uuid.uuid4().hex}"
        write = WRITE_RECEIPT.replace(":id", f"'{receipt}'")
        await connection.execute(_begin("", write))
        result.append(await _drive(make(), execute))
        try:
            await connection.commit()
        except psycopg.OperationalError as exc:
            if exc.sqlstate in REPEATABLE:
                raise
            raise _LostAnswerError(receipt) from exc

    async def _happened(self, receipt: str, until: float) -> bool:
        """Whether a transaction whose answer was lost was committed."""
        pause = FIRST_PAUSE_S
        until = max(until, time.monotonic() + 5.0)
        while True:
            with suppress(psycopg.OperationalError, TimeoutError):
                pool = await self._opened()
                left = max(0.5, until - time.monotonic())
                async with asyncio.timeout(left), pool.connection(timeout=left) as connection:
                    return not await _execute(connection, Statement(CLAIM_RECEIPT, {"id": receipt}))
            if time.monotonic() + pause > until:
                raise UnknownEndError(
                    f"{self._place}: the connection was lost while a transaction was committed, and how it ended could "
                    "not be learned; look at the job before trying again"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _heal(self, error: Exception) -> None:
        """Before another try: throw dead connections away, or find out why the pool gets no new one."""
        if isinstance(error, PoolTimeout):
            try:
                await self._try_to_connect()
            except psycopg.Error as exc:
                if not passes(exc):
                    raise self._explained(exc) from exc
        elif is_lost(error) and self._pool is not None and not self._healing:
            self._healing = True
            try:
                await self._pool.check()
            finally:
                self._healing = False

    def _explained(self, error: Exception) -> ProviderError:
        """The driver's error as ours."""
        if isinstance(error, PoolTimeout):
            return ProviderError(
                f"{self._place}: no connection for {self._connect_timeout_s} s; check that the server runs, or raise "
                "pool_max if all connections are busy",
                retryable=True,
            )
        if isinstance(error, errors.QueryCanceled):
            return StatementTimeoutError(f"{self._place}: {text_of(error)}{REMEDIES['57014']}")
        return ProviderError(f"{self._place}: {text_of(error)}{remedy_of(error)}", retryable=passes(error))


async def _drive(script: Script[T], execute: Callable[[Statement], Awaitable[Sequence[Row]]]) -> T:
    """Feed a script with the rows of its statements until it returns."""
    try:
        statement = next(script)
        while True:
            statement = script.send(await execute(statement))
    except StopIteration as done:
        return done.value


async def _kept(receipt: str, connection: Connection, result: list[Any]) -> None:
    """The answer of a statement that happened, from its receipt."""
    rows = await _execute(connection, Statement(READ_ANSWER, {"id": receipt}))
    result.append(loads(rows[0]["answer"]) or ())


async def _execute(connection: Connection, statement: Statement) -> Sequence[Row]:
    sql = to_pyformat(statement.sql) if statement.params else statement.sql
    async with connection.cursor() as cursor:
        parameters: Mapping[str, Any] | None = statement.params
        await cursor.execute(_query(sql), parameters)
        return await cursor.fetchall() if cursor.description else ()


def _begin(mode: str, *statements: str) -> Any:
    """The start of a transaction with its first statements, in one message to the server."""
    limit = f"SET LOCAL idle_in_transaction_session_timeout = {int(IDLE_IN_TRANSACTION_S * 1000)}"
    return _query("; ".join((f"BEGIN {mode}".rstrip(), limit, *statements)))


def _query(sql: str) -> Any:
    """psycopg asks for literals, to keep values out of SQL; ours are assembled from constants."""
    return sql

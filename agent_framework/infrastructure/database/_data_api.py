"""Running transaction scripts over the RDS Data API: a script, or one of its statements, is one transaction.

1. begin, and write a receipt where the transaction writes  2. feed the script, a request per statement  3. commit

None happens twice. What goes wrong before 3 did not happen: it is run again if the reason passes (a paused cluster
resumes, throttling, a lost connection, a deadlock). If the answer to 3 is lost, the receipt tells whether it happened.
A statement that is a transaction of its own is all of that in one request; its receipt keeps its answer. A result above
the limits (1 MiB, 64 KB a row) is read again in parts. All of this blocks.
"""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._data_api_errors import (
    Failure,
    classify,
    driver_errors,
    explained,
    is_driver_error,
)
from agent_framework.infrastructure.database._data_api_parts import read_in_parts
from agent_framework.infrastructure.database._data_api_values import parameters, records
from agent_framework.infrastructure.database._named import names
from agent_framework.infrastructure.database._postgres_dialect import (
    BEGIN_READ,
    CLAIM_RECEIPT,
    DROP_EVERY,
    DROP_RECEIPTS,
    READ_ANSWER,
    STATEMENT,
    TRANSACTION,
    WRITE_RECEIPT,
)
from agent_framework.infrastructure.database._rows import Row
from agent_framework.infrastructure.database._script import Params, Script, Statement, UnknownEndError, drive
from agent_framework.infrastructure.database._sql_database import Access, MakeScript

T = TypeVar("T")
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 4.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which database requests go to."""

    resource_arn: str
    secret_arn: str
    database: str


class _LostAnswerError(Exception):
    """The answer to the commit of a transaction was lost, or to a statement that is one of its own."""

    def __init__(self, receipt: str, transaction: str | None = None) -> None:
        super().__init__(receipt)
        self.receipt = receipt
        self.transaction = transaction


class _TooLargeError(Exception):
    """The result of ``sql`` is larger than one answer."""

    def __init__(self, sql: str) -> None:
        super().__init__(sql)
        self.sql = sql


class DataApi:
    """One run of one script. ``client`` is a boto3 client ``rds-data`` that makes one try for each request."""

    def __init__(self, client: Any, cluster: Cluster, *, place: str, resume_s: float, retry_s: float) -> None:
        self._client = client
        self._cluster = cluster
        self._place = place
        self._limits = {Failure.RESUMING: resume_s, Failure.PASSES: retry_s}
        self._retry_s = retry_s
        self._in_parts: set[str] = set()

    def run(self, make: MakeScript[T], access: Access) -> T:
        """Run a script in one transaction, or each of its statements in one of its own.

        Raises:
            ProviderError: refused by the database, or out of reach for longer than the time for retries.
            StatementTimeoutError, DataTooLargeError: a limit of the Data API.
        """
        if access is Access.APART:
            return drive(make(), self._alone)
        return self._tried(partial(self._transact, make), access)

    def _alone(self, statement: Statement) -> Sequence[Row]:
        """Execute a statement as a transaction of its own."""
        if statement.keeps_receipt:
            return self._tried(partial(self._write_alone, statement), Access.APART)
        return self._tried(partial(self._transact, partial(_only, statement)), Access.ONE)

    def _tried(self, one_try: Callable[[Access, list[T]], None], access: Access) -> T:
        """Try until it works or cannot."""
        start = time.monotonic()
        pause = FIRST_PAUSE_S
        while True:
            result: list[T] = []
            try:
                one_try(access, result)
                if access.happens_once and random.randrange(DROP_EVERY) == 0:
                    with suppress(*driver_errors()):
                        self._execute(Statement(DROP_RECEIPTS), None)
                return result[0]
            except _TooLargeError as large:
                self._in_parts.add(large.sql)
                access = Access.READ if access is Access.ONE else access
                continue
            except _LostAnswerError as lost:
                if self._happened(lost):
                    return result[0] if result else self._tried(partial(self._kept, lost.receipt), Access.ONE)
            except Exception as exc:
                if not is_driver_error(exc):
                    raise
                limit = self._limits.get(classify(exc))
                if limit is None or time.monotonic() + pause - start > limit:
                    raise explained(exc, self._place, self._cluster) from exc
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    # -- transactions ----------------------------------------------------------------------------------------

    def _write_alone(self, statement: Statement, access: Access, result: list[Sequence[Row]]) -> None:
        receipt = f"{STATEMENT}{uuid.uuid4().hex}"
        params = {**(statement.params or {}), "receipt": receipt}
        try:
            result.append(records(self._request(statement.sql, params, None)))
        except Exception as exc:
            if is_driver_error(exc) and classify(exc) is Failure.PASSES:
                raise _LostAnswerError(receipt) from exc
            raise

    def _kept(self, receipt: str, access: Access, result: list[Any]) -> None:
        """The answer of a statement that happened, from its receipt."""
        rows = self._execute(Statement(READ_ANSWER, {"id": receipt}), None)
        result.append(loads(rows[0]["answer"]) or ())

    def _transact(self, make: MakeScript[T], access: Access, result: list[T]) -> None:
        """Run one try; ``result`` is filled before the commit, so that it is known where its answer is lost."""
        if access is Access.ONE:
            result.append(drive(make(), partial(self._execute, transaction=None)))
            return
        transaction: str = self._client.begin_transaction(**self._address())["transactionId"]
        receipt = f"{TRANSACTION}{uuid.uuid4().hex}"
        try:
            if access is Access.READ:
                self._execute(Statement(f"SET TRANSACTION {BEGIN_READ}"), transaction)
            elif access.happens_once:
                self._execute(Statement(WRITE_RECEIPT, {"id": receipt}), transaction)
            result.append(drive(make(), partial(self._execute, transaction=transaction)))
        except BaseException:
            self._roll_back(transaction)
            raise
        if access is Access.READ:
            self._roll_back(transaction)
            return
        try:
            self._commit(transaction)
        except Exception as exc:
            if not is_driver_error(exc) or classify(exc) is Failure.REFUSED or access is Access.SCHEMA:
                raise
            raise _LostAnswerError(receipt, transaction) from exc

    def _commit(self, transaction: str) -> None:
        self._client.commit_transaction(
            resourceArn=self._cluster.resource_arn, secretArn=self._cluster.secret_arn, transactionId=transaction
        )

    def _roll_back(self, transaction: str) -> None:
        """Let go of its locks; if that fails, the Data API does it after three idle minutes."""
        try:
            self._client.rollback_transaction(
                resourceArn=self._cluster.resource_arn, secretArn=self._cluster.secret_arn, transactionId=transaction
            )
        except Exception as exc:
            if not is_driver_error(exc):
                raise

    def _happened(self, lost: _LostAnswerError) -> bool:
        """Whether a transaction whose answer was lost was committed; one that is still open is committed now."""
        until = time.monotonic() + max(self._retry_s, 5.0)
        pause = FIRST_PAUSE_S
        while True:
            try:
                if lost.transaction is not None:
                    self._commit(lost.transaction)
                    return True
            except Exception as exc:
                if not is_driver_error(exc):
                    raise
            with suppress(*driver_errors()):
                return not self._execute(Statement(CLAIM_RECEIPT, {"id": lost.receipt}), None)
            if time.monotonic() + pause > until:
                raise UnknownEndError(
                    f"{self._place}: the connection was lost while a transaction was committed, and how it ended could "
                    "not be learned; look at the job before trying again"
                )
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    # -- statements ------------------------------------------------------------------------------------------

    def _execute(self, statement: Statement, transaction: str | None) -> Sequence[Row]:
        if statement.sql in self._in_parts:
            request = partial(self._request, transaction=transaction)
            return read_in_parts(request, statement.sql, statement.params or {}, place=self._place)
        try:
            return records(self._request(statement.sql, statement.params or {}, transaction))
        except Exception as exc:
            reads = statement.sql.lstrip().upper().startswith("SELECT")
            if reads and is_driver_error(exc) and classify(exc) is Failure.TOO_LARGE:
                raise _TooLargeError(statement.sql) from exc
            raise

    def _request(self, sql: str, params: Params, transaction: str | None) -> dict[str, Any]:
        in_transaction = {"transactionId": transaction} if transaction else {}
        answer: dict[str, Any] = self._client.execute_statement(
            **self._address(),
            **in_transaction,
            sql=sql,
            parameters=parameters(names(sql), params),
            includeResultMetadata=True,
        )
        return answer

    def _address(self) -> dict[str, str]:
        return {
            "resourceArn": self._cluster.resource_arn,
            "secretArn": self._cluster.secret_arn,
            "database": self._cluster.database,
        }


def _only(statement: Statement) -> Script[Sequence[Row]]:
    """The script that is one statement."""
    return (yield statement)

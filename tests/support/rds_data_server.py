"""The RDS Data API in front of a real PostgreSQL, for the unmodified boto3 client ``rds-data``.

What matters is as in AWS: text binds as ``varchar`` and integers as ``int8``; times come as UTC text without a zone;
one answer holds 1 MiB and one row 64 KB; a statement may take 45 s; an idle transaction is rolled back after 3 minutes;
a paused cluster answers `DatabaseResumingException`. Faults can be planted with `RdsDataServer.fail`.
"""

import base64
import json
import re
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as clock_time
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperVarchar, TextLoader
from psycopg_pool import ConnectionPool

CLUSTER_ARN = "arn:aws:rds:eu-central-1:123456789012:cluster:jobs"
SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:jobs-AbCdEf"
TOKENS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$)[\s\S]*?\1|--[^\n]*|/\*[\s\S]*?\*/|::|:([A-Za-z_]\w*)|%"
)
AS_TEXT = ("json", "jsonb", "uuid", "interval", "regclass", "xid8")
Body = Mapping[str, Any]


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Fault:
    """Something that goes wrong with one request: an error, or a connection cut (``code`` empty).

    ``operation`` is ``Execute``, ``BeginTransaction``, ...; or ``Write``, whatever ends a transaction that wrote.
    """

    operation: str
    code: str = ""
    message: str = "planted"
    status: int = 400
    after: bool = False


@dataclass
class Limits:
    """The service's limits; tests make some of them smaller."""

    result_bytes: int = 1024 * 1024
    row_bytes: int = 64 * 1024
    statement_s: float = 45.0
    idle_s: float = 180.0


@dataclass
class Transaction:
    """An open transaction and when it was last used."""

    connection: psycopg.Connection[Any]
    pool: "ConnectionPool[Any]"
    used: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Quiet(ThreadingHTTPServer):
    """A client that was killed is no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _names(path: str, body: Body) -> set[str]:
    """The operations that a request is."""
    alone = path == "/Execute" and "transactionId" not in body and "transaction_receipts" in body["sql"]
    return {path.strip("/"), "Write"} if alone or path == "/CommitTransaction" else {path.strip("/")}


class RdsDataServer:
    """The service for one cluster. ``secrets`` maps ARNs to (user, password)."""

    def __init__(self, host: str, port: int, secrets: Mapping[str, tuple[str, str]]) -> None:
        self._host, self._port = host, port
        self.secrets = dict(secrets)
        self.limits = Limits()
        self.resuming_until = 0.0
        self.requests: list[tuple[str, str]] = []
        self._faults: deque[Fault] = deque()
        self._pools: dict[tuple[str, str], ConnectionPool[Any]] = {}
        self._transactions: dict[str, Transaction] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._http = _Quiet(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()
        threading.Thread(target=self._end_idle, name="rds-data idle", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self.forget()

    def forget(self) -> None:
        """Roll back what is open, drop planted faults and all connections."""
        self._faults.clear()
        self.resuming_until = 0.0
        self.limits = Limits()
        for name in list(self._transactions):
            self._end(name, "rollback")
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    @property
    def planted(self) -> int:
        """How many planted faults did not happen yet."""
        return len(self._faults)

    def fail(self, operation: str, code: str = "", *, times: int = 1, **more: Any) -> None:
        """Let the next requests of ``operation`` fail; see `Fault`."""
        self._faults.extend(Fault(operation, code, **more) for _ in range(times))

    def unplant(self) -> None:
        """Forget planted faults that did not happen yet."""
        self._faults.clear()

    # -- operations ------------------------------------------------------------------------------------------

    def answer(self, path: str, body: Body) -> dict[str, Any]:
        """The answer to one request."""
        self.requests.append((path, body.get("sql", "")))
        operations: dict[str, Callable[[Body], dict[str, Any]]] = {
            "/Execute": self._execute,
            "/BatchExecute": self._batch,
            "/BeginTransaction": self._begin,
            "/CommitTransaction": lambda body: self._finish(body, "commit", "Transaction Committed"),
            "/RollbackTransaction": lambda body: self._finish(body, "rollback", "Rollback Complete"),
        }
        if time.monotonic() < self.resuming_until and not path.startswith(("/Commit", "/Rollback")):
            raise ApiError("DatabaseResumingException", "The Aurora DB instance is resuming after being auto-paused.")
        named = _names(path, body)
        fault = self._fault(named, after=False)
        if fault is not None:
            self._raise(fault)
        answer = operations[path](body)
        fault = self._fault(named, after=True)
        if fault is not None:
            self._raise(fault)
        return answer

    def _execute(self, body: Body) -> dict[str, Any]:
        with self._connection(body) as connection:
            cursor = run(connection, body["sql"], body.get("parameters", ()))
            if cursor.description is None:
                return {"numberOfRecordsUpdated": max(cursor.rowcount, 0), "generatedFields": []}
            records = [[to_field(value) for value in row] for row in cursor.fetchall()]
            self._check_size(records)
            answer: dict[str, Any] = {"numberOfRecordsUpdated": 0, "records": records}
            if body.get("includeResultMetadata"):
                answer["columnMetadata"] = [describe(connection, column) for column in cursor.description]
            return answer

    def _batch(self, body: Body) -> dict[str, Any]:
        sets = body.get("parameterSets", ())
        with self._connection(body) as connection:
            for one in sets:
                run(connection, body["sql"], one)
        return {"updateResults": [{"generatedFields": []} for _ in sets]}

    def _begin(self, body: Body) -> dict[str, Any]:
        pool = self._pool(body)
        name = base64.b64encode(uuid.uuid4().bytes * 3).decode()
        self._transactions[name] = Transaction(pool.getconn(), pool)
        return {"transactionId": name}

    def _finish(self, body: Body, how: str, status: str) -> dict[str, Any]:
        self._transaction(body["transactionId"])
        self._end(body["transactionId"], how)
        return {"transactionStatus": status}

    def _end(self, name: str, how: str) -> None:
        transaction = self._transactions.pop(name)
        try:
            getattr(transaction.connection, how)()
        finally:
            transaction.pool.putconn(transaction.connection)

    # -- connections -----------------------------------------------------------------------------------------

    def _end_idle(self) -> None:
        """Roll back transactions that nobody uses any more: of a client that was killed, which holds its locks."""
        while not self._stopped.wait(0.2):
            for name, transaction in list(self._transactions.items()):
                idle = time.monotonic() - transaction.used > self.limits.idle_s
                if idle and transaction.lock.acquire(blocking=False):
                    transaction.lock.release()
                    with suppress(KeyError):  # it was ended a moment ago
                        self._end(name, "rollback")

    @contextmanager
    def _connection(self, body: Body) -> Iterator[psycopg.Connection[Any]]:
        name = body.get("transactionId")
        if name is None:
            with self._pool(body).connection() as connection:
                yield connection
            return
        transaction = self._transaction(name)
        with transaction.lock:
            yield transaction.connection
            transaction.used = time.monotonic()

    def _transaction(self, name: str) -> Transaction:
        transaction = self._transactions.get(name)
        if transaction is not None and time.monotonic() - transaction.used > self.limits.idle_s:
            self._end(name, "rollback")
            transaction = None
        if transaction is None:
            raise ApiError("TransactionNotFoundException", f"Transaction {name} is not found", 404)
        return transaction

    def _pool(self, body: Body) -> "ConnectionPool[Any]":
        if body["resourceArn"] != CLUSTER_ARN:
            raise ApiError("BadRequestException", f"HttpEndpoint is not enabled for resource {body['resourceArn']}")
        if body["secretArn"] not in self.secrets:
            raise ApiError("SecretsErrorException", "Secrets Manager can't find the specified secret.")
        user, password = self.secrets[body["secretArn"]]
        key = (user + password, body["database"])
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._connect(user, password, body["database"])
        return self._pools[key]

    def _connect(self, user: str, password: str, database: str) -> "ConnectionPool[Any]":
        parameters = {
            "host": self._host,
            "port": self._port,
            "user": user,
            "password": password,
            "dbname": database,
            "options": f"-c TimeZone=UTC -c statement_timeout={int(self.limits.statement_s * 1000)}",
        }
        psycopg.connect(**parameters).close()
        return ConnectionPool(
            kwargs=parameters, min_size=0, max_size=40, open=True, configure=_configure, check=_still_there
        )

    # -- limits and faults -----------------------------------------------------------------------------------

    def _check_size(self, records: list[list[dict[str, Any]]]) -> None:
        sizes = [len(json.dumps(record, ensure_ascii=False).encode()) for record in records]
        if max(sizes, default=0) > self.limits.row_bytes or sum(sizes) > self.limits.result_bytes:
            raise ApiError("BadRequestException", "Database returned more than the allowed response size limit")

    def _fault(self, operations: set[str], *, after: bool) -> Fault | None:
        with self._lock:
            if self._faults and self._faults[0].operation in operations and self._faults[0].after is after:
                return self._faults.popleft()
        return None

    @staticmethod
    def _raise(fault: Fault) -> None:
        if not fault.code:
            raise ConnectionAbortedError
        raise ApiError(fault.code, fault.message, fault.status)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                try:
                    self._send(200, server.answer(self.path, body))
                except ApiError as error:
                    self._send(error.status, {"message": error.message}, error.code)
                except psycopg.Error as error:
                    self._send(400, {"message": explain(error)}, kind_of(error))
                except ConnectionAbortedError:
                    self.close_connection = True

            def _send(self, status: int, body: Mapping[str, Any], error: str | None = None) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if error:
                    self.send_header("x-amzn-ErrorType", error)
                self.end_headers()
                self.wfile.write(data)
                self.wfile.flush()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Quiet."""

        return Handler


def _configure(connection: psycopg.Connection[Any]) -> None:
    for name in AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_dumper(str, StrDumperVarchar)
    connection.adapters.register_dumper(int, Int8Dumper)


def _still_there(connection: psycopg.Connection[Any]) -> None:
    ConnectionPool.check_connection(connection)


def run(connection: psycopg.Connection[Any], sql: str, given: Any) -> psycopg.Cursor[Any]:
    """Execute one statement with named, typed parameters."""
    if not sql.strip():
        raise ApiError("BadRequestException", "SQL is empty")
    values = {parameter["name"]: from_parameter(parameter) for parameter in given}

    def replace(match: re.Match[str]) -> str:
        name = match.group(2)
        if name is None:
            return match.group(0).replace("%", "%%")
        if name not in values:
            raise ApiError("BadRequestException", f"Cannot find parameter: {name}")
        return f"%({name})s"

    return connection.execute(TOKENS.sub(replace, sql), values)


def from_parameter(parameter: Mapping[str, Any]) -> Any:
    """The value that a parameter binds."""
    value, hint = parameter["value"], parameter.get("typeHint")
    if value.get("isNull"):
        return None
    if "arrayValue" in value:
        raise ApiError("BadRequestException", "Array parameters are not supported.")
    if "blobValue" in value:
        return base64.b64decode(value["blobValue"])
    plain = next(iter(value.values()))
    readers: dict[str | None, Callable[[Any], Any]] = {
        None: lambda given: given,
        "JSON": lambda given: Jsonb(json.loads(given)),
        "UUID": uuid.UUID,
        "TIMESTAMP": datetime.fromisoformat,
        "DATE": date.fromisoformat,
        "TIME": clock_time.fromisoformat,
        "DECIMAL": Decimal,
    }
    try:
        return readers[hint](plain)
    except (ValueError, InvalidOperation) as exc:
        raise ApiError("BadRequestException", f"ERROR: invalid value for type hint {hint}") from exc


def to_field(value: Any) -> dict[str, Any]:
    """A value as a typed field of an answer."""
    if value is None:
        return {"isNull": True}
    for kind, name in ((bool, "booleanValue"), (int, "longValue"), (float, "doubleValue")):
        if isinstance(value, kind):
            return {name: value}
    if isinstance(value, bytes):
        return {"blobValue": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return {"stringValue": plain.isoformat(" ")}
    if isinstance(value, list):
        return {"arrayValue": {"stringValues": [str(item) for item in value]}}
    return {"stringValue": str(value)}


def describe(connection: psycopg.Connection[Any], column: psycopg.Column) -> dict[str, Any]:
    """Metadata of one column."""
    known = connection.adapters.types.get(column.type_code)
    return {"name": column.name, "label": column.name, "typeName": known.name if known else "text", "nullable": 2}


def explain(error: psycopg.Error) -> str:
    """PostgreSQL's message as the service words it."""
    detail = f"\n  Detail: {error.diag.message_detail}" if error.diag.message_detail else ""
    state = f"; SQLState: {error.sqlstate}" if error.sqlstate else ""
    return f"ERROR: {error.diag.message_primary or error}{detail}{state}"


def kind_of(error: psycopg.Error) -> str:
    """The error's code."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return "StatementTimeoutException"
    return "DatabaseErrorException" if error.sqlstate else "BadRequestException"

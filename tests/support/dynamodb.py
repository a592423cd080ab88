"""A DynamoDB on a loopback port: moto, behind a gate that adds what moto leaves out and what tests need.

- one request at a time touches the data (moto's transactions are not safe against concurrent requests);
- a transaction that is sent again with the same ClientRequestToken is answered as before and not applied again;
- with ``transaction_s`` set, transactions take that long, and whoever touches their items meanwhile gets the conflict
  that DynamoDB answers with;
- faults: an error in place of an answer, or an answer that is lost before or after the request was applied;
- `lets_through`: the process that talks dies after so many requests, with the next one applied or not.
"""

import json
import logging
import socket
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from tests.support.quicker_moto import quicken

CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}
_TYPE = "com.amazonaws.dynamodb.v20120810#"
Answer = tuple[str, list[tuple[str, str]], bytes]


@dataclass(frozen=True)
class Fault:
    """What happens to one request: an ``error`` code in place of work, or an answer lost ``before`` or after it."""

    operation: str
    error: str = ""
    before: bool = False


class DynamoDBServer:
    """The server. ``counts`` counts requests by operation; ``tokens`` is whether it knows ClientRequestTokens again."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.transaction_s = 0.0
        self.tokens = True
        self.conflicts = 0
        self.before: Callable[[str, dict[str, Any]], None] | None = None
        self._lives_for: int | None = None
        self._applies_last = False
        self._faults: deque[Fault] = deque()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._data = threading.Lock()
        self._state = threading.Lock()
        self._in_flight: Counter[str] = Counter()
        self._tokens: dict[str, Answer] = {}
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="dynamodb", daemon=True)
        self._thread.start()
        self._patch = pytest.MonkeyPatch()
        quicken(self._patch)
        self.client = self.new_client()

    def new_client(self, **options: Any) -> Any:
        """A boto3 client that makes one try."""
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=64, read_timeout=20)
        return boto3.client("dynamodb", **{"endpoint_url": self.url, "config": config, **CREDENTIALS, **options})

    def stop(self) -> None:
        """End the server and the client."""
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._patch.undo()

    def fail(self, *faults: Fault) -> None:
        """The next requests of the named operations meet these faults, in order."""
        self._faults.extend(faults)

    def lets_through(self, requests: int | None, *, applies_last: bool = False) -> None:
        """Answer so many requests and refuse all that follow; the first of those may still be applied."""
        self._lives_for, self._applies_last = requests, applies_last

    @property
    def faults_left(self) -> int:
        """Faults that nothing has met yet."""
        return len(self._faults)

    def reset(self) -> None:
        """Forget counts and faults."""
        self.counts.clear()
        self._faults.clear()
        self._tokens.clear()
        self.lets_through(None)
        self.transaction_s, self.tokens, self.conflicts, self.before = 0.0, True, 0, None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """One request (WSGI)."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        params = json.loads(body or b"{}")
        if self.before is not None:
            self.before(operation, params)
        fault = self._fault(operation)
        death = self._death()
        if death is not None:
            if death and self._applies_last:
                self._answer(environ, operation, params, body)
            answer = _error("AccessDeniedException")
        elif fault is not None and (fault.error or fault.before):
            answer = _error(fault.error) if fault.error else None
        else:
            answer = self._answer(environ, operation, params, body)
            answer = answer if fault is None else None
        if answer is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            answer = _error("InternalServerError")
        start_response(*answer[:2])
        return [answer[2]]

    def _fault(self, operation: str) -> Fault | None:
        with self._state:
            self.counts[operation] += 1
            if self._faults and self._faults[0].operation == operation:
                return self._faults.popleft()
        return None

    def _death(self) -> bool | None:
        """None while the process lives, True at the request with which it dies, False after it."""
        with self._state:
            if self._lives_for is None or self._lives_for > 0:
                self._lives_for = None if self._lives_for is None else self._lives_for - 1
                return None
            self._lives_for -= 1
            return self._lives_for == -1

    def _answer(self, environ: dict[str, Any], operation: str, params: dict[str, Any], body: bytes) -> Answer:
        touched = _written(operation, params)
        with self._state:
            if any(self._in_flight[key] for key in touched):
                self.conflicts += 1
                return _conflict(operation, len(touched))
            if operation == "TransactWriteItems":
                self._in_flight.update(touched)
        try:
            if operation == "TransactWriteItems" and self.transaction_s:
                time.sleep(self.transaction_s)
            return self._once(environ, params.get("ClientRequestToken"), body)
        finally:
            if operation == "TransactWriteItems":
                with self._state:
                    self._in_flight.subtract(touched)

    def _once(self, environ: dict[str, Any], token: str | None, body: bytes) -> Answer:
        with self._data:
            if self.tokens and token in self._tokens:
                return self._tokens[token]
            got: list[Any] = []
            environ["wsgi.input"] = BytesIO(body)
            parts = self._moto(environ, lambda status, headers, exc=None: got.extend((status, headers)))
            answer = got[0], got[1], b"".join(parts)
            if token is not None and answer[0].startswith("200"):
                self._tokens[token] = answer
            return answer


def _written(operation: str, params: dict[str, Any]) -> list[str]:
    if operation == "TransactWriteItems":
        return [_name(write) for item in params["TransactItems"] for write in item.values()]
    return [_name(params)] if operation in ("PutItem", "UpdateItem", "DeleteItem") else []


def _name(write: dict[str, Any]) -> str:
    key = write.get("Key") or write["Item"]
    return f"{write['TableName']} {key['PK']['S']} {key['SK']['S']}"


def _conflict(operation: str, items: int) -> Answer:
    if operation != "TransactWriteItems":
        return _error("TransactionConflictException")
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}] * items
    return _error("TransactionCanceledException", CancellationReasons=reasons)


def _error(code: str, **more: Any) -> Answer:
    status = "500 Internal Server Error" if code == "InternalServerError" else "400 Bad Request"
    body = json.dumps({"__type": f"{_TYPE}{code}", "message": f"simulated {code}", **more}).encode()
    return status, [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(body)))], body


class _Shared:
    """The one server of a test session, stopped by the last fixture that uses it."""

    server: DynamoDBServer | None = None
    users = 0


@contextmanager
def shared_server() -> Iterator[DynamoDBServer]:
    """The session's server; started when it is first needed."""
    _Shared.server = _Shared.server or DynamoDBServer()
    _Shared.users += 1
    try:
        yield _Shared.server
    finally:
        _Shared.users -= 1
        if _Shared.users == 0:
            _Shared.server.stop()
            _Shared.server = None


@pytest.fixture(scope="session")
def dynamodb_session() -> Iterator[DynamoDBServer]:
    """The session's server."""
    with shared_server() as server:
        yield server


@pytest.fixture
def dynamodb_server(dynamodb_session: DynamoDBServer) -> Iterator[DynamoDBServer]:
    """The session's server without faults, conflicts and counts of other tests."""
    dynamodb_session.reset()
    yield dynamodb_session
    dynamodb_session.reset()


@pytest.fixture
def dynamodb_table(dynamodb_server: DynamoDBServer) -> Iterator[str]:
    """The name of a table for one test; whoever migrates makes it."""
    name = f"jobs-{uuid.uuid4().hex}"
    yield name
    dynamodb_server.reset()
    if name in dynamodb_server.client.list_tables()["TableNames"]:
        dynamodb_server.client.delete_table(TableName=name)


@pytest.fixture
def open_database(dynamodb_server: DynamoDBServer, dynamodb_table: str) -> Callable[..., DynamoDBDatabase]:
    """Opens a provider on the test's table; several of them are several processes."""

    def open_one(**options: Any) -> DynamoDBDatabase:
        return DynamoDBDatabase(dynamodb_table, **{"client": dynamodb_server.client, "create_table": True, **options})

    return open_one

"""HTTP requests to Bedrock, off the event loop: a bounded number of threads, and clients that the process shares.

The threads are daemons of our own, not a `ThreadPoolExecutor`: an attempt that was cancelled cannot stop its request,
and such a request must neither hold up the end of the loop nor the end of the process. It ends by its read time-out.
"""

import threading
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from agent_framework.infrastructure._boto3 import new_session
from agent_framework.infrastructure.llm.clients import drop_process_client, process_client
from agent_framework.types import JSONDict

T = TypeVar("T")

CALLS_AT_ONCE = 64
"""Requests of one process under way at a time; more wait, within their time-outs."""

CONNECT_TIMEOUT_S = 10.0
_SERVICE = "bedrock-runtime"
_STALE_CREDENTIALS = frozenset({"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException"})


class CallThreads:
    """Runs blocking calls on daemon threads, which are started as they are needed and kept."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._open = 0

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Queue ``work``; a future that is cancelled before its turn is passed over."""
        future: Future[T] = Future()
        with self._lock:
            self._open += 1
            if self._open > self._threads and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._waiting.put((future, work))
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """The result of ``work``. A cancelled caller gets away at once; its call ends by itself."""
        return await wrap_future(self.submit(work))

    def _serve(self) -> None:
        while True:
            self._do(*self._waiting.get())

    def _do(self, future: "Future[Any]", work: Callable[[], Any]) -> None:
        result, error = None, None
        try:
            if not future.set_running_or_notify_cancel():
                return
            result = work()
        except BaseException as exc:
            error = exc
        finally:
            with self._lock:
                self._open -= 1
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


THREADS = CallThreads(CALLS_AT_ONCE, "agent-framework-bedrock")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to, as whom, and how patiently; equal connections share one client.

    ``api_key`` is a Bedrock API key: with one, no AWS credentials are looked for. Without ``endpoint_url`` boto3 takes
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME or the region's own address.
    """

    region: str
    timeout_s: float
    endpoint_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    def call(self, operation: str, arguments: JSONDict) -> JSONDict:
        """One request, on this thread. After credentials that AWS calls stale, the next call reads them anew."""
        client = process_client(self, self._client, lambda made: made.close())
        try:
            return getattr(client, operation)(**arguments)
        except Exception as exc:
            if _error_code(exc) in _STALE_CREDENTIALS:
                drop_process_client(self)
            raise

    def _client(self) -> Any:
        session = new_session("provider 'bedrock'")
        from botocore import UNSIGNED
        from botocore.config import Config

        config = Config(
            connect_timeout=min(CONNECT_TIMEOUT_S, self.timeout_s),
            read_timeout=self.timeout_s,
            max_pool_connections=CALLS_AT_ONCE,
            retries={"mode": "standard", "total_max_attempts": 1},
            tcp_keepalive=True,
            signature_version=UNSIGNED if self.api_key else None,
        )
        client = session.client(_SERVICE, region_name=self.region, endpoint_url=self.endpoint_url, config=config)
        if self.api_key:
            client.meta.events.register(f"before-sign.{_SERVICE}", self._authorize)
        return client

    def _authorize(self, request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {self.api_key}"


def _error_code(exc: BaseException) -> str:
    response: Any = getattr(exc, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))

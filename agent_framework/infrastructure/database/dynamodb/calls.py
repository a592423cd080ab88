"""One request to DynamoDB: on a thread of a bounded pool, and again within bounds where that can help.

The driver itself makes one try. Throttling and conflicts are tried again for ``BUSY_FOR_S`` seconds, lost answers
``LOST_TRIES`` times; waits grow from 10 ms to 1 s and are random from zero, so that writers who collide spread out.
"""

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from agent_framework._optional import require
from agent_framework.errors import AgentFrameworkError
from agent_framework.infrastructure._boto3 import new_session
from agent_framework.infrastructure.database.dynamodb.refusals import Again, Refused, again, explained, is_refusal

BUSY_FOR_S = 30.0
LOST_TRIES = 5
THREADS = 16
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.01, 1.0
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 3.0, 10.0


class Calls:
    """Sends requests through a client that is given, or made on first use and then closed with this object."""

    def __init__(self, table: str, client: Any, region: str | None, endpoint_url: str | None) -> None:
        self.table = table
        self.requests = 0
        self._client = client
        self._region = region
        self._endpoint_url = endpoint_url
        self._owned = client is None
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"dynamodb {table}")

    @property
    def place(self) -> str:
        """Which service is asked, for messages."""
        return self._endpoint_url or f"region {self._region or 'of the environment'}"

    async def call(
        self, operation: str, *, wanted: Callable[[], Awaitable[bool]] | None = None, **params: Any
    ) -> dict[str, Any]:
        """The answer to ``operation`` (a method of the boto3 client); before it is sent again, ``wanted`` is asked.

        Raises:
            Refused: a condition did not hold, or the request was no longer ``wanted``.
            ProviderError: DynamoDB refused, or could not be reached within the bounds.
        """
        started, tries, lost = time.monotonic(), 0, 0
        while True:
            tries += 1
            self.requests += 1
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, operation, params)
            except AgentFrameworkError:
                raise
            except Exception as exc:
                if is_refusal(exc):
                    raise Refused(resent=lost > 0) from exc
                reason = again(exc)
                lost += reason is Again.LOST
                if not lost and "ClientRequestToken" in params:
                    params["ClientRequestToken"] = (
                        uuid.uuid4().hex
                    )  # it was cancelled for good; a lost one keeps its own
                if not _may_try_again(reason, lost, time.monotonic() - started):
                    raise explained(exc, table=self.table, operation=operation, place=self.place) from exc
            await asyncio.sleep(random.random() * min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**tries))
            if wanted is not None and not await wanted():
                raise Refused(resent=lost > 0)

    def _send(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        send = cast("Callable[..., dict[str, Any]]", getattr(self._opened(), operation))
        return send(**params)

    def _opened(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self._region, self._endpoint_url)
            return self._client

    async def close(self) -> None:
        """Wait for requests that run, and close the client if it was made here."""
        await asyncio.to_thread(self._threads.shutdown)
        if self._owned and self._client is not None:
            self._client.close()
            self._client = None


def _may_try_again(reason: Again | None, lost: int, elapsed_s: float) -> bool:
    return elapsed_s < BUSY_FOR_S and (reason is Again.BUSY or (reason is Again.LOST and lost < LOST_TRIES))


def _client(region: str | None, endpoint_url: str | None) -> Any:
    session = new_session("database provider dynamodb")
    config: Any = require("botocore.config", extra="aws", needed_for="database provider dynamodb")
    return session.client(
        "dynamodb",
        region_name=region,
        endpoint_url=endpoint_url,
        config=config.Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=THREADS,
        ),
    )

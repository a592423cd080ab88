"""Calls to AWS that do not block: one boto3 client and a few threads for each provider, and clear errors.

boto3 is imported when the first call is made. A client that is handed in (tests, sessions of one's own) is used as it
is. Retries are bounded here and nowhere else: three tries for throttling and lost connections, with jitter.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from agent_framework._optional import require
from agent_framework.errors import ProviderError
from agent_framework.infrastructure._boto3 import new_session
from agent_framework.types import is_object

T = TypeVar("T")

TRIES = 3
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
"""Above the 20 s that a receive may wait."""

_CREDENTIALS = (
    "the credentials are wrong or have expired; 'aws sts get-caller-identity' shows whether and as whom AWS knows you"
)
_DENIED = "the credentials are known, their role or user may not do this; add the action to its policy"
_NO_QUEUE = "there is no such queue in this region and account; check infrastructure.queue.config, or deploy the stage"
_NO_BUCKET = "there is no such bucket; check infrastructure.storage.config.bucket, or deploy the stage"
_BUSY = "AWS asked to slow down; try again later"

REMEDIES = {
    "AWS.SimpleQueueService.NonExistentQueue": _NO_QUEUE,
    "QueueDoesNotExist": _NO_QUEUE,
    "NoSuchBucket": _NO_BUCKET,
    "ResourceNotFoundException": "there is no such resource in this region and account; check the name, or deploy",
    "PermanentRedirect": "the bucket is in another region; set infrastructure.storage.config.region",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set infrastructure.storage.config.region",
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "AuthorizationError", "403"), _DENIED),
    **dict.fromkeys(
        (
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _CREDENTIALS,
    ),
    **dict.fromkeys(
        (
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        _BUSY,
    ),
}
"""What to do about an error code of AWS."""

_SLOW_DOWN = frozenset(code for code, remedy in REMEDIES.items() if remedy == _BUSY)
_TOO_MANY, _FAULT = 429, 500
"""HTTP statuses: too many calls, and the first one of those that are AWS's own fault."""

_UNREACHABLE = "check the region, the endpoint and the network (a Lambda in a VPC needs an endpoint or a NAT)"
_LOCAL_REMEDIES = {
    "NoCredentialsError": "there are no AWS credentials; set AWS_PROFILE, run 'aws configure', or use stage 'local'",
    "PartialCredentialsError": "the AWS credentials are incomplete; set the access key and the secret key",
    "NoRegionError": "no AWS region is set; set 'region' in the provider's config, or AWS_DEFAULT_REGION",
    "ProfileNotFound": "AWS_PROFILE names a profile that ~/.aws/config does not have",
    **dict.fromkeys(
        ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"), _UNREACHABLE
    ),
}


class AwsService:
    """One service of AWS for one provider: ``await service.call("send_message", QueueUrl=...)``.

    ``label`` begins every error: ``queue provider sqs``. The client is made at the first call, from the usual places
    for credentials (environment, profile, role). ``tries`` is 1 for what must not be done twice.
    """

    def __init__(
        self,
        service: str,
        *,
        label: str,
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        threads: int = 16,
        read_timeout_s: float = READ_TIMEOUT_S,
        tries: int = TRIES,
    ) -> None:
        self._service = service
        self._label = label
        self._client = client
        self._ours = client is None
        self._region = region
        self._endpoint_url = endpoint_url
        self._threads = threads
        self._read_timeout_s = read_timeout_s
        self._tries = tries
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"agent-framework-{service}")
        self._lock = threading.Lock()

    async def call(self, operation: str, **arguments: Any) -> Any:
        """One operation of the client, with its arguments as boto3 names them.

        Raises:
            ProviderError: naming the provider, the operation, AWS's answer and the remedy.
        """
        return await self.run(operation, lambda client: getattr(client, operation)(**arguments))

    async def run(self, tried: str, work: Callable[[Any], T]) -> T:
        """Run ``work(client)`` on a thread; ``tried`` is what errors say was tried. Raises as `call` does."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.run_here, tried, work)

    def run_here(self, tried: str, work: Callable[[Any], T]) -> T:
        """Run ``work(client)`` on this thread. Raises as `call` does."""
        errors = require("botocore.exceptions", extra="aws", needed_for=self._label)
        try:
            return work(self._connected())
        except (errors.BotoCoreError, errors.ClientError) as exc:
            again = was_not_done(exc) or (self._tries > 1 and may_pass(exc))
            raise ProviderError(f"{self._label}: {tried} failed: {explain(exc)}", retryable=again) from exc

    async def close(self) -> None:
        """Wait for the calls under way, end the threads, and close the client unless it was handed in."""
        await asyncio.to_thread(self.close_here)

    def close_here(self) -> None:
        """The same from a program that has no event loop."""
        self._pool.shutdown()
        if self._ours and self._client is not None:
            self._client.close()

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        session = new_session(self._label)
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=self._read_timeout_s,
            max_pool_connections=self._threads,
            retries={"mode": "standard", "total_max_attempts": self._tries},
            signature_version="s3v4" if self._service == "s3" else None,
        )
        return session.client(self._service, region_name=self._region, endpoint_url=self._endpoint_url, config=config)


def error_code(error: BaseException | None) -> str:
    """AWS's code of a driver's error (``NoSuchKey``); the error's own name where AWS did not answer."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return type(error).__name__


def was_not_done(error: BaseException) -> bool:
    """Whether AWS asked to slow down, or was never reached: the call may be made later, and had no effect."""
    from botocore import exceptions as errors

    unreached = (errors.EndpointConnectionError, errors.ConnectTimeoutError, errors.ProxyConnectionError)
    return isinstance(error, unreached) or error_code(error) in _SLOW_DOWN or _status(error) == _TOO_MANY


def may_pass(error: BaseException) -> bool:
    """Whether an outage ended the call, which may have been done although its answer is missing."""
    from botocore import exceptions as errors

    lost = isinstance(error, (errors.ConnectionError, errors.HTTPClientError))
    return lost or was_not_done(error) or _status(error) >= _FAULT


def _status(error: BaseException) -> int:
    """The HTTP status of AWS's answer; 0 where there is none."""
    response: Any = getattr(error, "response", None)
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if is_object(response) else 0


def explain(error: BaseException) -> str:
    """A driver's error in one line: AWS's code and words, and what to do."""
    code = error_code(error)
    response: Any = getattr(error, "response", None)
    words = response["Error"].get("Message", "") if response else str(error)
    remedy = REMEDIES.get(code) or _LOCAL_REMEDIES.get(code)
    return f"{code}: {words.rstrip('. ')}" + (f"; {remedy}" if remedy else "")

"""Where a provider's errors become ours, and where one call's time is bounded.

Whatever openai, litellm, httpx or botocore raise leaves as one `ModelError`: one line naming the model, the status and
the provider's own words without any key, with the original kept as the cause. Errors of this package and of the SDK
about the agent's own code pass through.

What really happened is read from the chain of exceptions: the HTTP answer or the transport error at its bottom says
more than the class that a library chose for it. Libraries are recognised by name, so none of them is imported here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from agents import Model, ModelResponse
from agents.exceptions import ModelBehaviorError
from agents.items import TResponseStreamEvent

from agent_framework.errors import ModelError, ModelRefusedError
from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.infrastructure.llm.evidence import (
    chain,
    class_names,
    http_answer,
    is_from_library,
    own_status,
    retry_after_s,
    root,
    words,
)
from agent_framework.infrastructure.llm.remedies import AWS_SETUP_ERRORS, REMEDIES, refusal_remedy, setup_remedy
from agent_framework.infrastructure.llm.request import ModelRequest, WrappingModel
from agent_framework.observability.redaction import redact

_TIMEOUTS = frozenset({"TimeoutError", "TimeoutException", "APITimeoutError", "Timeout"})
_NEVER_CONNECTED = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ConnectionRefusedError", "gaierror", "EndpointConnectionError"}
)
_LOST = frozenset({"TransportError", "ConnectionError", "HTTPClientError", "ClientError", "ProtocolError"})
_UNREADABLE = frozenset(
    {"JSONDecodeError", "ValidationError", "APIResponseValidationError", "DecodingError", "ResponseParserError"}
    | {"AttributeError", "KeyError", "IndexError", "AssertionError", "TypeError", "ParserError"}
)
_RETRYABLE_STATUS = frozenset({408, 409, 424, 425, 429})
_MAYBE_BILLED_STATUS = frozenset({408, 424})
_OVERLOADED_STATUS = frozenset({503, 529})
_STATUS_WORDS = {
    400: "bad request",
    401: "not authenticated",
    403: "not allowed",
    404: "not found",
    408: "timed out",
    424: "the model failed",
    429: "too many requests",
    503: "unavailable",
    529: "overloaded",
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """What could be learned from an exception."""

    what: str
    retryable: bool
    billed: bool
    retry_after_s: float | None = None


class ErrorMappingModel(WrappingModel):
    """Bounds each call by ``spec.timeout_s`` and maps every provider error to a `ModelError`."""

    def __init__(self, inner: Model, spec: ModelSpec) -> None:
        super().__init__(inner)
        self._spec = spec

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Ask once."""
        with mapped_errors(self._spec):
            async with asyncio.timeout(self._spec.timeout_s):
                return await request.send(self.inner)

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Ask once; the time-out bounds the wait for each event."""
        events = aiter(request.stream(self.inner))
        while True:
            with mapped_errors(self._spec):
                try:
                    async with asyncio.timeout(self._spec.timeout_s):
                        event = await anext(events)
                except StopAsyncIteration:
                    return
            yield event


@contextmanager
def mapped_errors(spec: ModelSpec) -> Generator[None]:
    """Turn what a provider's libraries raise inside the block into a `ModelError`."""
    try:
        yield
    except Exception as exc:
        error = model_error(exc, spec)
        if error is None:
            raise
        raise error from exc


def model_error(exc: Exception, spec: ModelSpec) -> ModelError | None:
    """The `ModelError` for ``exc``, or None if it is not about the provider."""
    if not is_from_library(exc) and not class_names(exc) & (_UNREADABLE | _TIMEOUTS | _LOST):
        return None
    for classify in _CLASSIFIERS:
        failure = classify(exc, spec)
        if failure is not None:
            kind = ModelError if failure.billed else ModelRefusedError
            text = " ".join(redact(f"model {spec.full_name}: {failure.what}", spec.api_key).split())
            return kind(text, retryable=failure.retryable, retry_after_s=failure.retry_after_s)
    return None


def _http_error(exc: Exception, spec: ModelSpec) -> _Failure | None:
    """The provider answered with an error status."""
    answer = http_answer(exc)
    if answer is None:
        return None
    status, text = answer.status_code, words(exc)
    out_of_quota = "insufficient_quota" in f"{text} {getattr(exc, 'code', '')}"
    remedy = refusal_remedy(spec, status, f"{answer.code}: {text}")
    details = [text, *([remedy] if remedy else []), *([f"request {answer.request_id}"] if answer.request_id else [])]
    server_failed = status >= 500 and status not in _OVERLOADED_STATUS
    return _Failure(
        f"{_status_words(status)} ({status}): {'; '.join(details)}",
        retryable=(status in _RETRYABLE_STATUS or status >= 500) and not out_of_quota,
        billed=server_failed or status in _MAYBE_BILLED_STATUS or answer.midway,
        retry_after_s=retry_after_s(answer.headers),
    )


def _wrong_setup(exc: Exception, spec: ModelSpec) -> _Failure | None:
    """botocore gave up before it sent anything."""
    if not _chain_has(exc, AWS_SETUP_ERRORS):
        return None
    names = frozenset(name for link in chain(exc) for name in class_names(link))
    return _Failure(f"{words(exc)}; {setup_remedy(names)}", retryable=False, billed=False)


def _never_connected(exc: Exception, spec: ModelSpec) -> _Failure | None:
    if not _chain_has(exc, _NEVER_CONNECTED):
        return None
    where = f" to {spec.base_url}" if spec.base_url else ""
    return _Failure(f"cannot connect{where}: {words(root(exc))}", retryable=True, billed=False)


def _timed_out(exc: Exception, spec: ModelSpec) -> _Failure | None:
    """No answer in time. It may well have been computed, and billed."""
    if not _chain_has(exc, _TIMEOUTS):
        return None
    return _Failure(f"no answer within {spec.timeout_s:g} seconds", retryable=True, billed=True)


def _connection_lost(exc: Exception, spec: ModelSpec) -> _Failure | None:
    if not _chain_has(exc, _LOST):
        return None
    return _Failure(f"the connection was lost: {words(root(exc))}", retryable=True, billed=True)


def _unusable(exc: Exception, spec: ModelSpec) -> _Failure | None:
    """The SDK read the answer and cannot work with it: cut off, failed on the provider's side, or empty."""
    if not isinstance(exc, ModelBehaviorError):
        return None
    text = str(exc)
    if "max_output_tokens" in text or "length" in text:
        limit = f"the answer was cut off at the output limit; raise max_output_tokens (now {spec.max_output_tokens})"
        return _Failure(limit, retryable=False, billed=True)
    failed = any(word in text for word in ("server_error", "rate_limit", "no choices"))
    return _Failure(f"no usable answer: {text}", retryable=failed, billed=True)


def _unreadable(exc: Exception, spec: ModelSpec) -> _Failure | None:
    """Something answered, but not in the provider's format: a proxy's page, half an answer."""
    if not _chain_has(exc, _UNREADABLE) and own_status(exc) != 500:
        return None
    return _Failure(f"the answer is not in the provider's format: {words(exc)}", retryable=True, billed=True)


def _not_sent(exc: Exception, spec: ModelSpec) -> _Failure:
    """The library refused the request by itself: a missing key, an unknown model, an unsupported setting."""
    status = own_status(exc)
    remedy = (
        f"; {REMEDIES[spec.provider]}, or run with --offline" if status == 401 and spec.provider in REMEDIES else ""
    )
    return _Failure(f"{type(exc).__name__}: {words(exc)}{remedy}", retryable=False, billed=False)


_CLASSIFIERS: tuple[Callable[[Exception, ModelSpec], _Failure | None], ...] = (
    _http_error,
    _wrong_setup,
    _never_connected,
    _timed_out,
    _connection_lost,
    _unusable,
    _unreadable,
    _not_sent,
)
"""Asked in this order; the first that recognises the exception decides."""


def _chain_has(exc: Exception, names: frozenset[str]) -> bool:
    return any(class_names(link) & names for link in chain(exc))


def _status_words(status: int) -> str:
    return _STATUS_WORDS.get(status, "provider error" if status >= 500 else "refused")

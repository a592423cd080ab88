"""Reads what happened from the exceptions of HTTP clients and model libraries, without importing any of them."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast

_LIBRARIES = frozenset(
    {"openai", "litellm", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "botocore", "boto3", "urllib3"}
)
_SDK_ERROR = "agents.exceptions.ModelBehaviorError"
_NOISE = re.compile(
    r"^(?:(?:litellm\.)?(?:[A-Z]\w*(?:Error|Exception|Timeout)|Timeout(?: Error)?)\s*[:-]\s*|Error code: \d+ - "
    r"|An error occurred \([^)]*\) when calling the \w+ operation(?: \([^)]*\))?: )"
)
_AWS_STATUS = {
    "modelerrorexception": 424,
    "modelnotreadyexception": 429,
    "modelstreamerrorexception": 424,
    "modeltimeoutexception": 408,
    "internalserverexception": 500,
    "serviceunavailableexception": 503,
}
_MAX_WORDS = 250
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer with an error status. Header names are in lower case, or the mapping does not care.

    Attributes:
        status_code: the HTTP status, or the one that the error's code stands for.
        headers: the answer's headers.
        code: the provider's own code for the error, where its library tells one.
        request_id: by which the provider finds the call.
        midway: the error came inside a stream that had begun as a success.
    """

    status_code: int
    headers: Mapping[str, str]
    code: str = ""
    request_id: str = ""
    midway: bool = False


def chain(exc: BaseException) -> Iterator[BaseException]:
    """``exc`` and what led to it, outermost first."""
    seen: set[int] = set()
    link: BaseException | None = exc
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def root(exc: BaseException) -> BaseException:
    """The innermost link of the chain that says anything."""
    return next((link for link in reversed(list(chain(exc))) if str(link)), exc)


def class_names(exc: BaseException) -> frozenset[str]:
    """The names of the exception's class and its bases."""
    return frozenset(cls.__name__ for cls in type(exc).__mro__)


def is_from_library(exc: BaseException) -> bool:
    """Whether a model library, an HTTP client or the SDK's view of an answer raised this."""
    modules = {cls.__module__.partition(".")[0] for cls in type(exc).__mro__}
    return bool(modules & _LIBRARIES) or f"{type(exc).__module__}.{type(exc).__name__}" == _SDK_ERROR


def http_answer(exc: BaseException) -> HttpAnswer | None:
    """The answer with an error status that started it all; libraries put their own status on other failures."""
    for link in chain(exc):
        response: Any = getattr(link, "response", None)
        library = type(link).__module__.partition(".")[0]
        if type(link).__name__ == "HTTPStatusError" or (library == "openai" and response is not None):
            return HttpAnswer(response.status_code, response.headers)
        if "ClientError" in class_names(link) and isinstance(response, dict):
            return _botocore_answer(cast(dict[str, Any], response), midway="EventStreamError" in class_names(link))
    return None


def _botocore_answer(response: Mapping[str, Any], *, midway: bool) -> HttpAnswer:
    """AWS says throttling with several statuses, and inside a stream none at all, but it always has a code."""
    meta = response.get("ResponseMetadata", {})
    code = str(response.get("Error", {}).get("Code", ""))
    known = 429 if "throttling" in code.lower() else _AWS_STATUS.get(code.lower())
    return HttpAnswer(
        known or meta.get("HTTPStatusCode", 400),
        meta.get("HTTPHeaders", {}),
        code=code,
        request_id=meta.get("RequestId", ""),
        midway=midway,
    )


def own_status(exc: BaseException) -> int | None:
    """The status a library gave the exception, which need not be what a server said."""
    status = getattr(exc, "status_code", None)
    return status if isinstance(status, int) else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait a provider asks for, in seconds: ``retry-after-ms``, or ``retry-after`` as seconds or a date."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def words(exc: BaseException) -> str:
    """The provider's own words in an exception's text: no class names, no JSON around them, no traceback."""
    text = _TRACEBACK.sub("", str(exc)) or type(exc).__name__
    while (shorter := _NOISE.sub("", text)) != text:
        text = shorter
    start = text.find("{")
    return ((_message(text[start:]) if start >= 0 else None) or text)[:_MAX_WORDS]


def _message(text: str) -> str | None:
    try:
        body: Any = json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        return None
    body = body.get("error", body)
    message: Any = cast(dict[str, Any], body).get("message") if isinstance(body, dict) else body
    return message if isinstance(message, str) else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None

"""Requests through API Gateway: REST and HTTP APIs, and function URLs. Pure.

Who asks is what an authorizer says. What a request says of itself is never believed.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from agent_framework.infrastructure._json import to_object
from agent_framework.types import JSONDict, is_object

ANONYMOUS = "api"
"""The user of requests that no authorizer looked at."""


_APPROVAL = re.compile(r"/approvals/([^/]+)$")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request through API Gateway. ``problem`` says what is wrong with it, then the rest means nothing.

    One for the page of an approval has its ``approval_id``, and the ``fields`` of its query or form instead of a body.
    """

    method: str
    user_id: str
    body: JSONDict
    job_id: str | None = None
    client_key: str | None = None
    problem: str | None = None
    approval_id: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


def part(mapping: Mapping[str, Any], name: str) -> JSONDict:
    """The object at ``name``; an empty one where there is none."""
    value: object = mapping.get(name)
    return value if is_object(value) else {}


def read_http(event: JSONDict, method: str) -> HttpRequest:
    """The request; a body that cannot be read is its ``problem``."""
    headers = {str(name).lower(): str(value) for name, value in part(event, "headers").items()}
    parameters = {**part(event, "queryStringParameters"), **part(event, "pathParameters")}
    user_id = _user(part(event, "requestContext"))
    job_id = parameters.get("job_id")
    approval = _APPROVAL.search(str(event.get("rawPath") or event.get("path") or ""))
    if approval is not None:
        fields = _fields(event, method, headers)
        return HttpRequest(method, user_id, {}, approval_id=approval.group(1), fields=fields)
    try:
        body = _body(event) if method == "POST" else {}
    except ValueError as exc:
        return HttpRequest(method, user_id, {}, problem=f"the body is {exc}")
    key = headers.get("idempotency-key")
    return HttpRequest(
        method,
        user_id,
        body,
        job_id=None if job_id is None else str(job_id),
        client_key=f"{user_id}:{key}" if key else None,
    )


def _fields(event: JSONDict, method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The query of a GET, else the form or JSON object in the body: a token in an address never decides."""
    if method != "POST":
        return {name: str(value) for name, value in part(event, "queryStringParameters").items()}
    try:
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(_text(event).decode("utf-8", "replace")))
        return {name: value for name, value in _body(event).items() if isinstance(value, str)}
    except ValueError:
        return {}


def _text(event: JSONDict) -> bytes:
    body = str(event.get("body") or "")
    return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()


def _body(event: JSONDict) -> JSONDict:
    body: object = event.get("body") or ""
    if not isinstance(body, str):
        raise ValueError("no text")
    if not event.get("isBase64Encoded"):
        return to_object(body) if body else {}
    try:
        return to_object(base64.b64decode(body, validate=True))
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise ValueError("no base64 of text, although the request says so") from exc


def _user(context: JSONDict) -> str:
    """Who an authorizer of the API, or IAM, says is asking."""
    authorizer = part(context, "authorizer")
    candidates = (
        part(part(authorizer, "jwt"), "claims").get("sub"),
        part(authorizer, "claims").get("sub"),
        part(authorizer, "lambda").get("principalId"),
        authorizer.get("principalId"),
        part(authorizer, "iam").get("userArn"),
        part(context, "identity").get("userArn"),
    )
    return next((str(candidate) for candidate in candidates if candidate), ANONYMOUS)


def http_answer(answer: JSONDict) -> JSONDict:
    """An envelope as API Gateway and function URLs send it on."""
    return {
        "statusCode": answer["statusCode"],
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(answer, allow_nan=False),
    }

"""Requests through API Gateway: REST and HTTP APIs, and function URLs. Pure.

Who asks is what an authorizer says. What a request says of itself is never believed.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_framework.infrastructure._json import to_object
from agent_framework.types import JSONDict, is_object

ANONYMOUS = "api"
"""The user of requests that no authorizer looked at."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request through API Gateway. ``problem`` says what is wrong with it, then the rest means nothing."""

    method: str
    user_id: str
    body: JSONDict
    job_id: str | None = None
    client_key: str | None = None
    problem: str | None = None


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

"""What a Lambda function may be sent, read into one request, and the one envelope it is answered in. Pure.

A batch of SQS, a request through API Gateway (see `lambda_http`), an event of EventBridge, a message of the engine, the
``{agent, action, payload, context}`` protocol, ``{"job_id": ...}``, and the words ``sweep`` and ``migrate``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from agent_framework.core.lambda_http import ANONYMOUS, HttpRequest, part, read_http
from agent_framework.errors import AgentFrameworkError, ConfigError
from agent_framework.infrastructure._json import check_json
from agent_framework.infrastructure.queue.base import Delivery
from agent_framework.observability.redaction import redact
from agent_framework.types import SESSION_ID, JSONDict, is_array, is_object

_UNDERSTOOD = (
    "a batch of SQS, a request of API Gateway, an event of EventBridge, {agent, action, payload, context}, "
    '{"job_id": ...}, {"type": "perform" | "advance" | "sweep" | "migrate"}'
)


@dataclass(frozen=True, slots=True)
class Records:
    """A batch of SQS."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class AgentCall:
    """A direct request for work: an input for a new job, or the id of one that is there."""

    job_input: JSONDict
    job_id: str | None = None
    agent: str | None = None
    user_id: str = ANONYMOUS
    client_key: str | None = None


@dataclass(frozen=True, slots=True)
class EngineMessage:
    """A message of the engine that came without a queue."""

    body: JSONDict


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look for jobs that nobody woke."""


@dataclass(frozen=True, slots=True)
class Migrate:
    """Bring the database's schema up to date."""


Request = Records | HttpRequest | AgentCall | EngineMessage | Sweep | Migrate


def read_event(event: Any) -> Request:
    """The request in an event.

    Raises:
        ConfigError: it is none of those that a function understands.
    """
    if not is_object(event):
        raise ConfigError(f"the event is {type(event).__name__}; a function understands {_UNDERSTOOD}")
    try:
        check_json(event)
    except ValueError as exc:
        raise ConfigError(f"the event is {exc}") from exc
    request = _of_aws(event) or _of_ours(event)
    if request is None:
        raise ConfigError(f"a function understands {_UNDERSTOOD}; not {_shown(event)}")
    return request


def _of_aws(event: JSONDict) -> Request | None:
    """What AWS's services send."""
    match event:
        case {"Records": records}:
            return Records(_deliveries(records))
        case {"requestContext": {"http": {"method": str(method)}}} | {"httpMethod": str(method)}:
            return read_http(event, method)
        case {"detail-type": str(_), "source": str(_), "detail": detail} if is_object(detail):
            return _from_bus(event, detail)
        case _:
            return None


def _of_ours(event: JSONDict) -> Request | None:
    """What we, and whoever may invoke the function, send."""
    match event:
        case {"type": "sweep"}:
            return Sweep()
        case {"type": "migrate"}:
            return Migrate()
        case {"type": "perform" | "advance"} | {"requestPayload": {"type": "perform"}}:
            return EngineMessage(event)
        case {"action": _} | {"payload": _}:
            return _protocol(event)
        case {"job_id": str(job_id)}:
            return AgentCall({}, job_id=job_id)
        case _:
            return None


def _shown(event: JSONDict) -> str:
    """The names of an event's fields, never their values: they may be anybody's data."""
    return f"an object with the fields {', '.join(map(str, list(event)[:12])) or 'none'}"


def _deliveries(records: object) -> tuple[Delivery, ...]:
    found = [_delivery(record) for record in records] if is_array(records) else [None]
    if None in found:
        raise ConfigError(
            "Records must be those of SQS: other services' notifications go through a queue or EventBridge"
        )
    return tuple(delivery for delivery in found if delivery is not None)


def _delivery(record: object) -> Delivery | None:
    if not is_object(record):
        return None
    match record:
        case {"eventSource": "aws:sqs", "messageId": str(message_id), "body": str(body)}:
            count = str(part(record, "attributes").get("ApproximateReceiveCount", "1"))
            receives = int(count) if count.isdecimal() else 1
            return Delivery(message_id, body, str(record.get("receiptHandle", "")), receives)
        case _:
            return None


def _from_bus(event: JSONDict, detail: JSONDict) -> Request:
    match detail:
        case {"type": "perform" | "advance", "job_id": str(_)}:
            return EngineMessage(detail)
        case {"job_id": str(job_id)} if len(detail) == 1:
            return AgentCall({}, job_id=job_id)
        case _:
            pass
    key = event.get("id")
    return AgentCall(detail, user_id=f"event:{event['source']}", client_key=f"event:{key}" if key else None)


def _protocol(event: JSONDict) -> AgentCall:
    """``{agent, action, payload, context}``: the input keeps action, payload and context under their names.

    A ``session_id`` in the context or the payload is the job's.
    """
    payload: object = event.get("payload") or {}
    context: object = event.get("context") or {}
    agent: object = event.get("agent")
    if not is_object(payload) or not is_object(context):
        raise ConfigError("payload and context of a request must be objects")
    if agent is not None and not isinstance(agent, str):
        raise ConfigError("agent of a request must be the name of an agent")
    job_id = context.get("job_id") or payload.get("job_id")
    return AgentCall(
        {"action": event.get("action"), "payload": payload, "context": context, **_session(context, payload)},
        job_id=job_id if isinstance(job_id, str) else None,
        agent=agent,
        user_id=str(context.get("user_id") or ANONYMOUS),
    )


def _session(*parts: JSONDict) -> JSONDict:
    """The first session that is named."""
    return next(({SESSION_ID: part[SESSION_ID]} for part in parts if SESSION_ID in part), JSONDict())


# -- answers -----------------------------------------------------------------------------------------------------------


def envelope(
    agent: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    job_id: str | None = None,
    result: JSONDict | None = None,
    error: AgentFrameworkError | JSONDict | str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> JSONDict:
    """The one form of every answer.

    ``{"statusCode", "ok", "agent", "job_id", "result", "error", "metadata"}``; ``error`` is
    ``{"error": words, "error_code": class}`` or null, and for a job that failed its `failure_report`.
    """
    described = error if is_object(error) else None
    if error is not None and described is None:
        code = type(error).__name__ if isinstance(error, AgentFrameworkError) else status.phrase.replace(" ", "")
        described = {"error": redact(str(error)), "error_code": code}
    return {
        "statusCode": status.value,
        "ok": status < HTTPStatus.BAD_REQUEST,
        "agent": agent,
        "job_id": job_id,
        "result": result,
        "error": described,
        "metadata": dict(metadata or {}),
    }


def batch_answer(failed: Sequence[str]) -> JSONDict:
    """The answer to a batch of SQS: the ids of the messages that have to come back."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

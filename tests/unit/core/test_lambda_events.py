"""What a function may be sent, and what it makes of it."""

import base64
import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.core.lambda_events import (
    AgentCall,
    EngineMessage,
    Migrate,
    Records,
    Sweep,
    batch_answer,
    envelope,
    read_event,
)
from agent_framework.core.lambda_http import HttpRequest, http_answer
from agent_framework.core.messages import LostAttempt, perform_message, read_message
from agent_framework.errors import ConfigError, JobNotFoundError
from agent_framework.infrastructure.queue.base import Delivery
from agent_framework.types import AttemptKey

KEY = AttemptKey("job-1", 1, 2, "writer", 1)
PROTOCOL = {"agent": "planner", "action": "create", "payload": {"budget": 200}, "context": {"user_id": "ann"}}


def record(body: str = "{}", **more: Any) -> dict[str, Any]:
    return {"eventSource": "aws:sqs", "messageId": "m", "body": body, "receiptHandle": "r", **more}


def http_v2(method: str = "POST", body: str | None = "{}", **more: Any) -> dict[str, Any]:
    return {"version": "2.0", "requestContext": {"http": {"method": method, "path": "/"}}, "body": body, **more}


def http_v1(method: str = "POST", body: str | None = "{}", **more: Any) -> dict[str, Any]:
    return {"httpMethod": method, "path": "/", "resource": "/", "requestContext": {}, "body": body, **more}


def test_every_record_of_a_batch_is_read() -> None:
    records = [record('{"job_id": "a"}', attributes={"ApproximateReceiveCount": "3"}), record("not json")]
    assert read_event({"Records": records}) == Records(
        (Delivery("m", '{"job_id": "a"}', "r", 3), Delivery("m", "not json", "r", 1))
    )


@pytest.mark.parametrize("bad", [None, "x", [], {}, {"eventSource": "aws:s3"}, {"eventSource": "aws:sqs"}, 3])
def test_records_of_other_services_are_refused(bad: Any) -> None:
    with pytest.raises(ConfigError, match="Records must be those of SQS"):
        read_event({"Records": [record(), bad]})


def test_our_own_words() -> None:
    assert read_event({"type": "sweep"}) == Sweep()
    assert read_event({"type": "migrate"}) == Migrate()
    assert read_event(perform_message(KEY)) == EngineMessage(perform_message(KEY))
    assert read_event({"job_id": "job-1"}) == AgentCall({}, job_id="job-1")


def test_the_protocol_keeps_action_payload_and_context_as_input() -> None:
    call = read_event(PROTOCOL)
    assert call == AgentCall(
        {"action": "create", "payload": {"budget": 200}, "context": {"user_id": "ann"}}, agent="planner", user_id="ann"
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({**PROTOCOL, "payload": [1]}, "payload and context"),
        ({**PROTOCOL, "context": "x"}, "payload and context"),
        ({**PROTOCOL, "agent": 7}, "agent of a request"),
    ],
)
def test_a_protocol_of_other_forms_is_refused(event: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_event(event)


def test_an_event_of_a_bus_is_an_input_once_per_event_id() -> None:
    event = {"detail-type": "OrderPlaced", "source": "shop", "id": "e-1", "detail": {"order": 7}}
    assert read_event(event) == AgentCall({"order": 7}, user_id="event:shop", client_key="event:e-1")


@pytest.mark.parametrize(
    ("detail", "request_"),
    [
        (perform_message(KEY), EngineMessage(perform_message(KEY))),
        ({"job_id": "job-1"}, AgentCall({}, job_id="job-1")),
    ],
)
def test_an_event_of_our_own_bus_is_what_it_carries(detail: dict[str, Any], request_: Any) -> None:
    assert read_event({"detail-type": "job", "source": "agent-framework", "id": "e-1", "detail": detail}) == request_


@pytest.mark.parametrize(
    "detail",
    [{"type": "order"}, {"type": "sweep"}, {"type": "migrate"}, {"job_id": "j", "n": 1}, http_v1(), {"payload": {}}],
)
def test_whoever_may_put_events_gives_no_orders_by_their_form(detail: dict[str, Any]) -> None:
    request = read_event({"detail-type": "job", "source": "shop", "id": "e-1", "detail": detail})
    assert request == AgentCall(detail, user_id="event:shop", client_key="event:e-1")


@pytest.mark.parametrize("make", [http_v1, http_v2])
def test_a_request_of_api_gateway(make: Any) -> None:
    body = base64.b64encode(b'{"topic": "tea"}').decode()
    event = make(body=body, isBase64Encoded=True, headers={"Idempotency-Key": "k"})
    assert read_event(event) == HttpRequest("POST", "api", {"topic": "tea"}, client_key="api:k")


@pytest.mark.parametrize("make", [http_v1, http_v2])
@pytest.mark.parametrize("body", ["{", "[1]", '"x"', "null", '{"a": NaN}'])
def test_a_body_that_is_no_object_is_the_callers_problem(make: Any, body: str) -> None:
    request = read_event(make(body=body))
    assert isinstance(request, HttpRequest)
    assert request.problem is not None
    assert request.problem.startswith("the body is ")


def test_bytes_that_are_no_base64_are_the_callers_problem() -> None:
    request = read_event(http_v2(body="%%%", isBase64Encoded=True))
    assert isinstance(request, HttpRequest)
    assert request.problem == "the body is no base64 of text, although the request says so"


@pytest.mark.parametrize(
    ("context", "user"),
    [
        ({"authorizer": {"jwt": {"claims": {"sub": "ann"}}}}, "ann"),
        ({"authorizer": {"claims": {"sub": "bob"}}}, "bob"),
        ({"authorizer": {"principalId": "cid"}}, "cid"),
        ({"authorizer": {"lambda": {"principalId": "dan"}}}, "dan"),
        ({"authorizer": {"iam": {"userArn": "arn:eve"}}}, "arn:eve"),
        ({"identity": {"userArn": "arn:fay"}}, "arn:fay"),
        ({"authorizer": ["x"]}, "api"),
        ({}, "api"),
    ],
)
def test_who_asks_is_what_the_authorizer_says(context: dict[str, Any], user: str) -> None:
    body = json.dumps({"user_id": "mallory", "context": {"user_id": "mallory"}})
    request = read_event(http_v1(body=body) | {"requestContext": context})
    assert isinstance(request, HttpRequest)
    assert request.user_id == user


def test_lambdas_record_of_a_lost_attempt() -> None:
    lost = {
        "requestContext": {"requestId": "r-1", "condition": "RetriesExhausted"},
        "requestPayload": perform_message(KEY),
        "responsePayload": {"errorMessage": "Task timed out after 3.00 seconds"},
    }
    reason = "its function failed (RetriesExhausted): Task timed out after 3.00 seconds"
    assert read_message(lost) == LostAttempt(KEY, "lambda/r-1", reason)


@pytest.mark.parametrize("event", [None, "x", 1, [], {}, {"type": "dance"}, {"job_id": 3}, {"Records": 3}])
def test_anything_else_is_refused_in_words_that_repeat_no_value(event: Any) -> None:
    with pytest.raises(ConfigError):
        read_event(event)


def test_the_refusal_names_fields_and_never_their_values() -> None:
    with pytest.raises(ConfigError, match="not an object with the fields card_number") as raised:
        read_event({"card_number": "4111 1111 1111 1111"})
    assert "4111" not in str(raised.value)


def test_the_envelope_has_one_form() -> None:
    good = envelope("writer", job_id="j", result={"a": 1})
    bad = envelope("writer", status=HTTPStatus.NOT_FOUND, error=JobNotFoundError("j"))
    answered = {"statusCode": 200, "ok": True, "agent": "writer", "job_id": "j", "result": {"a": 1}}
    assert good == {**answered, "error": None, "metadata": {}}
    assert good.keys() == bad.keys()
    assert (bad["ok"], bad["error"]["error_code"]) == (False, "JobNotFoundError")
    assert json.loads(http_answer(good)["body"]) == good
    assert batch_answer(["a"]) == {"batchItemFailures": [{"itemIdentifier": "a"}]}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_OURS = ("type", "job_id", "run", "seq", "number", "agent", "action", "payload", "context", "requestPayload")
_SQS = ("Records", "eventSource", "messageId", "attributes", "receiptHandle")
_HTTP = (
    "httpMethod",
    "requestContext",
    "headers",
    "body",
    "isBase64Encoded",
    "pathParameters",
    "queryStringParameters",
)
_NAMES = st.sampled_from([*_OURS, *_SQS, *_HTTP, "detail", "detail-type", "source", "id"])
_EVENTS = st.dictionaries(_NAMES, _JSON | st.dictionaries(_NAMES, _JSON, max_size=4), max_size=6) | _JSON
_EVENTS |= st.fixed_dictionaries({"Records": st.lists(st.dictionaries(_NAMES, _JSON, max_size=5), max_size=3)})
_EVENTS |= st.builds(lambda more: http_v2() | more, st.dictionaries(_NAMES, _JSON, max_size=4))


@given(_EVENTS)
def test_a_malformed_event_is_a_request_or_a_clear_refusal(event: Any) -> None:
    with suppress(ConfigError):
        assert read_event(event)

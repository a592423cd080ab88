"""Hostile events are refused by the handlers that Lambda calls; what comes with an event gives no rights."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.core.lambda_events import read_event
from agent_framework.core.lambda_http import HttpRequest
from agent_framework.errors import ConfigError
from tests.security.corpus.events import GOOD, HOSTILE
from tests.security.malformed import Context, Tally, handlers, try_event, try_events, try_files

CI_COUNT = 1000
"""Of configurations and of events each; ``make malformed`` runs 20,000."""


def test_there_are_events_of_every_kind(record_property: Any) -> None:
    hostile, good = (sum(map(len, families.values())) for families in (HOSTILE, GOOD))
    record_property("fact", f"events: {hostile} hostile, {good} good ones that are changed")
    assert hostile >= 70
    assert good >= 20


def test_row_35_a_hostile_event_is_refused_by_each_function(tmp_path: Path) -> None:
    accepted: list[Any] = []
    with handlers(tmp_path) as (orchestrator, worker):
        for handler in (orchestrator, worker):
            for event in [event for family in HOSTILE.values() for event in family]:
                tally = Tally()
                tally.note(f"{event!r:.200}", lambda handler=handler, event=event: try_event(handler, event))
                assert tally.failures == []
                accepted += [event] * tally.accepted
    assert accepted == []


def test_row_35_who_asks_is_never_what_the_request_says(tmp_path: Path) -> None:
    claims = {
        "user_id": "root",
        "sub": "root",
        "authorizer": {"jwt": {"claims": {"sub": "root"}}},
        "identity": {"userArn": "root"},
    }
    headers = dict.fromkeys(
        ("Authorization", "X-User-Id", "x-amzn-oidc-identity", "X-Forwarded-User", "Cookie"), "root"
    )
    for event in GOOD["http"]:
        request = read_event(
            {**event, **claims, "headers": {**event["headers"], **headers}, "queryStringParameters": claims}
        )
        assert isinstance(request, HttpRequest)
        assert request.user_id in ("api", "ann")  # nobody, or whom the authorizer named


def test_row_35_a_refusal_repeats_no_value_of_an_event() -> None:
    for event in (
        {"card": "4111-1111"},
        {"Records": [{"card": "4111-1111"}]},
        {"type": "4111-1111"},
        {"job_id": ["4111-1111"]},
    ):
        with pytest.raises(ConfigError) as refused:
            read_event(event)
        assert "4111" not in str(refused.value)


def test_row_35_malformed_configurations_end_without_a_traceback(tmp_path: Path, record_property: Any) -> None:
    tally = try_files(tmp_path, CI_COUNT, seed=7)
    record_property("fact", _told("configurations", tally))
    assert tally.failures == []
    assert tally.refused.total() > CI_COUNT // 2


def test_row_35_malformed_events_end_without_a_traceback(tmp_path: Path, record_property: Any) -> None:
    tally = try_events(tmp_path, CI_COUNT, seed=7)
    record_property("fact", _told("events", tally))
    assert tally.failures == []
    assert tally.refused.total() > CI_COUNT // 4


_NAMES = st.sampled_from(
    [
        "type",
        "job_id",
        "run",
        "seq",
        "number",
        "agent",
        "action",
        "payload",
        "context",
        "session_id",
        "user_id",
        "Records",
        "eventSource",
        "messageId",
        "body",
        "requestContext",
        "requestPayload",
        "httpMethod",
        "http",
        "headers",
        "detail",
    ]
)
_TEXTS = st.text(st.characters(), max_size=6) | st.sampled_from(["perform", "advance", "aws:sqs", "POST", "{}", "only"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | _TEXTS, inner, max_size=4),
    max_leaves=12,
)


def test_row_35_any_json_is_answered_or_refused(tmp_path: Path) -> None:
    tally = Tally()
    with handlers(tmp_path) as both:

        @settings(max_examples=300)
        @given(st.dictionaries(_NAMES, _JSON, min_size=1, max_size=6) | _JSON, st.sampled_from([0, 1]))
        def attempt(event: Any, which: int) -> None:
            tally.note(f"{event!r:.300}", partial(try_event, both[which], event))
            assert tally.failures == []

        attempt()
    assert tally.refused.total() > 100


def test_an_answer_that_lambda_could_not_send_on_would_be_noticed() -> None:
    tally = Tally()
    for answer in ({"a": "\ud800"}, {"a": float("nan")}, None, {"error": "Traceback"}):
        tally.note("one", lambda answer=answer: try_event(lambda event, context: answer, {}))
    tally.note("one", lambda: try_event(lambda event, context: {}["a"], {}))
    assert len(tally.failures) == 5
    assert Context().get_remaining_time_in_millis() > 0


def _told(what: str, tally: Tally) -> str:
    kinds = json.dumps(dict(tally.refused)).strip("{}").replace('"', "")
    told = f"accepted {tally.accepted}, refused by {kinds}, tracebacks {len(tally.failures)}"
    return f"malformed {what}: {tally.count}, {told}"

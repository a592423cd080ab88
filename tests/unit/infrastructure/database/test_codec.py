"""Between values and what databases keep of them: nothing is lost, and nothing is kept that was not said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.infrastructure.database._codec import outcome_from_dict, outcome_to_dict
from agent_framework.types import AgentOutcome, AttemptState, ErrorKind, Usage

usages = st.builds(
    Usage,
    requests=st.integers(0, 9),
    input_tokens=st.integers(0, 9),
    output_tokens=st.integers(0, 9),
    cost_usd=st.none() | st.floats(0, 9),
    models=st.lists(st.text(max_size=2), max_size=2).map(tuple),
)
outcomes = st.builds(
    AgentOutcome,
    state=st.sampled_from(AttemptState),
    error=st.none() | st.text(max_size=2),
    error_kind=st.none() | st.sampled_from(ErrorKind),
    retry_after_s=st.none() | st.floats(0, 9),
    execution_time_ms=st.none() | st.integers(0, 9),
    usage=usages,
    detail=st.dictionaries(st.text(max_size=2), st.integers() | st.none() | st.just({}), max_size=2),
)


@given(outcomes)
def test_an_outcome_is_read_back_as_it_was(outcome: AgentOutcome) -> None:
    stored = json.loads(json.dumps(outcome_to_dict(outcome)))
    assert outcome_from_dict(outcome.state, stored) == outcome


@pytest.mark.parametrize(
    ("outcome", "stored"),
    [
        (AgentOutcome(AttemptState.SUCCEEDED), {}),
        (AgentOutcome(AttemptState.SUCCEEDED, execution_time_ms=0), {"execution_time_ms": 0}),
        (AgentOutcome(AttemptState.FAILED, error="", retry_after_s=0.0), {"error": "", "retry_after_s": 0.0}),
    ],
)
def test_what_an_outcome_does_not_say_is_not_stored(outcome: AgentOutcome, stored: dict[str, Any]) -> None:
    assert outcome_to_dict(outcome) == stored


def test_an_outcome_that_was_stored_whole_is_read() -> None:
    usage = {"requests": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "models": []}
    whole = {"error": None, "error_kind": None, "retry_after_s": None, "execution_time_ms": 7, "usage": usage,
             "detail": {}}  # fmt: skip
    expected = AgentOutcome(AttemptState.SUCCEEDED, execution_time_ms=7)
    assert outcome_from_dict(AttemptState.SUCCEEDED, whole) == expected

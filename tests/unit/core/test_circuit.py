"""The circuit breaker as a value: every transition, with a clock that the test holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.core.circuit import (
    FORMAT,
    Circuit,
    CircuitState,
    Limits,
    Verdict,
    admit,
    settle,
    verdict_of,
)
from agent_framework.errors import EntryVersionError
from agent_framework.types import AgentOutcome, AttemptState, ErrorKind

LIMITS = Limits(failures=3, window_s=60, open_s=30, half_open_calls=2)
OPENED = Circuit(CircuitState.OPEN, open_until=130.0, reason="down")


def fail(circuit: Circuit, now: float, trial: str = "t") -> Circuit:
    return settle(circuit, LIMITS, Verdict.FAILED, now=now, trial=trial, reason="down")


def test_failures_within_the_window_open_it() -> None:
    circuit = fail(fail(Circuit(), 100), 130)
    assert circuit.state is CircuitState.CLOSED
    opened = fail(circuit, 159)
    assert (opened.state, opened.open_until, opened.reason) == (CircuitState.OPEN, 189, "down")


def test_failures_out_of_the_window_are_forgotten() -> None:
    circuit = fail(fail(fail(Circuit(), 100), 130), 170)
    assert (circuit.state, circuit.failed_at) == (CircuitState.CLOSED, (130, 170))


def test_an_open_circuit_refuses_until_its_time_is_over() -> None:
    assert admit(OPENED, LIMITS, now=100, trial="t", trial_s=10).refused_s == 30
    asked = admit(OPENED, LIMITS, now=130, trial="t", trial_s=10)
    assert (asked.refused_s, asked.circuit.state, asked.circuit.trials) == (None, CircuitState.HALF_OPEN, {"t": 140})


def test_half_open_lets_so_many_through_and_as_many_successes_close_it() -> None:
    circuit = admit(OPENED, LIMITS, now=130, trial="one", trial_s=10).circuit
    circuit = admit(circuit, LIMITS, now=130, trial="two", trial_s=20).circuit
    assert admit(circuit, LIMITS, now=131, trial="three", trial_s=10).refused_s == 9
    circuit = settle(circuit, LIMITS, Verdict.PASSED, now=132, trial="one")
    assert (circuit.state, circuit.passed) == (CircuitState.HALF_OPEN, 1)
    assert admit(circuit, LIMITS, now=132, trial="three", trial_s=10).refused_s is not None
    assert settle(circuit, LIMITS, Verdict.PASSED, now=133, trial="two") == Circuit()


def test_one_failed_trial_opens_it_again() -> None:
    circuit = admit(OPENED, LIMITS, now=130, trial="one", trial_s=10).circuit
    again = fail(circuit, 135, "one")
    assert (again.state, again.open_until) == (CircuitState.OPEN, 165)


def test_a_trial_whose_process_died_gives_its_place_back() -> None:
    circuit = admit(OPENED, LIMITS, now=130, trial="one", trial_s=10).circuit
    circuit = admit(circuit, LIMITS, now=130, trial="two", trial_s=10).circuit
    assert admit(circuit, LIMITS, now=141, trial="three", trial_s=10).refused_s is None


def test_a_trial_that_says_nothing_gives_its_place_back_too() -> None:
    circuit = admit(OPENED, LIMITS, now=130, trial="one", trial_s=10).circuit
    circuit = settle(circuit, LIMITS, Verdict.UNKNOWN, now=131, trial="one")
    assert (circuit.state, circuit.trials, circuit.passed) == (CircuitState.HALF_OPEN, {}, 0)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_started_before_it_opened_changes_it_no_more(verdict: Verdict) -> None:
    assert settle(OPENED, LIMITS, verdict, now=110, trial="late") == OPENED
    half_open = admit(OPENED, LIMITS, now=130, trial="one", trial_s=10).circuit
    assert settle(half_open, LIMITS, verdict, now=131, trial="late") == half_open


@pytest.mark.parametrize(
    ("state", "kind", "verdict"),
    [
        (AttemptState.SUCCEEDED, None, Verdict.PASSED),
        (AttemptState.FAILED, ErrorKind.TIMEOUT, Verdict.FAILED),
        (AttemptState.FAILED, ErrorKind.TRANSIENT, Verdict.FAILED),
        (AttemptState.FAILED, ErrorKind.ERROR, Verdict.PASSED),
        (AttemptState.FAILED, ErrorKind.INVALID_OUTPUT, Verdict.PASSED),
        (AttemptState.FAILED, ErrorKind.BUDGET, Verdict.UNKNOWN),
        (AttemptState.FAILED, ErrorKind.CRASH, Verdict.UNKNOWN),
        (AttemptState.SKIPPED, None, Verdict.UNKNOWN),
        (AttemptState.INTERRUPTED, None, Verdict.UNKNOWN),
    ],
)
def test_what_an_outcome_says(state: AttemptState, kind: ErrorKind | None, verdict: Verdict) -> None:
    assert verdict_of(AgentOutcome(state, error_kind=kind)) is verdict


@pytest.mark.parametrize(
    "change", [{"format": FORMAT + 1}, {"format": None}, {"state": "ajar"}, {"trials": 3}, {"failed_at": None}]
)
def test_a_body_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EntryVersionError, match="the circuit of crm"):
        Circuit.from_dict({**OPENED.to_dict(), **change}, "crm")


@given(st.lists(st.tuples(st.sampled_from([*Verdict, "ask"]), st.floats(0, 50), st.integers(0, 3))))
def test_it_never_lets_more_trials_through_than_allowed_and_always_comes_back(
    moves: list[tuple[Any, float, int]],
) -> None:
    circuit, now = Circuit(), 0.0
    for move, seconds, number in moves:
        now += seconds
        if move == "ask":
            circuit = admit(circuit, LIMITS, now=now, trial=str(number), trial_s=10).circuit
        else:
            circuit = settle(circuit, LIMITS, move, now=now, trial=str(number))
        assert Circuit.from_dict(circuit.to_dict(), "x") == circuit
        assert len(circuit.trials) + circuit.passed <= LIMITS.half_open_calls
        assert len(circuit.failed_at) < LIMITS.failures
    assert admit(circuit, LIMITS, now=now + 60, trial="last", trial_s=10).refused_s is None or circuit.passed

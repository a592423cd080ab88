"""A circuit breaker as a value: closed, open, half-open. Pure; the time is passed in.

Closed counts failures within a window and opens at the limit. Open refuses until its time is over. Half-open lets a few
trials through: as many successes close it, one failure opens it again. A trial whose process dies gives its place back
when its time is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from agent_framework.core.shared_entry import check_format
from agent_framework.errors import EntryVersionError
from agent_framework.types import AgentOutcome, AttemptState, ErrorKind, JSONDict

FORMAT = 1


class CircuitState(StrEnum):
    """Where a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What an attempt says about what its agent calls."""

    FAILED = "failed"
    PASSED = "passed"
    UNKNOWN = "unknown"


def verdict_of(outcome: AgentOutcome) -> Verdict:
    """Time-outs and transient failures count against the circuit.

    An agent's own error and an answer of the wrong form speak for it: something answered. A crash, a spent budget, a
    skip and an interruption say nothing.
    """
    if outcome.state is AttemptState.SUCCEEDED:
        return Verdict.PASSED
    if outcome.state is not AttemptState.FAILED:
        return Verdict.UNKNOWN
    return _VERDICTS.get(outcome.error_kind or ErrorKind.ERROR, Verdict.UNKNOWN)


_VERDICTS: Mapping[ErrorKind, Verdict] = {
    ErrorKind.TIMEOUT: Verdict.FAILED,
    ErrorKind.TRANSIENT: Verdict.FAILED,
    ErrorKind.ERROR: Verdict.PASSED,
    ErrorKind.INVALID_OUTPUT: Verdict.PASSED,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When a circuit opens, for how long, and how many trials close it again. Times in seconds."""

    failures: int
    window_s: float
    open_s: float
    half_open_calls: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """One circuit. ``trials`` maps running trials to when they are given up; ``passed`` counts successful ones."""

    state: CircuitState = CircuitState.CLOSED
    failed_at: tuple[float, ...] = ()
    open_until: float = 0.0
    trials: Mapping[str, float] = field(default_factory=dict[str, float])
    passed: int = 0
    reason: str = ""

    def to_dict(self) -> JSONDict:
        """The stored form."""
        return {
            "format": FORMAT,
            "state": self.state.value,
            "failed_at": list(self.failed_at),
            "open_until": self.open_until,
            "trials": dict(self.trials),
            "passed": self.passed,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, body: JSONDict, name: str) -> "Circuit":
        """Read the stored form.

        Raises:
            EntryVersionError: another version wrote it.
        """
        check_format(body, FORMAT, f"the circuit of {name}")
        try:
            trials: Mapping[str, Any] = body["trials"]
            return cls(
                CircuitState(body["state"]),
                tuple(float(moment) for moment in body["failed_at"]),
                float(body["open_until"]),
                {str(trial): float(moment) for trial, moment in trials.items()},
                int(body["passed"]),
                str(body["reason"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise EntryVersionError(f"the circuit of {name} cannot be read, and is left as it is: {exc!r}") from exc

    def shown_state(self, now: float) -> CircuitState:
        """The state as the next attempt would find it."""
        over = self.state is CircuitState.OPEN and now >= self.open_until
        return CircuitState.HALF_OPEN if over else self.state


@dataclass(frozen=True, slots=True)
class Admission:
    """The circuit after somebody asked, and for how many seconds they are refused; None: they may go on."""

    circuit: Circuit
    refused_s: float | None = None


def admit(circuit: Circuit, limits: Limits, *, now: float, trial: str, trial_s: float) -> Admission:
    """Ask whether an attempt may start; ``trial`` names it and ``trial_s`` is the longest it may take."""
    if circuit.state is CircuitState.CLOSED:
        return Admission(circuit)
    if circuit.state is CircuitState.OPEN:
        if now < circuit.open_until:
            return Admission(circuit, circuit.open_until - now)
        circuit = replace(circuit, state=CircuitState.HALF_OPEN, trials={}, passed=0)
    running = {name: until for name, until in circuit.trials.items() if until > now}
    if len(running) + circuit.passed >= limits.half_open_calls:
        soonest = min(running.values(), default=now) - now
        return Admission(replace(circuit, trials=running), min(limits.open_s, max(soonest, 1.0)))
    return Admission(replace(circuit, trials={**running, trial: now + trial_s}))


def settle(circuit: Circuit, limits: Limits, verdict: Verdict, *, now: float, trial: str, reason: str = "") -> Circuit:
    """The circuit after an attempt ended. What started before the circuit opened changes it no more."""
    if circuit.state is CircuitState.CLOSED:
        return _counted(circuit, limits, now, reason) if verdict is Verdict.FAILED else circuit
    if circuit.state is CircuitState.OPEN or trial not in circuit.trials:
        return circuit
    if verdict is Verdict.FAILED:
        return _opened(limits, now, reason)
    running = {name: until for name, until in circuit.trials.items() if name != trial}
    passed = circuit.passed + (verdict is Verdict.PASSED)
    return Circuit() if passed >= limits.half_open_calls else replace(circuit, trials=running, passed=passed)


def _counted(circuit: Circuit, limits: Limits, now: float, reason: str) -> Circuit:
    recent = (*(moment for moment in circuit.failed_at if moment > now - limits.window_s), now)
    if len(recent) >= limits.failures:
        return _opened(limits, now, reason)
    return replace(circuit, failed_at=recent, reason=reason)


def _opened(limits: Limits, now: float, reason: str) -> Circuit:
    return Circuit(CircuitState.OPEN, open_until=now + limits.open_s, reason=reason)

"""What an agent's attempts in one step amount to, and whether another one follows. Pure.

This is the one place that decides about retries and fallbacks; crashes count, because attempts are stored before they
are dispatched.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from agent_framework.core.pinned import AgentPolicy, PinnedPlan
from agent_framework.types import AgentOutcome, Attempt, AttemptState, ErrorKind, JSONDict, value

StepAgent = tuple[int, str]
"""(seq of the step, name of the agent)."""


class Status(StrEnum):
    """Where one agent of one step stands."""

    UNSTARTED = "unstarted"
    OPEN = "open"
    RETRY = "retry"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"


@value
class Standing:
    """One agent of one step; under ``RETRY``, ``performer`` and ``delay_s`` (before jitter) tell the next attempt.

    ``at_least_s`` is a wait that somebody asked for, which jitter does not shorten.
    """

    status: Status
    attempts: int = 0
    performer: str = ""
    delay_s: float = 0.0
    at_least_s: float = 0.0
    reason: str | None = None
    error_kind: ErrorKind | None = None
    outcome: AgentOutcome | None = None


FINAL_KINDS = frozenset({ErrorKind.BUDGET, ErrorKind.REVIEW})
"""Failures after which the agent is not tried again, and nothing more of its step starts."""

UNSTARTED = Standing(Status.UNSTARTED)


Decisions = Mapping[str, JSONDict]
"""By the id of an approval, what was recorded of its decision."""

ASKED = "approvals"
"""Where the outcome of an attempt that waits names the approvals."""


def standings(
    attempts: Iterable[Attempt], plan: PinnedPlan, run: int, decisions: Decisions
) -> Mapping[StepAgent, Standing]:
    """The standing of every (step, agent) that has attempts in ``run``."""
    grouped: dict[StepAgent, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.key.run == run:
            grouped.setdefault((attempt.key.seq, attempt.key.agent), []).append(attempt)
    return {
        key: _standing(sorted(group, key=lambda a: a.key.number), plan, decisions) for key, group in grouped.items()
    }


_SETTLED = {
    AttemptState.SUCCEEDED: Status.SUCCEEDED,
    AttemptState.SKIPPED: Status.SKIPPED,
    AttemptState.INTERRUPTED: Status.INTERRUPTED,
}


def undecided(outcome: AgentOutcome | None, decisions: Decisions) -> list[str]:
    """Approvals that a waiting attempt still waits for."""
    asked: list[JSONDict] = outcome.detail.get(ASKED, []) if outcome else []
    return [approval["id"] for approval in asked if approval["id"] not in decisions]


def _standing(group: Sequence[Attempt], plan: PinnedPlan, decisions: Decisions) -> Standing:
    last = group[-1]
    if last.state.is_open:
        return Standing(Status.OPEN, len(group), last.performer)
    outcome = last.outcome or AgentOutcome(last.state, error="no outcome was stored", error_kind=ErrorKind.CRASH)
    if last.state in _SETTLED:
        return Standing(_SETTLED[last.state], len(group), last.performer, reason=outcome.error, outcome=outcome)
    if last.state is AttemptState.WAITING:
        status = Status.WAITING if undecided(outcome, decisions) else Status.RETRY
        return Standing(status, len(group), last.performer, outcome=outcome)
    following = _following(group, outcome, plan)
    return Standing(
        Status.RETRY if following else Status.FAILED,
        len(group),
        following[0] if following else last.performer,
        following[1] if following else 0.0,
        asked_for_s(outcome.retry_after_s) if following and following[1] else 0.0,
        reason=outcome.error,
        error_kind=outcome.error_kind,
        outcome=outcome,
    )


def _following(group: Sequence[Attempt], outcome: AgentOutcome, plan: PinnedPlan) -> tuple[str, float] | None:
    """Performer and delay in seconds of the attempt after a failed one; None when it was the last."""
    kind = outcome.error_kind or ErrorKind.ERROR
    if kind in FINAL_KINDS:
        return None
    performer = group[-1].performer
    policy = plan.policy(performer)
    tries = sum(1 for a in group if a.performer == performer and a.state is not AttemptState.WAITING)
    untried = policy.fallback not in {attempt.performer for attempt in group}
    if policy.fallback and untried and "circuit" in outcome.detail:
        return policy.fallback, 0.0  # the agent would only be refused again
    if kind in policy.retry_on and tries < policy.max_attempts:
        return performer, backoff_s(policy, tries, outcome.retry_after_s)
    if policy.fallback and untried:
        return policy.fallback, 0.0
    return None


def backoff_s(policy: AgentPolicy, tries: int, retry_after_s: float | None = None) -> float:
    """Seconds to wait after ``tries`` failures: ``initial * 2^(tries-1)`` up to ``max_s``, or longer if asked to."""
    return max(min(policy.max_s, policy.initial_s * 2.0 ** min(tries - 1, 30)), asked_for_s(retry_after_s))


def asked_for_s(retry_after_s: float | None) -> float:
    """The seconds that a provider or a circuit asked to wait, within reason."""
    return min(retry_after_s or 0.0, 900.0)


def jittered(delay_s: float, policy: AgentPolicy, random: Callable[[], float]) -> float:
    """Half to all of the delay, by ``random()`` in [0, 1)."""
    return delay_s * (0.5 + random() / 2) if policy.jitter else delay_s

"""How many durable operations a step may come to, and which plans fit into one execution. Pure.

Lambda gives an execution 3,000 operations. A job that needs more is carried on by another execution between two steps;
one step has to fit.
"""

from collections.abc import Iterator, Sequence

from agent_framework.core.pinned import PinnedPlan
from agent_framework.errors import ProjectError

MAX_OPERATIONS = 3000
"""What Lambda gives to one execution."""

RESERVED = 50
"""Kept back for carrying on, and for waits nobody foresaw."""

PER_STEP = 2
"""The first advance and the parallel operation."""

PER_WATCH = 10
"""Waits for the job's deadline and advances at it: two, and more where clocks differ by seconds."""

PER_ATTEMPT = 3
"""A wait before a retry, the invocation, and the advance after it."""

PER_FOREIGN_ATTEMPT = 40
"""Waits and advances until an attempt that an earlier execution started has ended, or is given up (910 s at most)."""


def operations(plan: PinnedPlan, agents: Sequence[str], *, foreign: int = 0) -> int:
    """What a step of ``agents`` may come to, with all attempts and fallbacks; each has one first look of its own."""
    attempts = sum(_most_attempts(plan, agent) for agent in agents)
    watch = 0 if plan.timeout_s is None else PER_WATCH
    return PER_STEP + watch + len(agents) + PER_ATTEMPT * attempts + PER_FOREIGN_ATTEMPT * foreign


def check_operations(plan: PinnedPlan, workers: Sequence[str] = (), *, limit: int = MAX_OPERATIONS) -> None:
    """Refuse a plan with a step that may not fit into one execution; ``workers`` are what an orchestrator may ask for.

    Raises:
        ProjectError: naming the rule, what its step may come to, and the remedy.
    """
    for where, agents in _widest(plan, workers):
        needed = operations(plan, agents)
        if needed > limit - RESERVED:
            raise ProjectError(
                f"{where} runs {len(agents)} agents at once and may need {needed} durable operations with all retries; "
                f"Lambda gives {limit} to one execution: split the step, lower retry.max_attempts, or set "
                "orchestration.engine: checkpoint"
            )


def _widest(plan: PinnedPlan, workers: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    for rule in plan.rules:
        for step in (*rule.steps, *rule.else_steps):
            if step.type == "parallel":
                yield f"rule {rule.name!r}", step.agents
    if plan.strategy == "agent":
        yield "a turn of the orchestrator, if it asks for every worker,", workers


def _most_attempts(plan: PinnedPlan, agent: str) -> int:
    """Attempts of the agent and of every fallback after it."""
    tries: dict[str, int] = {}
    performer: str | None = agent
    while performer is not None and performer not in tries:
        policy = plan.policy(performer)
        tries[performer] = policy.max_attempts
        performer = policy.fallback
    return sum(tries.values())

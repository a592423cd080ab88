"""What a step may come to in durable operations, and which plans are refused for it."""

from collections.abc import Sequence
from typing import Any

import pytest

from agent_framework.core.durable_limits import MAX_OPERATIONS, check_operations, operations
from agent_framework.core.pinned import AgentPolicy, PinnedPlan, PinnedRule
from agent_framework.errors import ProjectError
from agent_framework.types import Step


def plan(agents: Sequence[str], *, kind: str = "parallel", policies: dict[str, AgentPolicy] | None = None, **more: Any):
    rule = PinnedRule("all", "always", (Step(kind, tuple(agents)),))
    return PinnedPlan("dynamic", (rule,), policies=policies or {}, **more)


def named(count: int) -> list[str]:
    return [f"agent_{number}" for number in range(count)]


def test_every_attempt_of_every_agent_is_counted() -> None:
    assert operations(plan("ab"), "ab") == 2 + 2 + 2 * 3 * 3
    once = {"a": AgentPolicy(max_attempts=1)}
    assert operations(plan("a", policies=once), "a") == 2 + 1 + 3


def test_fallbacks_count_and_a_circle_of_them_once() -> None:
    policies = {"a": AgentPolicy(max_attempts=2, fallback="b"), "b": AgentPolicy(max_attempts=1, fallback="a")}
    assert operations(plan("a", policies=policies), "a") == 2 + 1 + 3 * 3


def test_a_deadline_and_attempts_of_an_earlier_execution_are_waited_for() -> None:
    bare = operations(plan("a"), "a")
    assert operations(plan("a", timeout_s=60.0), "a") == bare + 10
    assert operations(plan("a"), "a", foreign=1) == bare + 40


def test_a_step_that_fits_is_accepted_and_one_agent_more_is_refused() -> None:
    widest = next(count for count in range(1, 1000) if operations(plan(named(count)), named(count)) > 2950) - 1
    assert widest == 294
    check_operations(plan(named(widest)))
    with pytest.raises(ProjectError, match=r"rule 'all' runs 295 agents at once .* split the step, lower retry"):
        check_operations(plan(named(widest + 1)))


def test_agents_one_after_another_are_a_step_each() -> None:
    check_operations(plan(named(2000), kind="sequential"))


def test_an_orchestrator_may_ask_for_all_its_workers_at_once() -> None:
    turns = PinnedPlan("agent", (), orchestrator="chief")
    check_operations(turns, named(294))
    with pytest.raises(ProjectError, match="a turn of the orchestrator, if it asks for every worker"):
        check_operations(turns, named(295))


def test_the_limit_is_lambdas() -> None:
    assert MAX_OPERATIONS == 3000

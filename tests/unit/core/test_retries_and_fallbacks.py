"""The engine alone decides about retries: kinds, counts, waits, fallbacks, budgets, and attempts that are given up."""

from typing import Any

import pytest

from agent_framework.core.attempts import backoff_s, jittered
from agent_framework.core.decide import REDISPATCH_S
from agent_framework.core.pinned import GRACE_S, AgentPolicy
from agent_framework.types import AttemptState, ErrorKind, JobStatus
from tests.support.simulation import Simulation, fails, gives, plan_of, stumbles

COMPLETED, FAILED = JobStatus.COMPLETED, JobStatus.FAILED


def plan_with(retry: dict[str, Any] | None = None, **agent: Any) -> Any:
    return plan_of("", {"a": {**agent, "retry": {"jitter": False, **(retry or {})}}})


def test_a_transient_failure_is_tried_again_up_to_max_attempts() -> None:
    job = Simulation(plan_with(), script={"a": [stumbles(), stumbles(), gives(ok=1)]}).run()
    assert (job.status, job.ran) == (COMPLETED, ["a"] * 3)
    job = Simulation(plan_with(), script={"a": [stumbles("still busy")]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["a"] * 3, "agent a failed: still busy")


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.REVIEW])
def test_only_the_kinds_that_the_policy_names_are_tried_again(kind: ErrorKind) -> None:
    job = Simulation(plan_with(), script={"a": [fails(kind=kind), gives(ok=1)]}).run()
    expected = kind in (ErrorKind.CRASH, ErrorKind.TIMEOUT, ErrorKind.TRANSIENT)
    assert (job.status is COMPLETED) is expected
    never = Simulation(plan_with({"on": []}), script={"a": [fails(kind=kind), gives(ok=1)]}).run()
    assert never.status is FAILED


def test_waits_double_up_to_the_longest() -> None:
    policy = AgentPolicy(initial_s=1, max_s=5)
    assert [backoff_s(policy, tries) for tries in (1, 2, 3, 4, 100)] == [1, 2, 4, 5, 5]


def test_a_providers_own_wish_is_honoured_within_reason() -> None:
    policy = AgentPolicy(initial_s=1, max_s=5)
    assert (backoff_s(policy, 1, 30.0), backoff_s(policy, 1, 0.1), backoff_s(policy, 1, 1e9)) == (30, 1, 900)


def test_jitter_is_half_to_all_of_the_wait() -> None:
    assert (jittered(8, AgentPolicy(), lambda: 0.0), jittered(8, AgentPolicy(), lambda: 1.0)) == (4, 8)
    assert jittered(8, AgentPolicy(jitter=False), lambda: 0.0) == 8


def test_a_retry_is_not_started_before_its_time_and_the_job_is_due_then() -> None:
    job = Simulation(plan_with({"initial_seconds": 7}), script={"a": [stumbles(), gives(ok=1)]}).until_running("a")
    job.end(job.running("a"))
    move = job.advance()
    assert (move.dispatch, job.ready(), job.store.job.due_at) == ((), [], 1007)
    job.store.now = 1007
    assert [attempt.key.number for attempt in job.advance().dispatch] == [2]


def test_a_fallback_stands_in_under_the_original_name_once_the_agent_is_spent() -> None:
    plan = plan_of("", {"a": {"fallback": "b", "retry": {"max_attempts": 2}}, "b": {"type": "orchestrator"}})
    job = Simulation(plan, script={"a": [stumbles()], "b": [gives(by="b")]}).run()
    assert (job.status, job.ran, job.results) == (COMPLETED, ["a", "a", "b"], {"a": {"by": "b"}})
    assert job.store.results["a"].produced_by == "b"
    assert job.failed_agents == {}


def test_a_permanent_failure_asks_the_fallback_at_once() -> None:
    plan = plan_of("", {"a": {"fallback": "b"}, "b": {"type": "orchestrator"}})
    assert Simulation(plan, script={"a": [fails()]}).run().ran == ["a", "b"]


def test_a_fallback_has_its_own_retries_and_fallbacks_in_a_circle_end() -> None:
    plan = plan_of("", {"a": {"fallback": "b"}, "b": {"type": "orchestrator", "fallback": "a"}})
    job = Simulation(plan, script={"a": [fails("one")], "b": [stumbles(), stumbles(), fails("two")]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["a", "b", "b", "b"], "agent a failed: two")


def test_a_spent_budget_stops_the_job_even_under_continue_and_asks_no_fallback() -> None:
    plan = plan_of("on_error: continue\nstrategy: sequential", {"a": {"fallback": "c"}, "b": {}, "c": {}})
    job = Simulation(plan, script={"a": [fails("no money", ErrorKind.BUDGET)]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["a"], "agent a failed: no money")


# -- attempts that nobody finishes ---------------------------------------------------------------------------------


def test_an_attempt_of_a_dead_process_counts_as_a_crash_and_is_tried_again() -> None:
    job = Simulation(plan_with({"initial_seconds": 0})).until_running("a")
    second = job.resumed(job.store)
    second.run()
    attempts = sorted(second.store.attempts.values(), key=lambda attempt: attempt.key.number)
    assert [attempt.state for attempt in attempts] == [AttemptState.ABANDONED, AttemptState.SUCCEEDED]
    assert attempts[0].outcome is not None
    assert attempts[0].outcome.error_kind is ErrorKind.CRASH


def test_crashes_count_against_max_attempts() -> None:
    job = Simulation(plan_with({"max_attempts": 2, "initial_seconds": 0})).until_running("a")
    job = job.resumed(job.store, "second").until_running("a")
    job = job.resumed(job.store, "third").run()
    assert (job.status, job.reason) == (FAILED, "agent a failed: its process died")


def test_an_attempt_past_its_time_and_grace_is_given_up() -> None:
    job = Simulation(plan_with({"max_attempts": 1}, runtime={"timeout": 60})).until_running("a")
    job.store.now += 60 + GRACE_S - 0.1
    job.advance()
    assert job.status is JobStatus.RUNNING
    job.store.now += 0.1
    job.run()
    assert (job.status, job.reason) == (FAILED, "agent a failed: no outcome came in time")


def test_a_job_that_is_due_because_an_attempts_time_is_over_is_not_due_again_at_once() -> None:
    job = Simulation(plan_with({"initial_seconds": 5}, runtime={"timeout": 60})).until_running("a")
    job.advance()
    assert job.store.job.due_at == job.store.now + 60 + GRACE_S
    job.store.now = job.store.job.due_at
    assert job.advance().changes.settle
    assert job.store.job.due_at == job.store.now + 5


def test_row_18_an_attempt_that_nobody_started_is_dispatched_again_when_it_is_due() -> None:
    job = Simulation(plan_with())
    job.advance()
    job.advance()
    assert job.store.job.due_at == 1000 + REDISPATCH_S
    job.store.now += REDISPATCH_S
    assert [attempt.key.number for attempt in job.advance().dispatch] == [1]


def test_a_job_with_started_attempts_is_due_when_the_first_of_them_must_be_over() -> None:
    job = Simulation(plan_of("", {"a": {"runtime": {"timeout": 50}}, "b": {"runtime": {"timeout": 20}}}))
    job.until_running("a", "b")
    job.advance()
    assert job.store.job.due_at == 1000 + 20 + GRACE_S


def test_jitter_does_not_shorten_a_wait_that_was_asked_for() -> None:
    plan = plan_of("", {"a": {"retry": {"initial_seconds": 1, "jitter": True}}})
    busy = fails("busy", ErrorKind.TRANSIENT, retry_after_s=30)
    job = Simulation(plan, script={"a": [busy, gives(ok=1)]}).until_running("a")
    job.end(job.running("a"))
    job.advance()
    assert job.store.job.due_at == job.store.now + 30

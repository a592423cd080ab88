"""What a job that failed tells: the seed's six fields, from the records alone."""

from typing import Any

import pytest

from agent_framework.core.failure_report import failed_agents, failure_report
from agent_framework.types import AgentOutcome, AttemptState, ErrorKind
from tests.support.simulation import Simulation, asks_for, fails, gives, plan_of

RULES = """
selection_rules:
  - {name: first, agents: [a, {parallel: [b, c]}]}
"""


def named(code: str, kind: ErrorKind = ErrorKind.ERROR, reason: str = "no ink") -> AgentOutcome:
    return AgentOutcome(AttemptState.FAILED, error=reason, error_kind=kind, detail={"error_code": code})


def report_of(job: Simulation) -> dict[str, Any]:
    report = failure_report(job.store.snapshot())
    assert report is not None
    return report


def test_partial_results_are_those_of_the_agents_that_completed() -> None:
    job = Simulation(plan_of(RULES), {"session_id": "s1"}, {"b": [named("KeyError")], "c": [gives(n=3)]}).run()
    report = report_of(job)
    assert list(report) == ["error", "error_code", "partial_results", "failed_stage", "suggestions", "session_id"]
    assert (report["error"], report["error_code"]) == ("agent b failed: no ink", "KeyError")
    assert report["partial_results"] == {"a": {"by": "a"}, "c": {"n": 3}}
    assert (report["failed_stage"], report["session_id"]) == ("first/b", "s1")
    assert report["suggestions"][0] == (
        "once that is mended: agent-framework jobs retry job (completed agents are kept)"
    )


def test_a_completed_job_has_no_report_and_lists_the_agents_it_went_on_without() -> None:
    job = Simulation(plan_of("on_error: continue\n" + RULES), {}, {"b": [fails("no ink")]}).run()
    assert failure_report(job.store.snapshot()) is None
    assert failed_agents(job.store.snapshot()) == {"b": "no ink"}


def test_a_job_that_goes_on_has_neither() -> None:
    job = Simulation(plan_of(RULES)).until_running("a")
    assert (failure_report(job.store.snapshot()), failed_agents(job.store.snapshot())) == (None, {})


@pytest.mark.parametrize(
    ("outcome", "code", "remedy"),
    [
        (fails(kind=ErrorKind.TIMEOUT), "AgentTimeoutError", "agents.a.runtime.timeout"),
        (fails(kind=ErrorKind.CRASH), "AgentCrashed", "logs of a"),
        (fails(kind=ErrorKind.BUDGET), "BudgetExceededError", "orchestration.budget"),
        (fails(kind=ErrorKind.INVALID_OUTPUT), "OutputValidationError", "output type of a"),
        (fails(kind=ErrorKind.TRANSIENT), "RetryableError", "try again later"),
        (named("ModelError", ErrorKind.TRANSIENT), "ModelError", "llm.fallback_model"),
        (named("CircuitOpenError", ErrorKind.TRANSIENT), "CircuitOpenError", "policies show"),
    ],
)
def test_the_first_suggestion_is_the_remedy_for_the_cause(outcome: AgentOutcome, code: str, remedy: str) -> None:
    report = report_of(Simulation(plan_of("", ["a"]), {}, {"a": [outcome]}).run())
    assert report["error_code"] == code
    assert remedy in report["suggestions"][0]


def test_a_job_that_no_rule_matched_failed_at_the_rules() -> None:
    rules = 'selection_rules: [{name: big, condition: "input.n > 5", agents: [a]}]'
    report = report_of(Simulation(plan_of(rules), {"n": 1}).run())
    assert (report["error_code"], report["failed_stage"]) == ("NoRuleMatched", "selection_rules")
    assert "'agent-framework plan' shows" in report["suggestions"][0]


def test_a_deadline_names_the_step_it_fell_into() -> None:
    job = Simulation(plan_of("timeout_seconds: 5\n" + RULES), {}, {}).until_running("a")
    job.store.now += 6
    report = report_of(job.run())
    assert (report["error_code"], report["failed_stage"]) == ("JobDeadline", "first/a")
    assert "orchestration.timeout_seconds" in report["suggestions"][0]


def test_a_cancelled_job_keeps_what_was_finished_and_is_not_told_to_be_retried() -> None:
    job = Simulation(plan_of(RULES), {}).until_running("a")
    job.end(job.running("a"))
    job.cancel()
    report = report_of(job.run())
    assert (report["error_code"], report["partial_results"]) == ("JobCancelled", {"a": {"by": "a"}})
    assert not any("retry" in suggestion for suggestion in report["suggestions"])


def test_a_turn_of_the_orchestrator_is_a_stage_too() -> None:
    agents = {"boss": {"type": "orchestrator"}, "a": {}}
    job = Simulation(plan_of("strategy: agent", agents), {}, {"boss": [asks_for("a"), named("ModelError")]}).run()
    report = report_of(job)
    assert (report["failed_stage"], report["partial_results"]) == ("turn/boss", {"a": {"by": "a"}})


def test_a_second_run_is_told_by_its_own_records() -> None:
    job = Simulation(plan_of(RULES), {}, {"b": [fails("first"), fails("second")]}).run()
    job.retry()
    report = report_of(job.run())
    assert report["error"] == "agent b failed: second"

"""What a plan means (ARCHITECTURE 5): rules, else, agents at most once, phases, and how a job ends."""

import pytest

from agent_framework.errors import ProjectError
from agent_framework.types import EventKind, JobStatus
from tests.support.simulation import Simulation, asks_for, fails, gives, plan_of, skips, stumbles

COMPLETED, FAILED = JobStatus.COMPLETED, JobStatus.FAILED


def rules(*lines: str, more: str = "") -> str:
    return more + "\nselection_rules:\n" + "\n".join(f"  - {line}" for line in lines)


# -- rules ---------------------------------------------------------------------------------------------------------


def test_rules_are_taken_in_order_and_each_contributes_its_steps() -> None:
    plan = plan_of(rules("{name: one, agents: [a]}", "{name: two, agents: [{parallel: [b, c]}, d]}"))
    job = Simulation(plan).run()
    assert (job.status, job.steps) == (COMPLETED, [["a"], ["b", "c"], ["d"]])


def test_a_rule_is_evaluated_when_it_is_reached_so_that_it_sees_results() -> None:
    plan = plan_of(
        rules(
            "{name: first, agents: [a]}",
            '{name: low, condition: "results.a.score < 0.5", agents: [b]}',
            '{name: high, condition: "prev_step.score >= 0.5", agents: [c]}',
        )
    )
    assert Simulation(plan, script={"a": [gives(score=0.3)]}).run().steps == [["a"], ["b"]]
    assert Simulation(plan, script={"a": [gives(score=0.9)]}).run().steps == [["a"], ["c"]]


def test_a_verdict_is_recorded_with_the_values_it_saw_before_its_agents_start() -> None:
    plan = plan_of(rules('{name: r, condition: "input.n > 2 and input.x == 1 or exists(input.y)", agents: [a]}'))
    job = Simulation(plan, {"n": 3, "y": None}).until_running("a")
    (verdict,) = job.events(EventKind.RULE)
    assert (verdict["verdict"], verdict["branch"], verdict["rule"]) == (True, "agents", "r")
    assert (verdict["values"], verdict["missing"]) == ({"input.n": 3, "input.y": None}, ["input.x"])
    assert [event.kind for event in job.store.events] == [EventKind.STARTED, EventKind.RULE, EventKind.STEP]


def test_what_was_decided_is_never_evaluated_again() -> None:
    plan = plan_of(
        rules(
            '{name: once, condition: "not exists(results.a)", agents: [a, b]}',
            '{name: then, condition: "exists(results.a)", agents: [c]}',
        )
    )
    job = Simulation(plan).run()
    assert job.steps == [["a"], ["b"], ["c"]]
    assert [data["rule"] for data in job.events(EventKind.RULE)] == ["once", "then"]


def test_else_counts_as_a_match() -> None:
    plan = plan_of(rules('{name: r, condition: "input.big", agents: [a], else: [b]}'))
    job = Simulation(plan, {"big": False}).run()
    assert (job.status, job.steps, job.rule("r")["branch"]) == (COMPLETED, [["b"]], "else")


def test_no_rule_matched_fails_the_job_and_lists_each_condition_with_its_values() -> None:
    plan = plan_of(
        rules(
            "{name: money, condition: \"input.kind == 'financial'\", agents: [a]}",
            '{name: doubt, condition: "prev_step.confidence < 0.7 and input.n > 5", agents: [b]}',
        )
    )
    job = Simulation(plan, {"kind": "sports", "n": 1}).run()
    assert (job.status, job.ran) == (FAILED, [])
    assert job.reason == (
        "no rule matched: money: input.kind == 'financial' saw input.kind = 'sports'; "
        "doubt: prev_step.confidence < 0.7 and input.n > 5 saw input.n = 1, prev_step.confidence is missing"
    )


def test_only_success_rules_count_for_no_rule_matched() -> None:
    plan = plan_of(
        rules(
            '{name: never, condition: "input.x", agents: [a]}',
            "{name: clean, when: finally, agents: [b]}",
            "{name: alarm, when: failure, agents: [c]}",
        )
    )
    job = Simulation(plan).run()
    assert (job.status, job.steps) == (FAILED, [["b"]])
    assert (job.reason or "").startswith("no rule matched: never")


def test_a_matching_rule_that_runs_nothing_is_a_match() -> None:
    assert Simulation(plan_of(rules("{name: r, agents: []}"))).run().status is COMPLETED


def test_an_agent_runs_at_most_once_and_a_later_mention_is_recorded() -> None:
    plan = plan_of(rules("{name: one, agents: [{sequential: [a, c]}]}", "{name: two, agents: [{parallel: [b, c]}, a]}"))
    job = Simulation(plan).run()
    assert (job.status, sorted(job.ran)) == (COMPLETED, ["a", "b", "c"])
    assert job.skipped == {"a": "already_completed", "c": "already_completed"}


def test_rerun_runs_it_again_under_a_new_seq_and_the_newest_result_counts() -> None:
    plan = plan_of(rules("{name: one, agents: [a, b, {sequential: [a], rerun: true}]}"))
    job = Simulation(plan, script={"a": [gives(draft=1), gives(draft=2)]}).run()
    assert (job.ran, job.results["a"]) == (["a", "b", "a"], {"draft": 2})
    seqs = [key.seq for key in job.store.attempts if key.agent == "a"]
    assert len(set(seqs)) == 2
    assert job.events(EventKind.STEP)[-1]["superseded"] == {"a": {"draft": 1}}


def test_an_agent_that_failed_is_not_asked_again_by_a_later_rule() -> None:
    plan = plan_of(rules("{name: one, agents: [a]}", "{name: two, agents: [a, b]}", more="on_error: continue"))
    job = Simulation(plan, script={"a": [fails()]}).run()
    assert (job.ran, job.skipped) == (["a", "b"], {"a": "already_failed"})


def test_an_agent_that_skipped_itself_counts_as_done() -> None:
    plan = plan_of(rules("{name: one, agents: [a, b]}", "{name: two, agents: [a]}"))
    job = Simulation(plan, script={"a": [skips("no rows")]}).run()
    assert (job.status, job.ran, job.skipped) == (COMPLETED, ["a", "b"], {"a": "already_skipped"})
    assert "a" not in job.results
    assert job.failed_agents == {}


# -- without rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "steps"),
    [("dynamic", [["a", "b", "c"]]), ("parallel", [["a", "b", "c"]]), ("sequential", [["a"], ["b"], ["c"]])],
)
def test_without_rules_all_workers_run_as_the_strategy_says(strategy: str, steps: list[list[str]]) -> None:
    agents = {"boss": {"type": "orchestrator"}, "a": {}, "b": {}, "c": {}}
    job = Simulation(plan_of(f"strategy: {strategy}", agents)).run()
    assert (job.status, job.steps) == (COMPLETED, steps)


def test_with_rules_their_own_steps_decide() -> None:
    plan = plan_of(rules("{name: r, agents: [{parallel: [a, b]}]}", more="strategy: sequential"))
    assert Simulation(plan).run().steps == [["a", "b"]]


def test_rules_for_failures_alone_leave_the_workers_to_the_strategy() -> None:
    plan = plan_of(rules("{name: r, when: failure, agents: [c]}"), ("a", "b", "c"))
    job = Simulation(plan, script={"a": [fails()]}).run()
    assert (job.status, job.steps) == (FAILED, [["a", "b", "c"]])


def test_a_project_without_agents_completes_with_nothing_done() -> None:
    assert Simulation(plan_of("", ())).run().status is COMPLETED


def test_rules_that_name_unknown_agents_are_refused_when_the_plan_is_pinned() -> None:
    with pytest.raises(ProjectError, match="agents that do not exist: ghost"):
        plan_of(rules("{name: r, agents: [ghost]}"))


# -- failures ------------------------------------------------------------------------------------------------------


def test_on_error_stop_leaves_the_success_phase_and_the_job_fails() -> None:
    job = Simulation(plan_of(rules("{name: r, agents: [a, b]}")), script={"a": [fails("no file")]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["a"], "agent a failed: no file")
    assert job.failed_agents == {"a": "no file"}


def test_on_error_continue_goes_on_and_the_job_completes_with_the_failure_listed() -> None:
    plan = plan_of(rules("{name: r, agents: [a, b]}", more="on_error: continue"))
    job = Simulation(plan, script={"a": [fails("no file")]}).run()
    assert (job.status, job.ran, job.reason) == (COMPLETED, ["a", "b"], None)
    assert job.failed_agents == {"a": "no file"}


def test_a_rules_own_on_error_wins_over_the_jobs() -> None:
    lenient = rules("{name: r, agents: [a], on_error: continue}", "{name: s, agents: [b, c]}")
    job = Simulation(plan_of(lenient), script={"a": [fails()], "b": [fails("late")]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["a", "b"], "agent b failed: late")
    strict = rules("{name: r, agents: [a], on_error: stop}", "{name: s, agents: [b]}", more="on_error: continue")
    assert Simulation(plan_of(strict), script={"a": [fails()]}).run().status is FAILED


def test_inside_a_sequential_item_continue_goes_to_the_next_agent() -> None:
    plan = plan_of(rules("{name: r, agents: [{sequential: [a, b, c]}]}", more="on_error: continue"))
    assert Simulation(plan, script={"b": [fails()]}).run().ran == ["a", "b", "c"]


def test_row_31_siblings_of_a_failing_agent_settle_and_are_stored_and_nothing_starts_after() -> None:
    plan = plan_of(rules("{name: r, agents: [{parallel: [a, b, c]}, d]}"))
    job = Simulation(plan, script={"a": [fails()]}).until_running("a", "b", "c")
    job.end(job.running("a"))
    job.advance()
    assert job.status is JobStatus.RUNNING
    job.run()
    assert (job.status, sorted(job.results), job.ran) == (FAILED, ["b", "c"], ["a", "b", "c"])


def test_siblings_that_had_not_started_stay_unstarted() -> None:
    plan = plan_of(rules("{name: r, agents: [{parallel: [a, b, c]}]}", more="max_concurrent_agents: 1"))
    job = Simulation(plan, script={"a": [fails()]}).run()
    assert (job.status, job.ran) == (FAILED, ["a"])


def test_a_sibling_still_gets_its_retries_whichever_of_the_two_ends_first() -> None:
    plan = plan_of(rules("{name: r, agents: [{parallel: [a, b]}, c]}"))
    script = {"a": [stumbles(), gives(ok=1)], "b": [fails()]}
    for choose in (lambda count: 0, lambda count: count - 1):
        job = Simulation(plan, script=script).run(choose)
        assert (job.status, sorted(job.ran), job.results) == (FAILED, ["a", "a", "b"], {"a": {"ok": 1}})


def test_max_concurrent_agents_holds_and_starts_in_list_order() -> None:
    plan = plan_of(rules("{name: r, agents: [{parallel: [e, d, c, b, a]}]}", more="max_concurrent_agents: 2"))
    job = Simulation(plan).until_running("e", "d")
    job.end(job.running("d"))
    job.until_running("e", "c")
    job.run()
    assert (job.ran, job.most_at_once) == (["e", "d", "c", "b", "a"], 2)


# -- phases --------------------------------------------------------------------------------------------------------

PHASES = rules(
    "{name: clean, when: finally, agents: [e]}",
    "{name: alarm, when: failure, agents: [d]}",
    "{name: work, agents: [a, b]}",
    "{name: more, agents: [c]}",
)


def test_failure_rules_run_only_after_a_failure_and_finally_rules_always() -> None:
    assert Simulation(plan_of(PHASES)).run().ran == ["a", "b", "c", "e"]
    job = Simulation(plan_of(PHASES), script={"a": [fails()]}).run()
    assert (job.status, job.ran) == (FAILED, ["a", "d", "e"])


def test_failure_rules_run_even_after_a_tolerated_failure() -> None:
    plan = plan_of("on_error: continue" + PHASES)
    job = Simulation(plan, script={"a": [fails()]}).run()
    assert (job.status, job.ran) == (COMPLETED, ["a", "b", "c", "d", "e"])


def test_a_failure_in_the_failure_phase_still_lets_finally_run_and_keeps_the_first_reason() -> None:
    job = Simulation(plan_of(PHASES), script={"a": [fails("first")], "d": [fails("second")]}).run()
    assert (job.ran, job.reason) == (["a", "d", "e"], "agent a failed: first")
    assert job.failed_agents == {"a": "first", "d": "second"}


def test_a_failing_finally_rule_fails_the_job() -> None:
    job = Simulation(plan_of(PHASES), script={"e": [fails("full")]}).run()
    assert (job.status, job.reason) == (FAILED, "agent e failed: full")


def test_failure_conditions_can_read_which_agents_failed() -> None:
    plan = plan_of(
        rules(
            "{name: r, agents: [a]}", "{name: f, when: failure, condition: \"'a' in job.failed_agents\", agents: [b]}"
        )
    )
    assert Simulation(plan, script={"a": [fails()]}).run().ran == ["a", "b"]


# -- cancel, deadline ----------------------------------------------------------------------------------------------


def test_a_cancel_before_the_start_runs_nothing() -> None:
    job = Simulation(plan_of(PHASES))
    job.cancel()
    job.run()
    assert (job.status, job.ran) == (JobStatus.CANCELLED, [])


def test_a_cancel_in_the_middle_starts_nothing_more_not_even_finally() -> None:
    job = Simulation(plan_of(PHASES)).until_running("a")
    job.cancel()
    job.run()
    assert (job.status, job.ran) == (JobStatus.CANCELLED, ["a"])
    assert all(not attempt.state.is_open for attempt in job.store.attempts.values())


def test_a_deadline_fails_the_job_gives_up_what_runs_and_still_runs_failure_and_finally_rules() -> None:
    job = Simulation(plan_of("timeout_seconds: 60" + PHASES)).until_running("a")
    job.store.now += 61
    job.run()
    assert (job.status, job.ran) == (FAILED, ["a", "d", "e"])
    assert "longer than 60 seconds (orchestration.timeout_seconds)" in (job.reason or "")
    assert "a" in job.failed_agents


def test_a_job_is_due_when_its_deadline_is() -> None:
    job = Simulation(plan_of("timeout_seconds: 20\n" + PHASES)).until_running("a")
    job.advance()
    assert job.store.job.due_at == 1020


# -- a new run -----------------------------------------------------------------------------------------------------


def test_a_retried_job_keeps_completed_agents_and_runs_the_others_again() -> None:
    plan = plan_of(rules("{name: r, agents: [{parallel: [a, b]}, c]}"))
    job = Simulation(plan, script={"b": [fails(), gives(ok=1)]}).run()
    assert job.status is FAILED
    job.retry()
    job.run()
    assert (job.status, job.ran) == (COMPLETED, ["a", "b", "b", "c"])
    assert job.results == {"a": {"by": "a"}, "b": {"ok": 1}, "c": {"by": "c"}}


def test_conditions_of_a_new_run_see_the_kept_results_where_the_plan_reaches_them() -> None:
    plan = plan_of(
        rules(
            "{name: r, agents: [a]}",
            '{name: s, condition: "prev_step.score > 1", agents: [b]}',
            "{name: t, agents: [c]}",
        )
    )
    job = Simulation(plan, script={"a": [gives(score=2)], "b": [fails(), gives()]}).run()
    job.retry()
    job.run()
    assert (job.status, job.ran) == (COMPLETED, ["a", "b", "b", "c"])


def test_facts_that_were_published_are_kept_in_a_new_run() -> None:
    plan = plan_of(rules("{name: r, agents: [a]}"), {"boss": {"type": "orchestrator"}, "a": {}}, prepares=True)
    job = Simulation(plan, script={"a": [fails(), gives()]}).run()
    job.retry()
    job.run()
    assert (job.status, job.ran) == (COMPLETED, ["boss", "a", "a"])


# -- the orchestrator agent ----------------------------------------------------------------------------------------

BOSS = {"boss": {"type": "orchestrator"}, "a": {}, "b": {}, "c": {}}


def test_prepare_publishes_facts_that_the_rules_read() -> None:
    plan = plan_of(rules('{name: r, condition: "results.boss.kind == 1", agents: [a], else: [b]}'), BOSS, prepares=True)
    assert Simulation(plan, script={"boss": [gives(kind=1)]}).run().ran == ["boss", "a"]
    assert Simulation(plan, script={"boss": [gives(kind=2)]}).run().ran == ["boss", "b"]


def test_a_failing_prepare_stops_the_job_even_under_continue() -> None:
    plan = plan_of(rules("{name: r, agents: [a]}", more="on_error: continue"), BOSS, prepares=True)
    job = Simulation(plan, script={"boss": [fails("no table")]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["boss"], "agent boss failed: no table")


def test_an_orchestrator_agents_calls_become_a_step_and_its_turn_goes_on_with_the_results() -> None:
    script = {"boss": [asks_for("a", "b"), asks_for("c"), gives(summary="done")]}
    job = Simulation(plan_of("strategy: agent", BOSS), script=script).run()
    assert (job.status, job.steps) == (COMPLETED, [["boss"], ["a", "b"], ["boss"], ["c"], ["boss"]])
    assert job.results["boss"] == {"summary": "done"}


def test_asking_again_returns_the_stored_result_without_running_the_worker() -> None:
    script = {"boss": [asks_for("a"), asks_for("a", "b"), asks_for("a"), gives(summary="done")]}
    job = Simulation(plan_of("strategy: agent", BOSS), script=script).run()
    assert (job.status, job.ran) == (COMPLETED, ["boss", "a", "boss", "b", "boss", "boss"])
    assert job.skipped == {"a": "already_completed"}


def test_turns_are_capped() -> None:
    job = Simulation(plan_of({"strategy": "agent", "max_turns": 3}, BOSS), script={"boss": [asks_for("a")]}).run()
    assert (job.status, job.ran.count("boss")) == (FAILED, 3)
    assert job.reason == "boss asked for workers in 3 turns, the limit (orchestration.max_turns)"


def test_the_cap_on_turns_still_fails_the_job_when_finally_rules_run_after_it() -> None:
    more = "strategy: agent\nmax_turns: 2"
    plan = plan_of(rules("{name: f, when: finally, agents: [b, c]}", more=more), BOSS)
    job = Simulation(plan, script={"boss": [asks_for("a")]}).run()
    assert (job.status, job.ran) == (FAILED, ["boss", "a", "boss", "b", "c"])
    assert "in 2 turns, the limit" in (job.reason or "")


def test_a_turn_that_stumbles_is_repeated_and_counts_once() -> None:
    script = {"boss": [asks_for("a"), stumbles(), gives(ok=1)]}
    job = Simulation(plan_of({"strategy": "agent", "max_turns": 2}, BOSS), script=script).run()
    assert (job.status, job.ran) == (COMPLETED, ["boss", "a", "boss", "boss"])


def test_under_continue_a_failed_worker_is_told_to_the_orchestrator() -> None:
    script = {"boss": [asks_for("a"), asks_for("a"), gives(ok=1)], "a": [fails()]}
    job = Simulation(plan_of({"strategy": "agent", "on_error": "continue"}, BOSS), script=script).run()
    assert (job.status, job.ran) == (COMPLETED, ["boss", "a", "boss", "boss"])
    assert job.skipped == {"a": "already_failed"}
    assert set(job.failed_agents) == {"a"}


def test_a_failed_orchestrator_fails_the_job_and_finally_rules_still_run() -> None:
    plan = plan_of(rules("{name: f, when: finally, agents: [c]}", more="strategy: agent"), BOSS)
    job = Simulation(plan, script={"boss": [fails("no model")]}).run()
    assert (job.status, job.ran, job.reason) == (FAILED, ["boss", "c"], "agent boss failed: no model")

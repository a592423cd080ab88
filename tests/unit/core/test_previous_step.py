"""What ``prev_step`` shows: the item reached just before, its agents by name, and one agent's fields in the open."""

import pytest

from agent_framework.types import AgentOutcome
from tests.support.simulation import Simulation, fails, gives, plan_of, skips


def seen(items: str, question: str, script: dict[str, list[AgentOutcome]], *, on_error: str = "continue") -> bool:
    """Whether a rule after ``items`` finds ``question`` to hold."""
    plan = plan_of(
        f"""
        on_error: {on_error}
        selection_rules:
          - {{name: before, agents: {items}}}
          - {{name: asked, condition: "{question}", agents: []}}
        """
    )
    return bool(Simulation(plan, script=script).run().rule("asked")["verdict"])


SCORES = {"a": [gives(score=1, only_a=True)], "b": [gives(score=2)], "c": [gives(c="field", score=3)]}


@pytest.mark.parametrize(
    ("items", "question", "holds"),
    [
        ("[a]", "prev_step.score == 1", True),
        ("[a]", "prev_step.a.score == 1", True),
        ("[{sequential: [a, b]}]", "prev_step.score == 2", True),
        ("[{sequential: [a, b]}]", "prev_step.a.score == 1", True),
        ("[{sequential: [a, b]}]", "exists(prev_step.only_a)", False),
        ("[{parallel: [a]}]", "prev_step.score == 1", True),
        ("[{parallel: [a, b]}]", "exists(prev_step.score)", False),
        ("[{parallel: [a, b]}]", "prev_step.b.score == 2", True),
        ("[a, b]", "exists(prev_step.a)", False),
        ("[a, b]", "prev_step.b.score == 2", True),
        ("[c]", "prev_step.c.score == 3", True),
        ("[c]", "prev_step.c == 'field'", False),
    ],
)
def test_the_item_before_speaks(items: str, question: str, holds: bool) -> None:
    assert seen(items, question, SCORES) is holds


def test_there_is_no_previous_step_before_the_first() -> None:
    plan = plan_of("selection_rules: [{name: r, condition: 'exists(prev_step.score)', agents: [a], else: [b]}]")
    assert Simulation(plan).run().ran == ["b"]


def test_a_failed_agent_exposes_nothing() -> None:
    script = {"a": [fails()], "b": [gives(score=2)]}
    assert not seen("[a]", "exists(prev_step.a) or exists(prev_step.error)", script)
    assert seen("[{parallel: [a, b]}]", "prev_step.b.score == 2 and not exists(prev_step.a)", script)
    assert not seen("[{sequential: [b, a]}]", "exists(prev_step.score)", script)


def test_an_agent_that_skipped_itself_exposes_nothing() -> None:
    assert not seen("[a]", "exists(prev_step.a)", {"a": [skips()]})


def test_an_agent_that_fails_when_it_is_run_again_exposes_not_even_its_old_result() -> None:
    items = "[a, {sequential: [a], rerun: true}]"
    script = {"a": [gives(score=1), fails()]}
    assert not seen(items, "exists(prev_step.a) or exists(prev_step.score)", script)
    assert seen(items, "results.a.score == 1", script)


def test_a_rerun_shows_the_newest_result() -> None:
    assert seen("[a, {sequential: [a], rerun: true}]", "prev_step.score == 2", {"a": [gives(score=1), gives(score=2)]})


def test_an_item_whose_agents_all_ran_before_is_reached_and_shows_their_stored_results() -> None:
    assert seen("[a, b, {sequential: [a]}]", "prev_step.score == 1", SCORES)
    assert seen("[a, {parallel: [a, b]}]", "prev_step.a.score == 1 and prev_step.b.score == 2", SCORES)


def test_an_item_of_a_rule_that_did_not_match_is_not_reached() -> None:
    plan = plan_of(
        """
        selection_rules:
          - {name: one, agents: [a]}
          - {name: two, condition: "input.never", agents: [b]}
          - {name: three, condition: "prev_step.score == 1", agents: [c]}
        """
    )
    assert Simulation(plan, script=SCORES).run().ran == ["a", "c"]


def test_an_item_that_failed_agents_leave_empty_is_reached_all_the_same() -> None:
    assert not seen("[a, b]", "exists(prev_step.score)", {"a": [gives(score=1)], "b": [fails()]})


def test_results_show_any_completed_agent_and_no_failed_one() -> None:
    assert seen("[a, b, c]", "results.a.score == 1 and results.c.score == 3 and not exists(results.b)",
                {**SCORES, "b": [fails()]})  # fmt: skip


def test_a_failure_rule_sees_the_item_that_failed() -> None:
    plan = plan_of(
        """
        selection_rules:
          - {name: one, agents: [{parallel: [a, b]}]}
          - {name: alarm, when: failure, condition: "exists(prev_step.b) and not exists(prev_step.a)", agents: [c]}
        """
    )
    assert Simulation(plan, script={"a": [fails()]}).run().ran == ["a", "b", "c"]

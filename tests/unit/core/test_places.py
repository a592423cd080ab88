"""What follows on a step is found out once for all jobs of a plan, and only where it is the same for all of them.

That it makes no difference to any decision is checked by every simulated job (`tests.support.simulation`).
"""

from typing import Any

import pytest

from agent_framework.core.cursor import MOST_PLACES, MOST_SEEN, Cursor, Place, Places
from agent_framework.core.decide import Move, decide
from agent_framework.core.plan import Planner
from agent_framework.types import JobStatus, JSONDict
from tests.support.simulation import Script, Simulation, fails, gives, plan_of, skips

COMPLETED = JobStatus.COMPLETED
SEQUENCE = "\nselection_rules:\n  - {name: all, agents: [a, {parallel: [b, c]}, d]}"


class Plain(Simulation):
    """Decides each thing once, from where the last decision led to."""

    def advance(self) -> Move:
        snapshot = self.store.snapshot()
        move = decide(snapshot, self.plan, random=lambda: 0.5, owner_is_dead=lambda owner: False, since=self._place)
        self._place = move.place
        self._commit(move)
        return move


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each question to the planner."""
    questions: list[int] = []
    answer = Planner.next

    def next_(self: Planner, state: Any) -> Any:
        questions.append(1)
        return answer(self, state)

    monkeypatch.setattr(Planner, "next", next_)
    return questions


def asks(asked: list[int], plan: Any, job_input: JSONDict | None = None, script: Script | None = None) -> int:
    """How often the planner is asked for one job."""
    asked.clear()
    assert Plain(plan, job_input, script).run().status.is_final
    return len(asked)


def test_the_planner_is_asked_for_the_first_job_and_not_for_those_that_go_the_same_way(asked: list[int]) -> None:
    plan = plan_of(SEQUENCE)
    assert asks(asked, plan) >= 4
    assert asks(asked, plan) == 1, "while one of two siblings still runs, there is nothing to go on from"
    assert asks(asked, plan, {"other": "input"}, {"a": [gives(n=1)]}) == 1


@pytest.mark.parametrize("outcome", [fails(), skips()])
def test_a_job_that_goes_another_way_is_thought_about_and_its_way_is_not_taken_by_others(
    asked: list[int], outcome: Any
) -> None:
    plan = plan_of(SEQUENCE)
    usual = Plain(plan).run()
    assert asks(asked, plan, script={"b": [outcome]}) > 1
    again = Plain(plan).run()
    assert (again.status, again.steps, again.trace) == (COMPLETED, usual.steps, usual.trace)


def test_what_a_condition_reads_is_read_for_each_job(asked: list[int]) -> None:
    lines = ("{name: first, agents: [a]}", '{name: high, condition: "results.a.n > 1", agents: [b], else: [c]}')
    plan = plan_of("\nselection_rules:\n" + "\n".join(f"  - {line}" for line in lines))
    for n, second in ((1, "c"), (2, "b"), (1, "c")):
        assert Plain(plan, script={"a": [gives(n=n)]}).run().steps == [["a"], [second]]


def test_a_second_run_is_not_taken_for_a_first_one() -> None:
    plan = plan_of(SEQUENCE)
    Plain(plan).run()
    job = Plain(plan, script={"d": [fails(), gives()]}).run()
    assert job.status is JobStatus.FAILED
    job.retry()
    assert job.run().status is COMPLETED
    assert job.ran.count("a") == 1


def test_only_so_many_places_are_kept_and_none_behind_very_many_agents() -> None:
    places = Places()
    for n in range(MOST_PLACES + 10):
        places.at(Place(1, n, Cursor(last_seq=n)))
    assert len(places._kept) <= MOST_PLACES
    seen = {f"agent_{n}": "already_completed" for n in range(MOST_SEEN + 1)}
    assert places.at(Place(1, 5, Cursor(seen=seen))) is not places.at(Place(1, 5, Cursor(seen=seen)))
    assert places.at(Place(1, 5, Cursor(item=1))) is places.at(Place(1, 5, Cursor(item=1)))

"""Attempts: repeated where that may help, counted, at most so many; and another agent that stands in."""

from math import ceil
from typing import ClassVar

from agent_framework.testing.conformance.engine.harness import Case, Play, Ran
from agent_framework.testing.conformance.engine.scene import Scene, named, rule
from agent_framework.types import AttemptState, ErrorKind, JobStatus

NO_WAIT = {"initial_seconds": 0, "jitter": False}
ATTEMPTS = Scene(
    "attempts",
    {
        **named("a", "stand_in", "last"),
        "b": {"retry": {**NO_WAIT, "max_attempts": 2}},
        "c": {"retry": {**NO_WAIT, "max_attempts": 2}, "fallback": "stand_in"},
        "d": {"retry": {**NO_WAIT, "on": ["error"]}},
    },
    {
        "selection_rules": [
            *(rule(name, name) for name in ("a", "b", "c", "d")),
            {"name": "tells", "condition": "results.c.by == 'stand_in'", "agents": ["last"]},
        ]
    },
)
OK, FAILED, ABANDONED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.ABANDONED


def timed(pace: float) -> Scene:
    """An agent that may take two seconds, where time goes as usual."""
    settings = {"runtime": {"timeout": ceil(2 * pace)}, "retry": {**NO_WAIT, "max_attempts": 2}}
    return Scene("timed", {"a": settings}, {"strategy": "sequential"})


def kinds(ran: Ran, agent: str) -> list[ErrorKind | None]:
    """Why each attempt of an agent failed."""
    return [attempt.outcome.error_kind if attempt.outcome else None for attempt in ran.attempts(agent)]


class AttemptTests(Case):
    """Who repeats what, and how often."""

    stumbling: ClassVar = {"stumble": "busy"}

    def test_a_passing_failure_is_repeated_and_counted(self, play: Play) -> None:
        ran = play(ATTEMPTS, "a", {"a": [self.stumbling, self.stumbling, {"give": {"n": 3}}]})
        assert (ran.status, ran.results["a"]) == (JobStatus.COMPLETED, {"n": 3})
        assert ran.states("a") == [FAILED, FAILED, OK]
        assert kinds(ran, "a") == [ErrorKind.TRANSIENT, ErrorKind.TRANSIENT, None]
        assert [attempt.key.number for attempt in ran.attempts("a")] == [1, 2, 3]
        assert ran.begun == ["a"] * 3

    def test_no_more_attempts_are_made_than_allowed(self, play: Play) -> None:
        ran = play(ATTEMPTS, "b", {"b": [self.stumbling]})
        assert (ran.status, ran.states("b")) == (JobStatus.FAILED, [FAILED, FAILED])
        assert "busy" in ran.reason

    def test_a_failure_that_would_only_repeat_is_not_repeated(self, play: Play) -> None:
        ran = play(ATTEMPTS, "a", {"a": [{"fail": "wrong"}, {}]})
        assert (ran.status, ran.begun) == (JobStatus.FAILED, ["a"])

    def test_which_failures_are_repeated_is_configured(self, play: Play) -> None:
        ran = play(ATTEMPTS, "d", {"d": [{"fail": "wrong"}, {}]})
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["d", "d"])
        assert play(ATTEMPTS, "d", {"d": [self.stumbling, {}]}).begun == ["d"]

    def test_a_fallback_stands_in_after_the_last_attempt_under_the_agents_name(self, play: Play) -> None:
        ran = play(ATTEMPTS, "c", {"c": [self.stumbling]})
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["c", "c", "stand_in", "last"])
        assert ran.results["c"] == {"by": "stand_in"}
        assert ran.snapshot.results["c"].produced_by == "stand_in"
        assert "stand_in" not in ran.results

    def test_a_fallback_that_fails_too_fails_the_agent(self, play: Play) -> None:
        ran = play(ATTEMPTS, "c", {"c": [{"fail": "first"}], "stand_in": [{"fail": "second"}]})
        assert (ran.status, ran.begun) == (JobStatus.FAILED, ["c", "stand_in"])
        assert "second" in ran.reason

    def test_an_attempt_that_takes_too_long_is_given_up_and_repeated(self, play: Play) -> None:
        ran = play(timed(self.pace), acts={"a": [{"sleep": 300}, {"give": {"n": 2}}]})
        assert (ran.status, ran.results) == (JobStatus.COMPLETED, {"a": {"n": 2}})
        assert ran.begun == ["a", "a"]
        assert kinds(ran, "a") == [ErrorKind.TIMEOUT, None]

    def test_an_agent_that_always_takes_too_long_fails_the_job(self, play: Play) -> None:
        ran = play(timed(self.pace), acts={"a": [{"sleep": 300}]})
        assert ran.status is JobStatus.FAILED
        assert kinds(ran, "a") == [ErrorKind.TIMEOUT, ErrorKind.TIMEOUT]

    def test_an_agent_whose_process_dies_is_run_again(self, play: Play) -> None:
        self.need("crashes")
        ran = play(ATTEMPTS, "a", {"a": [{"crash": True}, {"give": {"n": 2}}]})
        assert (ran.status, ran.results["a"]) == (JobStatus.COMPLETED, {"n": 2})
        assert ran.begun == ["a", "a"]
        assert kinds(ran, "a") == [ErrorKind.CRASH, None]

    def test_crashes_count_as_attempts(self, play: Play) -> None:
        self.need("crashes")
        ran = play(ATTEMPTS, "b", {"b": [{"crash": True}]})
        assert (ran.status, ran.begun) == (JobStatus.FAILED, ["b", "b"])
        assert kinds(ran, "b") == [ErrorKind.CRASH, ErrorKind.CRASH]

    def test_what_was_stored_before_a_crash_is_not_run_again(self, play: Play) -> None:
        self.need("crashes")
        ran = play(STORED_BEFORE, acts={"c": [{"crash": True}, {}]})
        assert ran.status is JobStatus.COMPLETED
        assert ran.begun == ["a", "b", "c", "c"]


STORED_BEFORE = Scene("stored-before", named("a", "b", "c"), {"strategy": "sequential"})

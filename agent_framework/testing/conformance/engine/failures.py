"""Agents that fail or have nothing to do: what still runs, what is stored, and how the job ends."""

from agent_framework.testing.conformance.engine.harness import Case, Play
from agent_framework.testing.conformance.engine.scene import Scene, named, parallel, rule
from agent_framework.types import AttemptState, JobStatus

FAILURES = Scene(
    "failures",
    named("a", "b", "c", "mend", "tidy"),
    {
        "selection_rules": [
            rule("stop", parallel("a", "b"), "c"),
            rule("stop", "c", name="stop later"),
            rule("go on", parallel("a", "b"), "c", on_error="continue"),
            rule("skip", "a", "b"),
            rule("skip", "c", name="reads nothing of it", also="exists(results.a)"),
            {"name": "mending", "condition": "input.mend == true", "agents": ["mend"], "when": "failure"},
            {"name": "tidying", "condition": "input.tidy == true", "agents": ["tidy"], "when": "finally"},
        ]
    },
)
BROKEN = {"a": [{"fail": "no luck"}]}


class FailureTests(Case):
    """What a failing agent means."""

    def test_row_31_a_failing_agent_stops_the_job_and_its_siblings_settle_and_are_stored(self, play: Play) -> None:
        acts = {"a": [{"meet": ["b"], "fail": "no luck"}], "b": [{"meet": ["a"], "sleep": 0.3, "give": {"n": 1}}]}
        ran = play(FAILURES, "stop", acts)
        assert ran.status is JobStatus.FAILED
        assert "agent a failed" in ran.reason
        assert "no luck" in ran.reason
        assert ran.results == {"b": {"n": 1}}
        assert sorted(ran.begun) == ["a", "b"], "nothing starts after it"

    def test_a_failure_is_stored_with_its_text(self, play: Play) -> None:
        ran = play(FAILURES, "stop", {"a": [{"fail": "Größe ∞ ist keine Zahl"}]})
        [attempt] = ran.attempts("a")
        assert attempt.state is AttemptState.FAILED
        assert attempt.outcome is not None
        assert attempt.outcome.error == "ValueError: Größe ∞ ist keine Zahl"
        assert ran.failed_agents == {"a": "ValueError: Größe ∞ ist keine Zahl"}

    def test_a_tolerated_failure_lets_the_job_go_on_and_complete(self, play: Play) -> None:
        ran = play(FAILURES, "go on", BROKEN)
        assert ran.status is JobStatus.COMPLETED
        assert sorted(ran.results) == ["b", "c"]
        assert ran.failed_agents == {"a": "ValueError: no luck"}

    def test_the_failure_phase_runs_after_a_failure_and_the_job_stays_failed(self, play: Play) -> None:
        ran = play(FAILURES, "stop", BROKEN, mend=True)
        assert ran.status is JobStatus.FAILED
        assert ran.begun[-1] == "mend"
        assert ran.results["mend"] == {"by": "mend"}

    def test_the_failure_phase_runs_after_a_tolerated_failure_too(self, play: Play) -> None:
        ran = play(FAILURES, "go on", BROKEN, mend=True)
        assert (ran.status, ran.begun[-2:]) == (JobStatus.COMPLETED, ["c", "mend"])

    def test_without_a_failure_there_is_no_failure_phase(self, play: Play) -> None:
        assert "mend" not in play(FAILURES, "stop", mend=True).begun

    def test_the_finally_phase_runs_last_whatever_happened(self, play: Play) -> None:
        assert play(FAILURES, "stop", tidy=True).begun[-1] == "tidy"
        ran = play(FAILURES, "stop", BROKEN, mend=True, tidy=True)
        assert (ran.status, ran.begun[-2:]) == (JobStatus.FAILED, ["mend", "tidy"])

    def test_a_failure_while_mending_does_not_keep_the_finally_phase_away(self, play: Play) -> None:
        ran = play(FAILURES, "stop", {**BROKEN, "mend": [{"fail": "worse"}]}, mend=True, tidy=True)
        assert ran.status is JobStatus.FAILED
        assert "no luck" in ran.reason, "the first failure is the job's"
        assert ran.begun[-1] == "tidy"

    def test_an_agent_may_have_nothing_to_do(self, play: Play) -> None:
        ran = play(FAILURES, "skip", {"a": [{"skip": "no rows"}]})
        assert ran.status is JobStatus.COMPLETED
        assert ran.begun == ["a", "b"]
        assert ran.states("a") == [AttemptState.SKIPPED]
        assert "a" not in ran.results
        assert ran.failed_agents == {}

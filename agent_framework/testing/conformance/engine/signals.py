"""What comes from outside: a cancellation, a deadline, a retry, many jobs at once."""

from math import ceil

import pytest

from agent_framework.errors import IllegalTransitionError
from agent_framework.testing.conformance.engine.harness import Case, Play
from agent_framework.testing.conformance.engine.scene import Scene, named, parallel, rule
from agent_framework.types import EventKind, JobStatus

SIGNALS = Scene(
    "signals",
    named("a", "b", "c", "tidy"),
    {
        "selection_rules": [
            rule("line", "a", "b", "c"),
            rule("pair", parallel("a", "b"), "c"),
            {"name": "tidying", "condition": "input.tidy == true", "agents": ["tidy"], "when": "finally"},
        ]
    },
)


def hurried(pace: float) -> Scene:
    """A project whose jobs have two seconds, where time goes as usual."""
    rules = [
        {"name": "line", "condition": "always", "agents": ["a", "b"]},
        {"name": "tidying", "condition": "always", "agents": ["tidy"], "when": "finally"},
    ]
    return Scene("hurried", named("a", "b", "tidy"), {"timeout_seconds": ceil(2 * pace), "selection_rules": rules})


class SignalTests(Case):
    """What happens to a job that is on its way, or at rest."""

    def test_row_32_a_cancelled_job_starts_nothing_more(self, play: Play) -> None:
        job = play.start(SIGNALS, "line", {"a": [{"until": "released"}]}, tidy=True)
        job.until_begun("a")
        job.cancel()
        ran = job.rest()
        job.say("released")
        assert ran.status is JobStatus.CANCELLED
        assert ran.begun == ["a"], "neither the next item nor the finally phase starts"

    def test_a_result_that_comes_after_the_end_changes_nothing(self, play: Play) -> None:
        job = play.start(SIGNALS, "line", {"a": [{"until": "released"}]})
        job.until_begun("a")
        job.cancel()
        before = job.rest()
        job.say("released")
        follower = play(SIGNALS, "line")
        assert follower.status is JobStatus.COMPLETED
        after = job.rest()
        assert (after.status, after.results) == (JobStatus.CANCELLED, {})
        assert after.trace == before.trace

    def test_results_from_before_a_cancellation_stay(self, play: Play) -> None:
        job = play.start(SIGNALS, "line", {"b": [{"until": "released"}]})
        job.until_begun("b")
        job.cancel()
        ran = job.rest()
        job.say("released")
        assert (ran.status, ran.results) == (JobStatus.CANCELLED, {"a": {"by": "a"}})

    def test_a_job_at_rest_cannot_be_cancelled(self, play: Play) -> None:
        job = play.start(SIGNALS, "line")
        job.rest()
        with pytest.raises(IllegalTransitionError):
            job.cancel()

    def test_a_deadline_ends_the_job_and_the_finally_phase_still_runs(self, play: Play) -> None:
        job = play.start(hurried(self.pace), acts={"a": [{"until": "released"}]})
        ran = job.rest()
        job.say("released")
        assert ran.status is JobStatus.FAILED
        assert "orchestration.timeout_seconds" in ran.reason
        assert ran.begun == ["a", "tidy"]
        assert [data["given_up"] for data in ran.events(EventKind.DEADLINE)] == [["a"]]

    def test_a_retry_runs_what_failed_and_keeps_what_is_complete(self, play: Play) -> None:
        job = play.start(SIGNALS, "pair", {"b": [{"fail": "not yet"}, {"give": {"n": 2}}]})
        assert job.rest().status is JobStatus.FAILED
        job.retry()
        ran = job.rest()
        assert ran.status is JobStatus.COMPLETED
        assert ran.snapshot.job.run == 2
        assert sorted(ran.begun) == ["a", "b", "b", "c"]
        assert ran.results == {"a": {"by": "a"}, "b": {"n": 2}, "c": {"by": "c"}}

    def test_a_retried_job_may_fail_and_be_retried_again(self, play: Play) -> None:
        job = play.start(SIGNALS, "line", {"a": [{"fail": "one"}, {"fail": "two"}, {}]})
        reasons = [job.rest().reason]
        job.retry()
        reasons.append(job.rest().reason)
        job.retry()
        ran = job.rest()
        assert ["one" in reasons[0], "two" in reasons[1]] == [True, True]
        assert (ran.status, ran.snapshot.job.run, ran.begun) == (JobStatus.COMPLETED, 3, ["a", "a", "a", "b", "c"])

    def test_a_completed_job_cannot_be_retried(self, play: Play) -> None:
        job = play.start(SIGNALS, "line")
        job.rest()
        with pytest.raises(IllegalTransitionError):
            job.retry()

    def test_jobs_side_by_side_do_not_mix(self, play: Play) -> None:
        jobs = [play.start(SIGNALS, "pair", {"c": [{"give": {"n": n}}]}) for n in range(8)]
        for n, job in enumerate(jobs):
            ran = job.rest()
            assert (ran.status, ran.results["c"]) == (JobStatus.COMPLETED, {"n": n})
            assert sorted(ran.begun) == ["a", "b", "c"]

"""What travels between agents: large outputs, all kinds of JSON, facts that the orchestrator publishes."""

from agent_framework.testing.conformance.engine.harness import Case, Play
from agent_framework.testing.conformance.engine.scene import Scene, named, rule
from agent_framework.types import JobStatus, JSONDict

VALUES = Scene(
    "values",
    named("a", "b", "c"),
    {
        "selection_rules": [
            rule("line", "a", name="makes"),
            rule("line", "b", name="reads", also="results.a.size >= 2000000"),
            rule("json", "a", "b"),
        ]
    },
)
FACTS = Scene(
    "facts",
    {"chief": {"type": "orchestrator"}, **named("a", "b")},
    {
        "selection_rules": [
            {"name": "many", "condition": "results.chief.rows > 10", "agents": ["a"]},
            {"name": "few", "condition": "results.chief.rows <= 10", "agents": ["b"]},
        ]
    },
    {
        "chief": """\
\"\"\"Publishes facts before the rules run.\"\"\"

from agent_framework import BaseAgent, agent
from backend.acting import act


@agent("chief")
class Chief(BaseAgent):
    \"\"\"Counts rows.\"\"\"

    async def prepare(self, job):
        await act("chief", job)
        return {"rows": len(job.request_payload["rows"])}
"""
    },
)
ALL_KINDS: JSONDict = {
    "text": 'naïve 日本語 🍵 " \\ \n\t',
    "whole": 2**53 + 1,
    "real": 0.1,
    "negative": -1.5e-7,
    "flags": [True, False, None],
    "empty": {"list": [], "object": {}, "text": ""},
    "deep": {"a": [{"b": [{"c": [{"d": "bottom"}]}]}]},
}
MEGABYTES = 2_000_000


class ValueTests(Case):
    """What comes out is what went in."""

    def test_an_output_of_megabytes_is_stored_and_read_and_conditions_see_its_fields(self, play: Play) -> None:
        ran = play(VALUES, "line", {"a": [{"fill": MEGABYTES}], "b": [{"see": True}]})
        assert ran.status is JobStatus.COMPLETED
        assert ran.results["a"] == {"size": MEGABYTES, "text": "x" * MEGABYTES}
        assert ran.results["b"] == {"saw": {"a": ran.results["a"]}}

    def test_an_input_of_a_megabyte_reaches_the_agents(self, play: Play) -> None:
        ran = play(VALUES, "json", text="y" * 1_000_000)
        assert ran.status is JobStatus.COMPLETED
        assert ran.snapshot.job.request_payload["text"] == "y" * 1_000_000

    def test_every_kind_of_json_comes_back_as_it_was(self, play: Play) -> None:
        ran = play(VALUES, "json", {"a": [{"give": ALL_KINDS}], "b": [{"see": True}]})
        assert ran.status is JobStatus.COMPLETED
        assert ran.results == {"a": ALL_KINDS, "b": {"saw": {"a": ALL_KINDS}}}

    def test_an_output_that_is_no_json_fails_the_agent_and_not_the_engine(self, play: Play) -> None:
        ran = play(NO_JSON)
        assert ran.status is JobStatus.FAILED
        assert "agent a failed" in ran.reason

    def test_facts_of_the_orchestrator_decide_the_rules(self, play: Play) -> None:
        ran = play(FACTS, rows=list(range(11)))
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["chief", "a"])
        assert ran.results["chief"] == {"rows": 11}
        assert play(FACTS, rows=[]).begun == ["chief", "b"]

    def test_facts_that_cannot_be_had_fail_the_job_before_any_agent_runs(self, play: Play) -> None:
        ran = play(FACTS, acts={"chief": [{"fail": "no rows"}]}, rows=[])
        assert (ran.status, ran.begun) == (JobStatus.FAILED, ["chief"])
        assert "no rows" in ran.reason

    def test_facts_are_published_once_whatever_a_retry_does(self, play: Play) -> None:
        job = play.start(FACTS, acts={"b": [{"fail": "not yet"}, {}]}, rows=[])
        assert job.rest().status is JobStatus.FAILED
        job.retry()
        ran = job.rest()
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["chief", "b", "b"])


NO_JSON = Scene(
    "no-json",
    named("a"),
    {"strategy": "sequential"},
    {
        "a": """\
\"\"\"Answers what no database takes.\"\"\"

from agent_framework import agent


@agent("a")
def work(job):
    return {"n": float("nan")}
"""
    },
)

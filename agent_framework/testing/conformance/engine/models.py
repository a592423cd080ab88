"""Jobs that ask a model: an orchestrator that chooses workers by itself, and a budget that refuses a call."""

import pytest

from agent_framework.testing.conformance.engine.harness import Case, ModelEndpoint, Play
from agent_framework.testing.conformance.engine.scene import Scene, named
from agent_framework.types import AttemptState, ErrorKind, EventKind, JobStatus, JSONDict

KEY = {"CONFORMANCE_MODEL_KEY": "none-needed"}
ASKS = """\
\"\"\"Asks the model.\"\"\"

from agent_framework import BaseAgent, agent


@agent("{name}")
class Asks(BaseAgent):
    \"\"\"Answers briefly.\"\"\"

    instructions = "Answer briefly."
"""


def _llm(url: str) -> JSONDict:
    settings = {"provider": "openai", "model": "scripted", "base_url": url, "api_key_env": "CONFORMANCE_MODEL_KEY"}
    return {**settings, "max_output_tokens": 50, "prices": {"scripted": {"input": 1, "output": 2}}}


def led(url: str) -> Scene:
    """An orchestrator that asks the model which workers it needs, in at most three turns."""
    agents = {"chief": {"type": "orchestrator"}, **named("left", "right", "unused")}
    return Scene("led", agents, {"strategy": "agent", "max_turns": 3}, {"chief": ""}, _llm(url), KEY)


def budgeted(url: str, tokens: int) -> Scene:
    """Two agents that ask the model, one after the other."""
    code = {name: ASKS.format(name=name) for name in ("a", "b")}
    orchestration: JSONDict = {"strategy": "sequential", "budget": {"tokens": tokens}}
    return Scene(f"budget-of-{tokens}", named("a", "b"), orchestration, code, _llm(url), KEY)


class ModelTests(Case):
    """What an engine makes of a model's answers."""

    @pytest.fixture
    def endpoint(self, model_endpoint: ModelEndpoint | None) -> ModelEndpoint:
        """The scripted model server."""
        self.need("models")
        assert model_endpoint is not None, "the capability 'models' needs the fixture 'model_endpoint'"
        return model_endpoint

    def test_the_workers_of_one_turn_run_at_once_and_the_answer_ends_the_job(
        self, play: Play, endpoint: ModelEndpoint
    ) -> None:
        endpoint.script(["invoke_left", "invoke_right"], "left and right were seen")
        ran = play(led(endpoint.url), acts={"left": [{"meet": ["right"]}], "right": [{"meet": ["left"]}]})
        assert ran.status is JobStatus.COMPLETED
        assert ran.results["chief"] == {"result": "left and right were seen"}
        assert sorted(ran.begun) == ["left", "right"]
        assert [state.value for state in ran.states("chief")] == ["interrupted", "succeeded"]
        assert endpoint.asked() == 2

    def test_asking_again_for_a_worker_gives_what_is_stored(self, play: Play, endpoint: ModelEndpoint) -> None:
        endpoint.script(["invoke_left"], ["invoke_left"], "done")
        ran = play(led(endpoint.url))
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["left"])
        assert ran.skipped == {"left": "already_completed"}

    def test_turns_are_capped(self, play: Play, endpoint: ModelEndpoint) -> None:
        endpoint.script(["invoke_left"], ["invoke_right"], ["invoke_unused"], "too late")
        ran = play(led(endpoint.url))
        assert ran.status is JobStatus.FAILED
        assert "3 turns, the limit" in ran.reason
        assert endpoint.asked() == 3

    def test_a_worker_that_crashes_repeats_no_turn(self, play: Play, endpoint: ModelEndpoint) -> None:
        self.need("crashes")
        endpoint.script(["invoke_left"], "done")
        ran = play(led(endpoint.url), acts={"left": [{"crash": True}, {}]})
        assert (ran.status, ran.begun) == (JobStatus.COMPLETED, ["left", "left"])
        assert endpoint.asked() == 2

    def test_a_call_over_the_budget_is_not_made(self, play: Play, endpoint: ModelEndpoint) -> None:
        endpoint.script("never said")
        ran = play(budgeted(endpoint.url, 10))
        assert ran.status is JobStatus.FAILED
        assert "budget" in ran.reason
        assert endpoint.asked() == 0
        [attempt] = ran.attempts("a")
        assert attempt.state is AttemptState.FAILED
        assert attempt.outcome is not None
        assert attempt.outcome.error_kind is ErrorKind.BUDGET

    def test_a_budget_holds_over_all_agents_of_a_job(self, play: Play, endpoint: ModelEndpoint) -> None:
        endpoint.script("a long answer, which b is told " * 500, "never said")
        ran = play(budgeted(endpoint.url, 1500))
        assert ran.status is JobStatus.FAILED
        assert "agent b failed" in ran.reason
        assert "budget" in ran.reason
        assert endpoint.asked() == 1

    def test_usage_is_stored_with_the_attempt(self, play: Play, endpoint: ModelEndpoint) -> None:
        endpoint.script("one", "two")
        ran = play(budgeted(endpoint.url, 1_000_000))
        assert ran.status is JobStatus.COMPLETED
        usage = [attempt.outcome.usage for name in "ab" for attempt in ran.attempts(name) if attempt.outcome]
        assert [used.requests for used in usage] == [1, 1]
        assert all(used.input_tokens > 0 and used.output_tokens > 0 and used.cost_usd for used in usage)
        assert len(ran.events(EventKind.FINISHED)) == 1

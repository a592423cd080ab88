"""Record once, replay for ever: the cassette and the model that answers from it."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, Usage, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

from agent_framework.errors import ConfigError, ModelError, ReplayMismatchError
from agent_framework.infrastructure.llm import ModelSpec, ReplayModel, build_model
from tests.support.model_servers import ModelServer, calls, fails, says

QUIET = RunConfig(tracing_disabled=True)


@function_tool
def look_up(city: str) -> str:
    """Look up a city."""
    return f"{city} is fine"


async def ask(model: Any, task: str = "Paris?", instructions: str = "Answer.") -> Any:
    """Run a small agent."""
    agent = Agent("a", instructions=instructions, model=model, tools=[look_up])
    return await Runner.run(agent, task, run_config=QUIET)


def replaying(path: Path) -> Any:
    """The model that answers from a cassette."""
    return build_model(ModelSpec("replay", "gpt-4.1-mini", cassette=str(path)))


def scripted(text: str = "Paris is fine", call_id: str = "call-77") -> ScriptedModel:
    """A model that calls the tool and answers."""
    usage = Usage(requests=1, input_tokens=20, output_tokens=5, total_tokens=25)
    call = function_call("look_up", {"city": "Paris"}, call_id=call_id)
    return ScriptedModel(
        [ModelStep(output=[call], usage=usage), ModelStep(output=[assistant_message(text)], usage=usage)]
    )


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where to record."""
    return tmp_path / "calls" / "agent.json"


def test_what_was_recorded_over_http_is_replayed_without_a_server(cassette: Path, run: Any, wire: Any) -> None:
    with ModelServer(calls("look_up", city="Paris"), says("Paris is fine")) as server:
        spec = wire.spec(server.url, cassette=str(cassette))
        recorded = run(ask(build_model(spec)))
    replayed = run(ask(replaying(cassette)))
    assert replayed.final_output == recorded.final_output == "Paris is fine"
    assert ids(replayed) == ids(recorded) != []
    assert replayed.context_wrapper.usage.total_tokens == recorded.context_wrapper.usage.total_tokens
    text = cassette.read_text()
    assert "sk-test" not in text
    assert "AKIA" not in text


def ids(result: Any) -> list[str]:
    """The ids of the calls that a run made."""
    return [item.raw_item.call_id for item in result.new_items if item.type == "tool_call_item"]


def test_a_changed_request_is_refused_with_the_difference(cassette: Path, run: Any) -> None:
    run(ask(ReplayModel.recording(scripted(), cassette)))
    with pytest.raises(ReplayMismatchError) as caught:
        run(ask(replaying(cassette), instructions="Answer briefly."))
    message = str(caught.value)
    assert str(cassette) in message
    assert '-  "instructions": "Answer.",\n+  "instructions": "Answer briefly.",' in message
    assert not caught.value.retryable


def test_the_same_request_gets_its_answers_in_the_recorded_order_and_then_again(cassette: Path, run: Any) -> None:
    for number in (1, 2):
        run(ask(ReplayModel.recording(scripted(f"answer {number}", f"call-{number}"), cassette)))
    answers = [run(ask(replaying(cassette))).final_output for _ in range(4)]
    assert answers == ["answer 1", "answer 2", "answer 1", "answer 2"]


def test_failures_are_recorded_and_fail_again(cassette: Path, run: Any, wires: Any) -> None:
    with ModelServer(fails(429, "slow down", retry_after="7"), says("ok")) as server:
        spec = wires["openai-chat"].spec(server.url, cassette=str(cassette))
        with pytest.raises(ModelError):
            run(ask(build_model(spec)))
        run(ask(build_model(spec)))
    with pytest.raises(ModelError, match="slow down") as caught:
        run(ask(replaying(cassette)))
    assert (caught.value.retryable, caught.value.retry_after_s) == (True, 7.0)
    assert run(ask(replaying(cassette))).final_output == "ok"


def test_a_replay_costs_nothing_but_counts_tokens(cassette: Path, run: Any, meter: Any) -> None:
    run(ask(ReplayModel.recording(scripted(), cassette)))
    run(ask(build_model(ModelSpec("replay", "m", cassette=str(cassette)), meter=meter)))
    assert [(usage.input_tokens, usage.cost_usd) for _, usage in meter.settled] == [(20, 0.0), (20, 0.0)]


def test_keys_in_texts_are_masked_on_both_sides(cassette: Path, run: Any) -> None:
    task = "my key is sk-abcdefghijklmnop"
    run(ask(ReplayModel.recording(scripted("it was sk-abcdefghijklmnop"), cassette), task))
    assert "sk-abc" not in cassette.read_text()
    assert run(ask(replaying(cassette), task)).final_output == "it was [redacted]"


def test_many_recorders_at_once_lose_nothing(cassette: Path) -> None:
    async def several(start: int) -> None:
        await asyncio.gather(
            *(
                ask(ReplayModel.recording(scripted(f"answer {n}"), cassette), f"task {n}")
                for n in range(start, start + 5)
            )
        )

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda start: asyncio.run(several(start)), range(0, 20, 5)))
    data = json.loads(cassette.read_text())
    assert len(data["calls"]) == 40
    assert list(cassette.parent.iterdir()) == [cassette]
    answers = [asyncio.run(ask(replaying(cassette), f"task {n}")).final_output for n in range(20)]
    assert answers == [f"answer {n}" for n in range(20)]


def test_the_file_is_readable_and_stable(cassette: Path, run: Any) -> None:
    run(ask(ReplayModel.recording(scripted(), cassette, name="openai/gpt-4.1-mini")))
    text = cassette.read_text()
    data = json.loads(text)
    assert text == json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert data["calls"][0]["model"] == "openai/gpt-4.1-mini"
    assert set(data["calls"][0]) == {"fingerprint", "model", "request", "response"}


def test_streams_are_recorded_and_replayed(cassette: Path, run: Any) -> None:
    async def streamed(model: Any) -> Any:
        result = Runner.run_streamed(Agent("a", model=model, tools=[look_up]), "Paris?", run_config=QUIET)
        async for _ in result.stream_events():
            pass
        return result.final_output

    assert run(streamed(ReplayModel.recording(scripted(), cassette))) == "Paris is fine"
    assert run(streamed(replaying(cassette))) == "Paris is fine"


def test_a_missing_or_broken_cassette_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a cassette"):
        build_model(ModelSpec("replay", "m"))
    with pytest.raises(ConfigError, match="record it first"):
        replaying(tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(ConfigError, match="not a cassette"):
        replaying(broken)
    broken.write_text('{"format": 99, "calls": []}')
    with pytest.raises(ConfigError, match="format 99"):
        replaying(broken)
    broken.write_text('{"format": 1, "calls": []}')
    with pytest.raises(ReplayMismatchError, match="The file is empty"):
        asyncio.run(ask(replaying(broken)))

"""Every provider over its real protocol, against a local server: build_model, the SDK's Runner, real HTTP."""

import asyncio
import json
import os
from typing import Any

import pytest
from agents import Agent, FunctionTool, ModelSettings, RunConfig, Runner, StopAtTools, function_tool
from agents.tool_context import ToolContext
from pydantic import BaseModel

from agent_framework.errors import ModelError, ModelRefusedError
from agent_framework.infrastructure.llm import FINAL_RESULT_TOOL, build_model, close_clients
from agent_framework.infrastructure.llm.clients import _clients
from tests.support.model_servers import ModelServer, calls, cut_off, drops, fails, garbage, says, slow

QUIET = RunConfig(tracing_disabled=True)


class Total(BaseModel):
    """The answer of the adding agent."""

    total: int
    comment: str


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: the first one.
        b: the second one.
    """
    return a + b


async def keep_final_result(context: ToolContext[Any], arguments: str) -> str:
    """Accept the answer."""
    return Total.model_validate_json(arguments).model_dump_json()


def adding_agent(model: Any, **settings: Any) -> Agent[Any]:
    """An agent with a tool and a structured answer, the way the framework asks for one."""
    schema = {**Total.model_json_schema(), "additionalProperties": False}
    final = FunctionTool(FINAL_RESULT_TOOL, "Call this with the answer.", schema, keep_final_result)
    return Agent(
        "adder",
        instructions="Add the numbers.",
        tools=[add, final],
        model=model,
        model_settings=ModelSettings(**settings),
        tool_use_behavior=StopAtTools(stop_at_tool_names=[FINAL_RESULT_TOOL]),
    )


def test_an_agent_uses_a_tool_and_gives_a_structured_answer(wire: Any, run: Any, meter: Any) -> None:
    with ModelServer(calls("add", a=2, b=3), calls(FINAL_RESULT_TOOL, total=5, comment="easy")) as server:
        spec = wire.spec(server.url)
        result = run(Runner.run(adding_agent(build_model(spec, meter=meter)), "2 and 3?", run_config=QUIET))

    assert json.loads(result.final_output) == {"total": 5, "comment": "easy"}
    assert len(server.requests) == 2
    assert "5" in json.dumps(server.requests[1].body)
    assert result.context_wrapper.usage.input_tokens == 22
    assert result.context_wrapper.usage.output_tokens == 14
    assert [model for model, _, _ in meter.reserved] == [spec.full_name] * 2
    assert [receipt for receipt, _ in meter.settled] == ["receipt 1", "receipt 2"]
    used = meter.settled[0][1]
    assert (used.requests, used.input_tokens, used.output_tokens, used.models) == (1, 11, 7, (spec.full_name,))
    assert 0 < (used.cost_usd or 0) < 0.001


def test_the_output_limit_is_always_sent(wire: Any, run: Any) -> None:
    with ModelServer(says("hi"), says("hi")) as server:
        model = build_model(wire.spec(server.url, max_output_tokens=321))
        run(Runner.run(adding_agent(model), "hello", run_config=QUIET))
        run(Runner.run(adding_agent(model, max_tokens=12), "hello", run_config=QUIET))
    assert "321" in json.dumps(server.requests[0].body)
    assert ": 12" in json.dumps(server.requests[1].body)
    assert "321" not in json.dumps(server.requests[1].body)


def failure_of(wire: Any, run: Any, *replies: Any, **changes: Any) -> tuple[ModelError, int]:
    """The error of one call, and how many requests it made."""
    with ModelServer(*replies) as server:
        model = build_model(wire.spec(server.url, **changes))
        with pytest.raises(ModelError) as caught:
            run(Runner.run(adding_agent(model), "hello", run_config=QUIET))
    error = caught.value
    assert "\n" not in str(error)
    assert wire.base.full_name in str(error)
    assert error.__cause__ is not None
    return error, len(server.requests)


def test_throttling_is_retryable_and_tells_how_long_to_wait(wire: Any, run: Any) -> None:
    error, requests = failure_of(wire, run, fails(429, "slow down", retry_after="7"))
    assert (error.retryable, error.retry_after_s, requests) == (True, 7.0, 1)
    assert isinstance(error, ModelRefusedError)
    assert "too many requests (429): slow down" in str(error)


def test_a_missing_right_is_not_retryable_and_names_the_remedy(wire: Any, run: Any) -> None:
    error, requests = failure_of(wire, run, fails(401, "Incorrect API key provided: sk-abcdefgh1234"))
    assert (error.retryable, requests) == (False, 1)
    assert "--offline" in str(error)
    assert "sk-" not in str(error)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_wrong_request_is_not_retryable(wire: Any, run: Any, status: int) -> None:
    error, requests = failure_of(wire, run, fails(status, "not like this"))
    assert (error.retryable, requests) == (False, 1)
    assert isinstance(error, ModelRefusedError)
    assert "not like this" in str(error)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_failing_provider_is_retryable_and_asked_once(wire: Any, run: Any, status: int) -> None:
    error, requests = failure_of(wire, run, fails(status, "boom"))
    assert (error.retryable, requests) == (True, 1)
    assert isinstance(error, ModelRefusedError) == (status in (503, 529))
    assert f"({status}): boom" in str(error)


def test_a_slow_provider_is_given_up_after_the_timeout(wire: Any, run: Any) -> None:
    error, requests = failure_of(wire, run, slow(5), timeout_s=1.5)
    assert (error.retryable, requests) == (True, 1)
    assert not isinstance(error, ModelRefusedError)
    assert "no answer within 1.5 seconds" in str(error)


def test_a_lost_connection_is_not_asked_again_behind_the_engines_back(wire: Any, run: Any) -> None:
    error, requests = failure_of(wire, run, drops())
    assert (error.retryable, requests) == (True, 1)
    assert not isinstance(error, ModelRefusedError)


@pytest.mark.parametrize(
    "reply",
    [garbage(), garbage(b"<html>gateway</html>", "text/html"), garbage(b'{"some": "json"}')],
    ids=["half-json", "html", "other-json"],
)
def test_an_unreadable_answer_is_an_error_that_another_try_may_mend(wire: Any, run: Any, reply: Any) -> None:
    error, requests = failure_of(wire, run, reply)
    assert (error.retryable, requests) == (True, 1)
    assert not isinstance(error, ModelRefusedError)


def test_a_server_that_is_not_there_costs_nothing(wire: Any, run: Any, meter: Any) -> None:
    with ModelServer() as gone:
        url = gone.url
    model = build_model(wire.spec(url), meter=meter)
    with pytest.raises(ModelRefusedError, match="cannot connect") as caught:
        run(Runner.run(adding_agent(model), "hello", run_config=QUIET))
    assert caught.value.retryable
    assert meter.settled[0][1].input_tokens == 0


def test_an_incomplete_answer_of_the_responses_api_names_the_setting(wires: Any, run: Any) -> None:
    error, _ = failure_of(wires["openai-responses"], run, cut_off())
    assert not error.retryable
    assert "max_output_tokens (now 4096)" in str(error)


def test_an_exhausted_quota_is_not_retryable(wires: Any, run: Any) -> None:
    error, _ = failure_of(wires["openai-chat"], run, fails(429, "insufficient_quota: check your plan"))
    assert not error.retryable


def test_no_key_leaves_in_a_request_body(wire: Any, run: Any) -> None:
    with ModelServer(says("hi")) as server:
        run(Runner.run(adding_agent(build_model(wire.spec(server.url))), "hello", run_config=QUIET))
    assert "sk-test" not in json.dumps(server.requests[0].body)


@pytest.mark.parametrize("name", ["bedrock", "bedrock-litellm"])
def test_the_region_is_signed_and_not_put_into_the_environment(wires: Any, run: Any, name: str) -> None:
    with ModelServer(says("hi")) as server:
        model = build_model(wires[name].spec(server.url, region="ap-southeast-2"))
        run(Runner.run(adding_agent(model), "hello", run_config=QUIET))
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}
    assert "/ap-southeast-2/bedrock/" in headers["authorization"]
    assert "AWS_REGION" not in os.environ


@pytest.mark.parametrize("name", ["openai-responses", "openai-chat", "openai-litellm", "bedrock"])
def test_a_streamed_run_is_metered_and_limited_like_any_other(wires: Any, run: Any, meter: Any, name: str) -> None:
    async def streamed(spec: Any) -> Any:
        settings = {"include_usage": True}
        result = Runner.run_streamed(
            adding_agent(build_model(spec, meter=meter), **settings), "2 and 3?", run_config=QUIET
        )
        async for _ in result.stream_events():
            pass
        return result.final_output

    with ModelServer(calls("add", a=2, b=3), calls(FINAL_RESULT_TOOL, total=5, comment="easy")) as server:
        spec = wires[name].spec(server.url)
        assert json.loads(run(streamed(spec)))["total"] == 5
    assert len(server.requests) == 2
    assert [(usage.input_tokens, usage.output_tokens) for _, usage in meter.settled] == [(11, 7), (11, 7)]


@pytest.mark.parametrize("name", ["openai-responses", "openai-chat", "openai-litellm", "bedrock"])
def test_a_streamed_call_that_is_refused_is_mapped_and_settled(wires: Any, run: Any, meter: Any, name: str) -> None:
    async def streamed(spec: Any) -> None:
        result = Runner.run_streamed(adding_agent(build_model(spec, meter=meter)), "2 and 3?", run_config=QUIET)
        async for _ in result.stream_events():
            pass

    with (
        ModelServer(fails(429, "slow down", retry_after="3")) as server,
        pytest.raises(ModelRefusedError, match="slow down") as caught,
    ):
        run(streamed(wires[name].spec(server.url)))
    assert (caught.value.retry_after_s, len(server.requests)) == (3.0, 1)
    assert [usage.requests for _, usage in meter.settled] == [0]


def test_models_of_one_loop_share_their_connections_until_they_are_closed(wires: Any) -> None:
    async def connections(wire: Any, url: str) -> list[int]:
        seen: list[int] = []
        for _ in range(2):
            await Runner.run(adding_agent(build_model(wire.spec(url))), "hello", run_config=QUIET)
            seen.append(len(_clients[asyncio.get_running_loop()]))
        await close_clients()
        assert asyncio.get_running_loop() not in _clients
        await Runner.run(adding_agent(build_model(wire.spec(url))), "hello", run_config=QUIET)
        await close_clients()
        return seen

    for name in ("openai-chat", "bedrock-litellm"):
        with ModelServer(says("1"), says("2"), says("3")) as server:
            assert asyncio.run(connections(wires[name], server.url)) == [1, 1]

"""The offline model: the agent's tools and answers without a model."""

import json
import subprocess
import sys
from typing import Any

import pytest
from agents import Agent, FunctionTool, ModelSettings, RunConfig, Runner, RunState, StopAtTools, function_tool
from agents.tool_context import ToolContext
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from agent_framework.errors import OutputValidationError
from agent_framework.infrastructure.llm import FINAL_RESULT_TOOL, ModelSpec, OfflineModel, OfflineTurn, build_model

QUIET = RunConfig(tracing_disabled=True)


class Report(BaseModel):
    """An answer."""

    title: str
    pages: int


def tool(name: str, result: Any, log: list[tuple[str, Any]], *, schema: Any = None, approval: bool = False) -> Any:
    """A tool that notes its calls and returns, or raises, ``result``."""

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        log.append((name, json.loads(arguments)))
        if isinstance(result, Exception):
            return f"An error occurred: {result}"
        return result

    schema = schema or {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    return FunctionTool(name, name, schema, invoke, needs_approval=approval)


def final_tool() -> FunctionTool:
    """Accepts a report, or answers what is wrong with it."""

    async def invoke(context: ToolContext[Any], arguments: str) -> str:
        try:
            return Report.model_validate_json(arguments).model_dump_json()
        except ValidationError as exc:
            return f"invalid: {exc.error_count()} problem(s)"

    return FunctionTool(FINAL_RESULT_TOOL, "answer", Report.model_json_schema(), invoke, strict_json_schema=False)


async def ask(model: Any, *tools: Any, task: str = "do it", **agent: Any) -> Any:
    """Run an agent with these tools."""
    return await Runner.run(Agent("a", model=model, tools=list(tools), **agent), task, run_config=QUIET)


def test_each_tool_is_called_once_in_order_and_one_at_a_time(run: Any) -> None:
    log: list[tuple[str, Any]] = []
    result = run(ask(OfflineModel(), tool("load", {"rows": 3}, log), tool("clean", "ok", log), tool("sum", 1, log)))
    assert [name for name, _ in log] == ["load", "clean", "sum"]
    assert len(result.raw_responses) == 4
    assert result.final_output == "Offline answer: no model was called; the agent called load, clean, sum."


def test_an_agent_without_tools_says_that_no_model_was_called(run: Any) -> None:
    assert "no model was called" in run(ask(OfflineModel())).final_output


def test_the_answer_function_sees_the_task_and_the_parsed_results(run: Any) -> None:
    seen: list[OfflineTurn] = []

    def answer(turn: OfflineTurn) -> str:
        seen.append(turn)
        return "done"

    log: list[tuple[str, Any]] = []
    tools = [tool("json", '{"rows": 3}', log), tool("python", {"rows": 4, "ok": True}, log), tool("text", "words", log)]
    result = run(ask(OfflineModel(answer=answer), *tools, task="the task"))
    assert result.final_output == "done"
    assert seen == [OfflineTurn("the task", {"json": {"rows": 3}, "python": {"rows": 4, "ok": True}, "text": "words"})]


def test_arguments_fit_the_schema_and_can_be_given_or_computed_from_earlier_results(run: Any) -> None:
    log: list[tuple[str, Any]] = []

    @function_tool
    def load(path: str, limit: int = 10) -> dict[str, int]:
        log.append(("load", {"path": path, "limit": limit}))
        return {"rows": 3}

    @function_tool
    def show(rows: int, style: str) -> str:
        log.append(("show", {"rows": rows, "style": style}))
        return "shown"

    model = OfflineModel(
        arguments={"load": {"path": "sales.csv"}, "show": lambda turn: {"rows": turn.tool_results["load"]["rows"]}}
    )
    run(ask(model, load, show))
    assert log[0][1]["path"] == "sales.csv"
    assert log[1] == ("show", {"rows": 3, "style": "text"})


def test_a_tool_without_a_schema_is_called_without_arguments(run: Any) -> None:
    log: list[tuple[str, Any]] = []

    async def invoke(context: ToolContext[Any], arguments: str) -> str:
        log.append(("bare", json.loads(arguments)))
        return "ok"

    run(ask(OfflineModel(), FunctionTool("bare", "bare", {}, invoke, strict_json_schema=False)))
    assert log == [("bare", {})]


@pytest.mark.parametrize("answer", [{"title": "t", "pages": 2}, Report(title="t", pages=2), '{"title":"t","pages":2}'])
def test_the_structured_answer_goes_through_the_final_tool_last(run: Any, answer: Any) -> None:
    log: list[tuple[str, Any]] = []
    stop = StopAtTools(stop_at_tool_names=[FINAL_RESULT_TOOL])
    model = OfflineModel(answer=lambda turn: answer)
    result = run(ask(model, final_tool(), tool("load", "ok", log), tool_use_behavior=stop))
    assert json.loads(result.final_output) == {"title": "t", "pages": 2}
    assert [name for name, _ in log] == ["load"]


def test_without_an_answer_function_the_final_answer_is_made_from_the_schema(run: Any) -> None:
    stop = StopAtTools(stop_at_tool_names=[FINAL_RESULT_TOOL])
    result = run(ask(OfflineModel(), final_tool(), tool_use_behavior=stop))
    assert Report.model_validate_json(result.final_output) == Report(title="text", pages=1)


def test_an_answer_that_does_not_fit_fails_at_once_with_the_reason(run: Any) -> None:
    model = OfflineModel(answer=lambda turn: {"title": "t"})
    with pytest.raises(OutputValidationError, match="invalid: 1 problem"):
        run(ask(model, final_tool()))
    with pytest.raises(OutputValidationError, match="must be an object"):
        run(ask(OfflineModel(answer=lambda turn: "just text"), final_tool()))


def test_an_error_in_the_answer_function_stays_what_it_is(run: Any) -> None:
    model = OfflineModel(answer=lambda turn: turn.tool_results["never_called"])
    with pytest.raises(KeyError, match="never_called"):
        run(ask(model))


def test_an_output_type_without_a_final_tool_is_answered_as_json(run: Any) -> None:
    assert run(ask(OfflineModel(), output_type=Report)).final_output == Report(title="text", pages=1)
    model = OfflineModel(answer=lambda turn: {"title": "x", "pages": 9})
    assert run(ask(model, output_type=Report)).final_output == Report(title="x", pages=9)


def test_a_tool_that_failed_is_not_called_again(run: Any) -> None:
    log: list[tuple[str, Any]] = []
    run(ask(OfflineModel(), tool("load", ValueError("no file"), log), tool("clean", "ok", log)))
    assert [name for name, _ in log] == ["load", "clean"]


def test_all_workers_are_called_in_one_turn_after_the_ordinary_tools(run: Any) -> None:
    log: list[tuple[str, Any]] = []
    names = ["invoke_writer", "look_up", "invoke_painter"]
    result = run(ask(OfflineModel(), *[tool(name, "ok", log) for name in names]))
    assert [
        [item.name for item in response.output if item.type == "function_call"] for response in result.raw_responses
    ] == [["look_up"], ["invoke_writer", "invoke_painter"], []]


def approving_agent(log: list[tuple[str, Any]]) -> Agent[Any]:
    """An orchestrator whose workers wait for somebody."""
    tools = [tool(name, "ok", log, approval=True) for name in ("invoke_writer", "invoke_painter")]
    return Agent("boss", model=OfflineModel(answer=lambda turn: dict(turn.tool_results)), tools=tools)


def test_an_interrupted_run_goes_on_with_another_model_object(run: Any) -> None:
    async def interrupted_and_resumed() -> tuple[Any, list[tuple[str, Any]]]:
        first = await Runner.run(approving_agent([]), "go", run_config=QUIET)
        assert [item.tool_name for item in first.interruptions] == ["invoke_writer", "invoke_painter"]
        saved = first.to_state().to_string()
        log: list[tuple[str, Any]] = []
        agent = approving_agent(log)
        state = await RunState.from_string(agent, saved)
        for item in state.get_interruptions():
            state.approve(item)
        return await Runner.run(agent, state, run_config=QUIET), log

    result, log = run(interrupted_and_resumed())
    assert sorted(name for name, _ in log) == ["invoke_painter", "invoke_writer"]
    assert json.loads(result.final_output) == {"invoke_writer": "ok", "invoke_painter": "ok"}


def test_call_ids_are_stable_and_unique(run: Any) -> None:
    def ids() -> list[str]:
        result = run(ask(OfflineModel(), *[tool(name, "ok", []) for name in ("invoke_a", "b", "invoke_c", "d")]))
        return [item.call_id for response in result.raw_responses for item in response.output if item.type != "message"]

    assert ids() == ["offline_0_b", "offline_1_d", "offline_2_invoke_a", "offline_3_invoke_c"] == ids()


def test_a_new_message_in_a_chat_is_a_new_task_with_new_call_ids(run: Any) -> None:
    log: list[tuple[str, Any]] = []

    async def two_turns() -> Any:
        agent = Agent("a", model=OfflineModel(), tools=[tool("look", "ok", log)])
        first = await Runner.run(agent, "one", run_config=QUIET)
        return await Runner.run(agent, [*first.to_input_list(), {"role": "user", "content": "two"}], run_config=QUIET)

    second = run(two_turns())
    assert len(log) == 2
    assert second.raw_responses[0].output[0].call_id == "offline_1_look"


def test_no_tool_is_called_when_the_settings_forbid_it(run: Any) -> None:
    log: list[tuple[str, Any]] = []
    run(ask(OfflineModel(), tool("load", "ok", log), model_settings=ModelSettings(tool_choice="none")))
    assert log == []


def test_nothing_is_used_and_nothing_costs(run: Any, meter: Any) -> None:
    model = build_model(ModelSpec("offline", "offline"), meter=meter)
    result = run(ask(model, tool("load", "ok", [])))
    assert result.context_wrapper.usage.total_tokens == 0
    assert [(usage.requests, usage.input_tokens, usage.cost_usd) for _, usage in meter.settled] == [(0, 0, 0.0)] * 2
    assert meter.reserved[0][0] == "offline"


def test_it_streams(run: Any) -> None:
    async def streamed() -> Any:
        result = Runner.run_streamed(Agent("a", model=OfflineModel(), tools=[tool("t", 1, [])]), "go", run_config=QUIET)
        async for _ in result.stream_events():
            pass
        return result.final_output

    assert "the agent called t" in run(streamed())


@given(st.lists(st.sampled_from(["a", "b", "invoke_c", "invoke_d"]), unique=True), st.text(max_size=20))
def test_the_same_input_gives_the_same_output(names: list[str], task: str) -> None:
    import asyncio

    def outputs() -> Any:
        result = asyncio.run(ask(OfflineModel(), *[tool(name, "ok", []) for name in names], task=task))
        return [[item.model_dump() for item in response.output] for response in result.raw_responses]

    assert outputs() == outputs()


def test_it_needs_no_network_and_no_litellm() -> None:
    code = """
import socket, sys
def blocked(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = blocked
import asyncio
from agents import Agent, Runner, RunConfig
from agent_framework.infrastructure.llm import ModelSpec, build_model
model = build_model(ModelSpec("offline", "offline"))
result = asyncio.run(Runner.run(Agent("a", model=model), "hi", run_config=RunConfig(tracing_disabled=True)))
assert "no model was called" in result.final_output
assert not {"litellm", "boto3"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error::ResourceWarning", "-c", code], check=True)

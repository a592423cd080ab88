"""One run of one agent through the Agents SDK: the only place that calls ``Runner.run``.

Structured answers come through the ``final_result`` tool, which works with every provider; a model that answers in
prose instead is read leniently and asked once more. A turn in which the model asks for workers ends as an
interruption, whose saved state another process can resume.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents import Agent, Model, RunConfig, RunContextWrapper, Runner, RunResult, RunState
from agents.agent import ToolsToFinalOutputResult
from agents.exceptions import MaxTurnsExceeded
from agents.tool import FunctionToolResult

from agent_framework.errors import AgentError, OutputValidationError
from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, WORKER_TOOL_PREFIX
from agent_framework.infrastructure.llm.tools import FinalResult, as_tool, worker_tool

_FENCE = re.compile(r"^```[a-zA-Z]*\s*\n(.*?)\n?```\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run. ``workers`` maps names to descriptions; ``saved`` and ``answers`` resume an interrupted turn."""

    name: str
    instructions: str
    model: Model
    task: str
    tools: Sequence[Any] = ()
    output_type: Any = None
    context: Any = None
    max_turns: int = 20
    workers: Mapping[str, str] = field(default_factory=dict[str, str])
    saved: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tracing: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A worker that the model asked for."""

    agent: str
    call_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, or the workers that were asked for together with the saved state."""

    output: Any = None
    calls: tuple[Call, ...] = ()
    saved: str | None = None


async def run_agent(request: RunRequest) -> Reply:
    """Run until the model has answered or asks for workers.

    Raises:
        ModelError: a model call failed.
        OutputValidationError: the answer does not fit the output type.
        AgentError: the model took more turns than allowed.
    """
    final = FinalResult(request.output_type, agent=request.name) if request.output_type not in (None, str) else None
    agent = _build(request, final)
    start: Any = request.task if request.saved is None else await _resumed(agent, request)
    try:
        result = await _run(agent, start, request)
        if result.interruptions:
            return _interrupted(result)
        if final is None:
            return Reply(result.final_output)
        if not final.given and not _read_prose(str(result.final_output), final):
            result = await _run(agent, _asked_again(result), request)
    except MaxTurnsExceeded as exc:
        raise AgentError(f"the model did not come to an answer in {request.max_turns} turns") from exc
    if not final.given and not _read_prose(str(result.final_output), final):
        raise OutputValidationError(f"the model answered in prose: {str(result.final_output)[:200]!r}")
    return Reply(final.plain())


async def _run(agent: Agent[Any], start: Any, request: RunRequest) -> RunResult:
    config = RunConfig(
        tracing_disabled=not request.tracing, trace_include_sensitive_data=False, workflow_name=request.name
    )
    return await Runner.run(agent, start, context=request.context, max_turns=request.max_turns, run_config=config)


def _build(request: RunRequest, final: FinalResult | None) -> Agent[Any]:
    tools = [as_tool(tool, agent=request.name) for tool in request.tools]
    tools += [worker_tool(name, about, request.answers) for name, about in request.workers.items()]
    if final is None:
        return Agent(name=request.name, instructions=request.instructions, model=request.model, tools=tools)

    def until_given(context: RunContextWrapper[Any], results: list[FunctionToolResult]) -> ToolsToFinalOutputResult:
        return ToolsToFinalOutputResult(is_final_output=final.given, final_output="given" if final.given else None)

    return Agent(
        name=request.name,
        instructions=f"{request.instructions}\n\nGive your answer by calling {FINAL_RESULT_TOOL}.",
        model=request.model,
        tools=[*tools, final.tool()],
        tool_use_behavior=until_given,
    )


def _read_prose(text: str, final: FinalResult) -> bool:
    """Take the answer from a text that is JSON, with or without a Markdown fence."""
    match = _FENCE.match(text.strip())
    return final.accept(match.group(1) if match else text) is None


def _asked_again(result: RunResult) -> list[Any]:
    request = {"role": "user", "content": f"Give this answer again by calling {FINAL_RESULT_TOOL}, with every field."}
    return [*result.to_input_list(), request]


async def _resumed(agent: Agent[Any], request: RunRequest) -> RunState[Any]:
    """The saved state with every worker call allowed: its answer is stored by now."""
    state: RunState[Any] = await RunState.from_string(
        agent, request.saved or "", context_override=RunContextWrapper(context=request.context)
    )
    for item in state.get_interruptions():
        state.approve(item)
    return state


def _interrupted(result: RunResult) -> Reply:
    calls = [_call(item.raw_item) for item in result.interruptions]
    foreign = [call.agent for call in calls if not call.agent.startswith(WORKER_TOOL_PREFIX)]
    if foreign:
        raise AgentError(f"the tool {foreign[0]} asks for an approval, which only worker tools can do here")
    named = tuple(Call(call.agent.removeprefix(WORKER_TOOL_PREFIX), call.call_id, call.arguments) for call in calls)
    state = result.to_state().to_json(context_serializer=lambda context: {})
    return Reply(calls=named, saved=json.dumps(state, separators=(",", ":")))


def _call(raw: Any) -> Call:
    if isinstance(raw, dict):
        return Call(str(raw["name"]), str(raw["call_id"]), str(raw.get("arguments", "")))  # pyright: ignore[reportUnknownArgumentType,reportUnknownMemberType]
    return Call(str(raw.name), str(raw.call_id), str(raw.arguments))

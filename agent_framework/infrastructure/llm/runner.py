"""One run of one agent through the Agents SDK: the only place that calls ``Runner.run``.

Structured answers come through the ``final_result`` tool, which works with every provider; a model that answers in
prose instead is read leniently and asked once more. A turn in which the model asks for workers, or for a call that a
person must approve, ends as an interruption, whose saved state another process can resume.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agents import Agent, Model, ModelSettings, RunConfig, RunContextWrapper, Runner, RunResult, RunState, Tool
from agents.agent import ToolsToFinalOutputResult
from agents.exceptions import MaxTurnsExceeded
from agents.items import ToolApprovalItem
from agents.tool import FunctionToolResult

from agent_framework.errors import AgentError, ApprovalChangedError, OutputValidationError, ProjectError
from agent_framework.infrastructure._json import hash_of, to_object
from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, WORKER_TOOL_PREFIX, Verdict
from agent_framework.infrastructure.llm.previews import preview_of
from agent_framework.infrastructure.llm.tools import FinalResult, as_tool, worker_tool
from agent_framework.types import JSONDict

_FENCE = re.compile(r"^```[a-zA-Z]*\s*\n(.*?)\n?```\s*$", re.DOTALL)


class Memory(Protocol):
    """What was said before; has these methods of the SDK's session protocol."""

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """The newest items, oldest first."""
        ...

    async def add_items(self, items: list[Any]) -> None:
        """Add what was said now."""
        ...


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run.

    ``workers`` maps names to descriptions; ``saved`` resumes an interrupted run, with ``answers`` of workers and
    ``verdicts`` about calls. ``needs_approval`` names tools of which every call must be approved.
    """

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
    verdicts: Mapping[str, Verdict] | None = None
    needs_approval: frozenset[str] = frozenset()
    tracing: bool = False
    session: Memory | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A worker that the model asked for."""

    agent: str
    call_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Question:
    """A call that a person must approve. ``ref`` names it within the saved run; ``preview`` tells of its effect."""

    tool: str
    ref: str
    arguments: JSONDict
    preview: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, or what was asked for together with the saved state: workers, or a person's approval."""

    output: Any = None
    calls: tuple[Call, ...] = ()
    saved: str | None = None
    questions: tuple[Question, ...] = ()


class _Agent(Agent[Any]):
    """An agent of the SDK that asks for tools of MCP servers only where it has some, which loads ``agents.mcp``."""

    async def get_mcp_tools(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        return await super().get_mcp_tools(run_context) if self.mcp_servers else []


async def run_agent(request: RunRequest) -> Reply:
    """Run until the model has answered or asks for workers.

    Raises:
        ModelError: a model call failed.
        OutputValidationError: the answer does not fit the output type.
        AgentError: the model took more turns than allowed.
    """
    final = FinalResult(request.output_type, agent=request.name) if request.output_type not in (None, str) else None
    agent = _build(request, final)
    start: Any = await _start(request) if request.saved is None else await _resumed(agent, request)
    try:
        result = await _run(agent, start, request)
        if result.interruptions:
            return await _interrupted(result)
        before = len(result.input) - 1 if isinstance(result.input, list) else 0
        if final is None:
            await _remember(request, result, before)
            return Reply(result.final_output)
        if not final.given and not _read_prose(str(result.final_output), final):
            result = await _run(agent, _asked_again(result), request)
    except MaxTurnsExceeded as exc:
        raise AgentError(f"the model did not come to an answer in {request.max_turns} turns") from exc
    if not final.given and not _read_prose(str(result.final_output), final):
        raise OutputValidationError(f"the model answered in prose: {str(result.final_output)[:200]!r}")
    await _remember(request, result, before)
    return Reply(final.plain())


async def _start(request: RunRequest) -> Any:
    """The task, behind what was said before, from the first question of a user on that is still remembered."""
    if request.session is None:
        return request.task
    said = await request.session.get_items()
    first = next((number for number, item in enumerate(said) if item.get("role") == "user"), len(said))
    return [*said[first:], {"role": "user", "content": request.task}]


async def _remember(request: RunRequest, result: RunResult, before: int) -> None:
    """Add what was said in this run, from its task on. The SDK is given no session: it would add what then fails."""
    if request.session is not None:
        await request.session.add_items(list(result.to_input_list()[before:]))


async def _run(agent: Agent[Any], start: Any, request: RunRequest) -> RunResult:
    config = RunConfig(
        tracing_disabled=not request.tracing, trace_include_sensitive_data=False, workflow_name=request.name
    )
    return await Runner.run(agent, start, context=request.context, max_turns=request.max_turns, run_config=config)


def _build(request: RunRequest, final: FinalResult | None) -> Agent[Any]:
    tools = _tools(request)
    tools += [worker_tool(name, about, request.answers) for name, about in request.workers.items()]
    settings = ModelSettings()  # what a model object gets; left out, the SDK first copies those of its OpenAI model
    if final is None:
        return _Agent(
            name=request.name,
            instructions=request.instructions,
            model=request.model,
            model_settings=settings,
            tools=tools,
        )

    def until_given(context: RunContextWrapper[Any], results: list[FunctionToolResult]) -> ToolsToFinalOutputResult:
        return ToolsToFinalOutputResult(is_final_output=final.given, final_output="given" if final.given else None)

    return _Agent(
        name=request.name,
        instructions=f"{request.instructions}\n\nGive your answer by calling {FINAL_RESULT_TOOL}.",
        model=request.model,
        model_settings=settings,
        tools=[*tools, final.tool()],
        tool_use_behavior=until_given,
    )


def _tools(request: RunRequest) -> list[Any]:
    names = {getattr(tool, "name", None) or getattr(tool, "__name__", "") for tool in request.tools}
    unknown = sorted(request.needs_approval - names)
    if unknown:
        raise ProjectError(
            f"agents.{request.name}.needs_approval names {', '.join(unknown)}; the agent's tools are "
            f"{', '.join(sorted(names)) or 'none'}"
        )

    def approve(tool: Any) -> bool:
        return (getattr(tool, "name", None) or getattr(tool, "__name__", "")) in request.needs_approval

    return [as_tool(tool, agent=request.name, approve=approve(tool)) for tool in request.tools]


def _read_prose(text: str, final: FinalResult) -> bool:
    """Take the answer from a text that is JSON, with or without a Markdown fence."""
    match = _FENCE.match(text.strip())
    return final.accept(match.group(1) if match else text) is None


def _asked_again(result: RunResult) -> list[Any]:
    request = {"role": "user", "content": f"Give this answer again by calling {FINAL_RESULT_TOOL}, with every field."}
    return [*result.to_input_list(), request]


async def _resumed(agent: Agent[Any], request: RunRequest) -> RunState[Any]:
    """The saved state with the verdicts of people in it, or else with every worker call allowed: it is answered by now.

    Raises:
        ApprovalChangedError: a call is not the one about which a person decided.
    """
    state: RunState[Any] = await RunState.from_string(
        agent, request.saved or "", context_override=RunContextWrapper(context=request.context)
    )
    for ref, item, call in _named(state.get_interruptions()):
        if request.verdicts is None:
            state.approve(item)
        elif not _is_worker(call):
            _apply(state, item, call, request.verdicts.get(ref))
    return state


def _apply(state: RunState[Any], item: ToolApprovalItem, call: Call, verdict: Verdict | None) -> None:
    if verdict is not None and verdict.rejection is not None:
        state.reject(item, rejection_message=f"The call of {call.agent} was {verdict.rejection}. It was not made.")
    elif verdict is not None and verdict.arguments_hash == hash_of(_arguments(call)):
        state.approve(item)
    else:
        raise ApprovalChangedError(f"the saved call of {call.agent} is not the one about which a person decided")


async def _interrupted(result: RunResult) -> Reply:
    state = result.to_state().to_json(context_serializer=lambda context: {})
    saved = json.dumps(state, separators=(",", ":"))
    found = list(_named(result.interruptions))
    questions = [await _question(ref, item, call) for ref, item, call in found if not _is_worker(call)]
    if questions:
        return Reply(saved=saved, questions=tuple(questions))
    calls = [Call(call.agent.removeprefix(WORKER_TOOL_PREFIX), call.call_id, call.arguments) for _, _, call in found]
    return Reply(calls=tuple(calls), saved=saved)


async def _question(ref: str, item: ToolApprovalItem, call: Call) -> Question:
    arguments = _arguments(call)
    return Question(call.agent, ref, arguments, await preview_of(item.agent, call.agent, arguments))


def _arguments(call: Call) -> JSONDict:
    try:
        return to_object(call.arguments or "{}")
    except ValueError as exc:
        raise AgentError(f"the model called {call.agent} with arguments that are {exc}") from exc


def _named(items: Sequence[ToolApprovalItem]) -> Iterator[tuple[str, ToolApprovalItem, Call]]:
    """Interruptions with a name for each: two agents of one run may use the same call id."""
    seen: dict[str, int] = {}
    for item in items:
        call = _call(item.raw_item)
        name = f"{item.agent.name}/{call.call_id}"
        seen[name] = seen.get(name, 0) + 1
        yield f"{name}/{seen[name]}", item, call


def _is_worker(call: Call) -> bool:
    return call.agent.startswith(WORKER_TOOL_PREFIX)


def _call(raw: Any) -> Call:
    if isinstance(raw, dict):
        return Call(str(raw["name"]), str(raw["call_id"]), str(raw.get("arguments", "")))  # pyright: ignore[reportUnknownArgumentType,reportUnknownMemberType]
    return Call(str(raw.name), str(raw.call_id), str(raw.arguments))

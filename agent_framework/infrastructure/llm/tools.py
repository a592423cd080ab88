"""Tools for the Agents SDK: functions of the agent, its structured answer, and the workers an orchestrator may ask for.

A tool that raises one of this package's errors ends the attempt, because the engine must decide (skip, retry, budget).
Anything else it raises is told to the model, which may try something else.
"""

import inspect
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, cast, overload

from agents import AgentOutputSchema, FunctionTool, RunContextWrapper, function_tool
from agents.exceptions import UserError
from agents.tool_context import ToolContext
from pydantic import TypeAdapter, ValidationError

from agent_framework.errors import AgentFrameworkError, NotWritten, ProjectError
from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, WORKER_TOOL_PREFIX
from agent_framework.infrastructure.llm.writes import Declared, as_json, guarded
from agent_framework.observability.redaction import redact
from agent_framework.types import JSONDict

logger = logging.getLogger(__name__)
Condition = bool | Callable[..., Any]
"""Whether something holds: always, never, or by a function of a tool's arguments."""

_FAILED = "The tool failed"
_NOT_ACCEPTED = "Not accepted"
_SDK_FAILED = "An error occurred while running the tool"


def _tell_model(context: RunContextWrapper[Any], error: Exception) -> str:
    """The failure-error function of `tool`."""
    for cause in (error, error.__cause__):
        if isinstance(cause, NotWritten):
            return redact(f"{_FAILED}: {cause}")
        if isinstance(cause, AgentFrameworkError):
            raise cause
    return redact(f"{_FAILED}: {type(error).__name__}: {error}")


def tells_failure(output: str) -> bool:
    """Whether a tool's output is the text by which a model is told that the call failed."""
    return output.startswith((_FAILED, _NOT_ACCEPTED, _SDK_FAILED))


@overload
def tool(function: Callable[..., Any], /, **options: Any) -> FunctionTool: ...
@overload
def tool(**options: Any) -> Callable[[Callable[..., Any]], FunctionTool]: ...
def tool(
    function: Any = None,
    /,
    *,
    writes: bool = False,
    key: Sequence[str] = (),
    wording: Sequence[str] = (),
    idempotency_key: str | None = None,
    needs_approval: Condition = False,
    preview: Callable[..., Any] | None = None,
    **options: Any,
) -> Any:
    """Make a function a tool: ``@tool`` or ``@tool(timeout=...)`` with the options of ``agents.function_tool``.

    Arguments and their descriptions come from the signature and the docstring. A first parameter annotated with
    ``RunContextWrapper[...]`` receives the agent's context.

    A tool that changes something in the world says so; each write is then recorded and made once (docs/approvals.md):

    ``@tool(writes=True, key=("order_id",), wording=("note",), idempotency_key="request_id")``

    Args:
        function: The function.
        writes: Its calls are recorded, and a recorded one is not made again.
        key: Parameters that tell which write it is; without them, the how-manieth call of the tool it is.
        wording: Parameters whose text may differ when the model asks for the same write again.
        idempotency_key: The parameter that receives a key which stays the same when the write is repeated. Declare it
            only if whatever the tool calls ignores a second request with the same key.
        needs_approval: True, or a function of the tool's arguments that says so; such a tool counts as one that writes.
        preview: A function of the tool's arguments: what a person is shown of the effect, as JSON.
        options: Those of ``agents.function_tool``.
    """
    options.setdefault("failure_error_function", _tell_model)
    is_write = writes or bool(key) or bool(wording) or idempotency_key is not None
    declared = Declared(tuple(key), tuple(wording), idempotency_key, preview)

    def make(target: Any, *, approve: Condition = needs_approval) -> FunctionTool:
        name = options.get("name_override") or target.__name__
        is_guarded = is_write or approve is not False
        wrapped = guarded(target, declared, name=name) if is_guarded else _answering_json(target)
        made = _made(wrapped, options | {"needs_approval": _condition(approve)})
        cast(Any, made).ours = Ours(declared, lambda: make(target, approve=True), is_guarded)
        return made

    return make if function is None else make(function)


@dataclass(frozen=True, slots=True)
class Ours:
    """What `tool` remembers of a tool that it made.

    ``with_approval`` makes it again, with every call asked for; ``is_guarded``: it writes, or needs approval.
    """

    declared: Declared
    with_approval: Callable[[], FunctionTool]
    is_guarded: bool = False

    @staticmethod
    def of(made: Any) -> "Ours | None":
        """What is remembered of ``made``; None where `tool` did not make it."""
        found = getattr(made, "ours", None)
        return found if isinstance(found, Ours) else None


def _made(wrapped: Callable[..., Any], options: dict[str, Any]) -> FunctionTool:
    try:
        return cast(FunctionTool, cast(Any, function_tool)(**options)(wrapped))
    except UserError as exc:
        if "strict" not in str(exc) and "additionalProperties" not in str(exc):
            raise ProjectError(f"tool {wrapped.__name__}: {exc}") from exc
        return cast(FunctionTool, cast(Any, function_tool)(**options, strict_mode=False)(wrapped))


def _condition(needs_approval: Condition) -> Any:
    """The condition as the SDK asks it; one that fails asks a person."""
    if isinstance(needs_approval, bool):
        return needs_approval

    async def asks(context: RunContextWrapper[Any], arguments: JSONDict, call_id: str) -> bool:
        try:
            answer = needs_approval(**arguments)
            return bool(await answer if inspect.isawaitable(answer) else answer)
        except Exception as exc:
            logger.warning("needs_approval failed for %s, so a person is asked: %s", list(arguments), exc)
            return True

    return asks


def _answering_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with structured results as JSON; the SDK would show a model Python's own notation."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def answer_async(*args: Any, **kwargs: Any) -> Any:
            return as_json(await function(*args, **kwargs))

        return answer_async

    @wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        return as_json(function(*args, **kwargs))

    return answer


def as_tool(value: Any, *, agent: str, approve: bool = False) -> Any:
    """A tool as the SDK takes it; plain functions are wrapped by `tool`. ``approve``: every call needs approval.

    Raises:
        ProjectError: it is neither a function nor a tool, or one whose approved calls could not be recorded.
    """
    if inspect.isfunction(value):
        return tool(value, needs_approval=True) if approve else tool(value)
    if not hasattr(value, "name"):
        raise ProjectError(f"agent {agent}: {value!r} in its tools is neither a function nor a tool")
    ours = Ours.of(value)
    if ours is not None:
        return ours.with_approval() if approve else value
    if not approve and getattr(value, "needs_approval", False) is False:
        return value
    if not getattr(value, "_is_agent_tool", False):
        raise ProjectError(
            f"agent {agent}: the tool {value.name} needs approval, so it must be made by agent_framework.tool, which "
            "sees to it that an approved call is made once"
        )
    return replace(value, needs_approval=True) if approve else value


class FinalResult:
    """The structured answer of one run: its tool, and the value once the model gave one that fits.

    Raises:
        ProjectError: the output type is no object type (pydantic model, dataclass, TypedDict, dict).
    """

    def __init__(self, output_type: Any, *, agent: str) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
        self.schema, self.strict = _json_schema(output_type)
        if self._adapter.json_schema().get("type") != "object" and "$ref" not in self._adapter.json_schema():
            raise ProjectError(
                f"agent {agent}: output_type {output_type!r} is not an object; use a pydantic model with named fields"
            )
        self.given = False
        self.value: Any = None

    def accept(self, text: str) -> str | None:
        """Take an answer in JSON; what is wrong with it, or None."""
        try:
            self.value = self._adapter.validate_json(text)
        except ValidationError as exc:
            problems = exc.errors(include_url=False, include_input=False)
            return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'answer'}: {p['msg']}" for p in problems[:10])
        self.given = True
        return None

    def plain(self) -> Any:
        """The value as JSON data."""
        return self._adapter.dump_python(self.value, mode="json")

    def tool(self) -> FunctionTool:
        """The tool by which a model gives the answer; what does not fit goes back to it with the reason."""

        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            problem = self.accept(arguments)
            return "accepted" if problem is None else f"{_NOT_ACCEPTED}, call {FINAL_RESULT_TOOL} again: {problem}"

        return FunctionTool(
            name=FINAL_RESULT_TOOL,
            description="Give the final result. Call this once, at the end, with the complete answer.",
            params_json_schema=self.schema,
            on_invoke_tool=invoke,
            strict_json_schema=self.strict,
        )


def _json_schema(output_type: Any) -> tuple[JSONDict, bool]:
    """The JSON schema, strict where the type allows it."""
    try:
        return AgentOutputSchema(output_type, strict_json_schema=True).json_schema(), True
    except UserError:
        return AgentOutputSchema(output_type, strict_json_schema=False).json_schema(), False


def worker_tool(agent: str, description: str, answers: Mapping[str, Any]) -> FunctionTool:
    """``invoke_<agent>``: interrupts the turn when it is called, and returns the stored answer when the run resumes."""

    async def answer(context: ToolContext[Any], arguments: str) -> str:
        return json.dumps(answers.get(agent, {"error": f"{agent} was not run"}), ensure_ascii=False)

    return FunctionTool(
        name=f"{WORKER_TOOL_PREFIX}{agent}",
        description=f"Run the agent {agent} on this job and get its result. {description}".strip(),
        params_json_schema={
            "type": "object",
            "properties": {"reason": {"type": "string", "description": "Why this agent is needed, in one sentence."}},
            "required": ["reason"],
            "additionalProperties": False,
        },
        on_invoke_tool=answer,
        needs_approval=True,
    )

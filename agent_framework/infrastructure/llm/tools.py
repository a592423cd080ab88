"""Tools for the Agents SDK: functions of the agent, its structured answer, and the workers an orchestrator may ask for.

A tool that raises one of this package's errors ends the attempt, because the engine must decide (skip, retry, budget).
Anything else it raises is told to the model, which may try something else.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast, overload

from agents import AgentOutputSchema, FunctionTool, RunContextWrapper, function_tool
from agents.exceptions import UserError
from agents.tool_context import ToolContext
from pydantic import BaseModel, TypeAdapter, ValidationError

from agent_framework.errors import AgentFrameworkError, ProjectError
from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, WORKER_TOOL_PREFIX
from agent_framework.types import JSONDict

_FAILED = "The tool failed"
_NOT_ACCEPTED = "Not accepted"
_SDK_FAILED = "An error occurred while running the tool"


def _tell_model(context: RunContextWrapper[Any], error: Exception) -> str:
    """The failure-error function of `tool`."""
    for cause in (error, error.__cause__):
        if isinstance(cause, AgentFrameworkError):
            raise cause
    return f"{_FAILED}: {type(error).__name__}: {error}"


def tells_failure(output: str) -> bool:
    """Whether a tool's output is the text by which a model is told that the call failed."""
    return output.startswith((_FAILED, _NOT_ACCEPTED, _SDK_FAILED))


@overload
def tool(function: Callable[..., Any], /) -> FunctionTool: ...
@overload
def tool(**options: Any) -> Callable[[Callable[..., Any]], FunctionTool]: ...
def tool(function: Any = None, /, **options: Any) -> Any:
    """Make a function a tool: ``@tool`` or ``@tool(timeout=...)`` with the options of ``agents.function_tool``.

    Arguments and their descriptions come from the signature and the docstring. A first parameter annotated with
    ``RunContextWrapper[...]`` receives the agent's context.
    """
    options.setdefault("failure_error_function", _tell_model)

    def make(target: Any) -> FunctionTool:
        wrapped = _answering_json(target)
        try:
            return cast(FunctionTool, function_tool(**options)(wrapped))
        except UserError as exc:
            if "strict" not in str(exc) and "additionalProperties" not in str(exc):
                raise ProjectError(f"tool {target.__name__}: {exc}") from exc
            return cast(FunctionTool, function_tool(**options, strict_mode=False)(wrapped))

    return make if function is None else make(function)


def _answering_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with structured results as JSON; the SDK would show a model Python's own notation."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def answer_async(*args: Any, **kwargs: Any) -> Any:
            return _as_json(await function(*args, **kwargs))

        return answer_async

    @wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        return _as_json(function(*args, **kwargs))

    return answer


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else value


def as_tool(value: Any, *, agent: str) -> Any:
    """A tool as the SDK takes it; plain functions are wrapped by `tool`.

    Raises:
        ProjectError: it is neither a function nor a tool.
    """
    if inspect.isfunction(value):
        return tool(value)
    if not hasattr(value, "name"):
        raise ProjectError(f"agent {agent}: {value!r} in its tools is neither a function nor a tool")
    return value


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

"""Provider ``offline``: an agent's own tools and answers without any model, network or key.

`OfflineModel` does what a diligent model would do: it calls each tool the agent offers once, in order, with arguments
that fit the tool's schema, one call per turn, so that later calls can use earlier results. Workers (``invoke_*`` tools)
are all called in one turn. Then it answers: with what the agent's own ``answer`` function makes of the results, or with
a value that fits the output type.

It keeps no state: what was called is read from the input items, so a run that was interrupted goes on in any process.
The same input gives the same output.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from agents import FunctionTool, Model, ModelResponse, Usage
from agents.items import TResponseOutputItem
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from pydantic import BaseModel

from agent_framework.errors import OutputValidationError
from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, WORKER_TOOL_PREFIX, ModelSpec, OfflineTurn
from agent_framework.infrastructure.llm.request import ModelRequest, RequestModel
from agent_framework.infrastructure.llm.sample import sample
from agent_framework.infrastructure.llm.transcript import Transcript, read_transcript

Answer = Callable[[OfflineTurn], Any]
Arguments = Mapping[str, Any] | Callable[[OfflineTurn], Mapping[str, Any]]


def build(spec: ModelSpec) -> Model:
    """The offline model of an agent that says nothing about how to answer."""
    return OfflineModel()


class OfflineModel(RequestModel):
    """Calls the agent's tools and answers, without a model."""

    def __init__(self, *, answer: Answer | None = None, arguments: Mapping[str, Arguments] | None = None) -> None:
        """Fill in what only the agent can know.

        Args:
            answer: makes the answer from an `OfflineTurn`: a dict, a text or a pydantic model.
            arguments: by tool name, arguments that replace the generated ones: a dict, or a function of the
                `OfflineTurn` so far.
        """
        self._answer = answer
        self._arguments = arguments or {}

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The next tool calls, or the answer.

        Raises:
            OutputValidationError: ``answer`` returned what the agent's output type does not accept.
        """
        transcript = read_transcript(request.input)
        tools = {tool.name: tool for tool in request.tools if isinstance(tool, FunctionTool)}
        final = tools.pop(FINAL_RESULT_TOOL, None)
        calls = [] if request.settings.tool_choice == "none" else _next_calls(list(tools.values()), transcript)
        turn = OfflineTurn(transcript.task, transcript.results)
        output: list[TResponseOutputItem]
        if calls:
            output = [
                _call(tool.name, self._arguments_for(tool, turn), transcript.calls_before + index)
                for index, tool in enumerate(calls)
            ]
        elif final is not None:
            output = [_call(final.name, self._final_arguments(final, turn, transcript), transcript.calls_before)]
        else:
            output = [_message(self._text(request, turn, list(tools)), transcript.length)]
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    def _arguments_for(self, tool: FunctionTool, turn: OfflineTurn) -> dict[str, Any]:
        given = self._arguments.get(tool.name, {})
        return {**_sample_arguments(tool), **(given(turn) if callable(given) else given)}

    def _final_arguments(self, tool: FunctionTool, turn: OfflineTurn, transcript: Transcript) -> dict[str, Any]:
        if tool.name in transcript.called:
            reason = transcript.outputs.get(tool.name, "no reason given")
            raise OutputValidationError(f"the offline answer does not fit the output type: {reason}")
        if self._answer is None:
            return _sample_arguments(tool)
        answer = _plain(self._answer(turn))
        if isinstance(answer, str):
            answer = _parsed_object(answer)
        if not isinstance(answer, dict):
            raise OutputValidationError("the agent has an output type, so its offline answer must be an object")
        return cast(dict[str, Any], answer)

    def _text(self, request: ModelRequest, turn: OfflineTurn, tools: Sequence[str]) -> str:
        if self._answer is not None:
            answer = _plain(self._answer(turn))
            return answer if isinstance(answer, str) else _json(answer)
        schema = request.output_schema
        if schema is not None and not schema.is_plain_text():
            return _json(sample(schema.json_schema()))
        used = f"called {', '.join(tools)}" if tools else "has no tools to call"
        return f"Offline answer: no model was called; the agent {used}."


def _next_calls(tools: Sequence[FunctionTool], transcript: Transcript) -> list[FunctionTool]:
    """The first ordinary tool that was not called yet; after them all workers at once."""
    waiting = [tool for tool in tools if tool.name not in transcript.called]
    ordinary = [tool for tool in waiting if not tool.name.startswith(WORKER_TOOL_PREFIX)]
    return ordinary[:1] or waiting


def _sample_arguments(tool: FunctionTool) -> dict[str, Any]:
    return cast(dict[str, Any], sample({"type": "object", **tool.params_json_schema}))


def _call(name: str, arguments: Mapping[str, Any], position: int) -> TResponseOutputItem:
    """A tool call whose id tells tool and position, and so is the same in every process."""
    call_id = f"offline_{position}_{re.sub('[^A-Za-z0-9_-]', '_', name)}"[:64]
    return ResponseFunctionToolCall(
        call_id=call_id, type="function_call", name=name, arguments=_json(arguments), status="completed"
    )


def _message(text: str, position: int) -> TResponseOutputItem:
    content = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(
        id=f"msg_offline_{position}", type="message", role="assistant", status="completed", content=[content]
    )


def _plain(answer: Any) -> Any:
    return answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer


def _parsed_object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)

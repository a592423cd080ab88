"""One request of the SDK as the arguments of ``converse`` and ``converse_stream``.

``ModelSettings.extra_body`` becomes ``additionalModelRequestFields`` (a model's own settings, such as thinking), and
``extra_args`` are further arguments of Converse by their own names (``guardrailConfig``, ``performanceConfig``), plus
``stop`` for texts that end the answer. Settings that Converse lacks (penalties, ``parallel_tool_calls``) are left out.
"""

import json
from dataclasses import dataclass
from typing import Any

from agents import AgentOutputSchemaBase

from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, ModelSpec
from agent_framework.infrastructure.llm.converse.messages import conversation
from agent_framework.infrastructure.llm.converse.toolspecs import tool_choice, tool_spec, tool_specs
from agent_framework.infrastructure.llm.request import ModelRequest
from agent_framework.types import JSONDict


@dataclass(frozen=True, slots=True)
class Call:
    """What to send, and what is needed to read the answer.

    Attributes:
        arguments: keyword arguments of the client's operation.
        max_tokens: the output limit that is sent.
        wants_json: the answer's text is JSON for the agent's output type.
    """

    arguments: JSONDict
    max_tokens: int
    wants_json: bool


def call(request: ModelRequest, spec: ModelSpec) -> Call:
    """Translate a request.

    Raises:
        ModelRefusedError: something for which Converse has no form.
    """
    model = spec.model.removeprefix("converse/")
    schema = _json_schema(request.output_schema)
    tools = _tools(request, schema)
    history = conversation(request.input, model=model, tools_as_text=not _offers_tools(request))
    system = [text for text in (request.instructions, *history.instructions) if text and text.strip()]
    if schema is not None:
        system.append(f"Answer with one JSON object that fits this JSON schema, and nothing else: {json.dumps(schema)}")
    extra = dict(request.settings.extra_args or {})
    limit = request.settings.max_tokens or spec.max_output_tokens
    arguments: JSONDict = {
        "modelId": model,
        "messages": history.messages,
        "inferenceConfig": _inference(request, limit, extra.pop("stop", None)),
        **({"system": [{"text": text} for text in system]} if system else {}),
        **({"toolConfig": tools} if tools else {}),
        **({"additionalModelRequestFields": request.settings.extra_body} if request.settings.extra_body else {}),
        **extra,
    }
    return Call(arguments, limit, wants_json=schema is not None)


def _offers_tools(request: ModelRequest) -> bool:
    return bool(request.tools or request.handoffs) and request.settings.tool_choice != "none"


def _tools(request: ModelRequest, schema: JSONDict | None) -> JSONDict | None:
    """The tool configuration; an agent with an output type and no tools answers by a tool that it must call."""
    if _offers_tools(request):
        choice = tool_choice(request.settings.tool_choice)
        return {
            "tools": tool_specs(request.tools, request.handoffs),
            **({"toolChoice": choice} if choice else {}),
        }
    if schema is None or request.settings.tool_choice == "none":
        return None
    answer = tool_spec(FINAL_RESULT_TOOL, "Give the answer.", schema)
    return {"tools": [answer], "toolChoice": {"tool": {"name": FINAL_RESULT_TOOL}}}


def _json_schema(output: AgentOutputSchemaBase | None) -> JSONDict | None:
    return None if output is None or output.is_plain_text() else output.json_schema()


def _inference(request: ModelRequest, limit: int, stop: Any) -> JSONDict:
    settings = {
        "maxTokens": limit,
        "temperature": request.settings.temperature,
        "topP": request.settings.top_p,
        "stopSequences": [stop] if isinstance(stop, str) else stop,
    }
    return {name: value for name, value in settings.items() if value is not None}

"""Provider ``replay``: real calls recorded once and answered from a file afterwards, without network or key.

`ReplayModel.recording` wraps a real model and writes each call to a cassette; a `ModelSpec` of provider ``replay`` that
names the cassette answers from it. Answers keep their call ids, failures are recorded and fail again, and a
request that is not on the cassette raises `ReplayMismatchError` with the difference.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents import FunctionTool, Model, ModelResponse, ModelSettings, Tool
from agents.items import TResponseOutputItem
from agents.usage import deserialize_usage, serialize_usage
from openai.types.responses import ResponseOutputItem
from pydantic import TypeAdapter

from agent_framework.errors import ConfigError, ModelError
from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.infrastructure.llm.cassette import add_to_cassette, open_cassette, without_secrets
from agent_framework.infrastructure.llm.request import ModelRequest, RequestModel, WrappingModel

_SETTINGS = ("temperature", "top_p", "tool_choice", "parallel_tool_calls", "verbosity")
_ITEM: TypeAdapter[TResponseOutputItem] = TypeAdapter(ResponseOutputItem)


def build(spec: ModelSpec) -> Model:
    """The model that answers from ``spec.cassette``.

    Raises:
        ConfigError: no cassette is named, or it cannot be read.
    """
    if spec.cassette is None:
        raise ConfigError(f"model {spec.full_name} needs a cassette: the file of recorded calls to answer from")
    return ReplayModel(spec.cassette)


class ReplayModel(RequestModel):
    """Answers from a cassette."""

    def __init__(self, cassette: str | Path) -> None:
        self._cassette = open_cassette(cassette)

    @staticmethod
    def recording(inner: Model, path: str | Path, *, name: str = "") -> Model:
        """A model that asks ``inner`` and adds every call to the cassette; ``name`` is noted with it."""
        return _RecordingModel(inner, path, name)

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The recorded answer, or the recorded failure."""
        entry = self._cassette.answer(_described(request))
        if "error" in entry:
            raise ModelError(**entry["error"])
        response = entry["response"]
        return ModelResponse(
            output=[_ITEM.validate_python(item) for item in response["output"]],
            usage=deserialize_usage(response["usage"]),
            response_id=response["response_id"],
        )


class _RecordingModel(WrappingModel):
    """Asks the inner model and records the call. A streamed call is recorded, and passed on, as a whole answer."""

    def __init__(self, inner: Model, path: str | Path, name: str) -> None:
        super().__init__(inner)
        self._path = path
        self._name = name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        described = _described(request)
        try:
            response = await request.send(self.inner)
        except ModelError as exc:
            error = {"message": str(exc), "retryable": exc.retryable, "retry_after_s": exc.retry_after_s}
            self._add(described, error=error)
            raise
        self._add(described, response=_recorded(response))
        return response

    stream = RequestModel.stream

    def _add(self, request: Mapping[str, Any], **outcome: Any) -> None:
        add_to_cassette(self._path, {"model": self._name, "request": request, **without_secrets(outcome)})


def _described(request: ModelRequest) -> Mapping[str, Any]:
    """The part of a request that decides the answer, as JSON."""
    schema = request.output_schema
    described = {
        "instructions": request.instructions,
        "input": [{"role": "user", "content": request.input}] if isinstance(request.input, str) else request.input,
        "tools": [_described_tool(tool) for tool in request.tools],
        "handoffs": [handoff.tool_name for handoff in request.handoffs],
        "output_schema": schema.json_schema() if schema is not None and not schema.is_plain_text() else None,
        "settings": _described_settings(request.settings),
    }
    return without_secrets(described)


def _described_tool(tool: Tool) -> Mapping[str, Any]:
    if not isinstance(tool, FunctionTool):
        return {"name": tool.name}
    return {"name": tool.name, "description": tool.description, "parameters": tool.params_json_schema}


def _described_settings(settings: ModelSettings) -> Mapping[str, Any]:
    chosen = {name: getattr(settings, name) for name in _SETTINGS}
    return {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in chosen.items()
        if value is not None
    }


def _recorded(response: ModelResponse) -> Mapping[str, Any]:
    return {
        "output": [item.model_dump(mode="json", exclude_unset=True) for item in response.output],
        "usage": serialize_usage(response.usage),
        "response_id": response.response_id,
    }

"""One model call as a value, and the two base classes every model of this package is made of.

The SDK's `Model` has two methods of ten arguments each; here they become `respond(request)` and `stream(request)`, so
a wrapper says only what it adds.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from agents import AgentOutputSchemaBase, Handoff, Model, ModelResponse, ModelSettings, ModelTracing, Tool
from agents.items import TResponseInputItem, TResponseStreamEvent
from agents.retry import ModelRetryAdvice, ModelRetryAdviceRequest
from openai.types.responses import Response, ResponseCompletedEvent, ResponseUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What the SDK asks of a model in one call; the fields are the arguments of `Model.get_response`."""

    instructions: str | None
    input: str | list[TResponseInputItem]
    settings: ModelSettings
    tools: list[Tool]
    output_schema: AgentOutputSchemaBase | None
    handoffs: list[Handoff]
    tracing: ModelTracing
    previous_response_id: str | None = None
    conversation_id: str | None = None
    prompt: Any = None

    def with_settings(self, settings: ModelSettings) -> "ModelRequest":
        """The same request with other settings."""
        return replace(self, settings=settings)

    async def send(self, model: Model) -> ModelResponse:
        """Ask ``model`` for the whole answer."""
        return await model.get_response(
            self.instructions,
            self.input,
            self.settings,
            self.tools,
            self.output_schema,
            self.handoffs,
            self.tracing,
            previous_response_id=self.previous_response_id,
            conversation_id=self.conversation_id,
            prompt=self.prompt,
        )

    def stream(self, model: Model) -> AsyncIterator[TResponseStreamEvent]:
        """Ask ``model`` for the answer as events."""
        return model.stream_response(
            self.instructions,
            self.input,
            self.settings,
            self.tools,
            self.output_schema,
            self.handoffs,
            self.tracing,
            previous_response_id=self.previous_response_id,
            conversation_id=self.conversation_id,
            prompt=self.prompt,
        )


class RequestModel(Model):
    """A model that answers `ModelRequest` values; its stream is one event with the whole answer."""

    @abstractmethod
    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Answer one request."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Answer one request as events."""
        yield completed_event(await self.respond(request))

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: Any = None,
    ) -> ModelResponse:
        """The SDK's way in; see `respond`."""
        request = ModelRequest(
            instructions=system_instructions,
            input=input,
            settings=model_settings,
            tools=tools,
            output_schema=output_schema,
            handoffs=handoffs,
            tracing=tracing,
            previous_response_id=previous_response_id,
            conversation_id=conversation_id,
            prompt=prompt,
        )
        return await self.respond(request)

    def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: Any = None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The SDK's way in for streams; see `stream`."""
        request = ModelRequest(
            instructions=system_instructions,
            input=input,
            settings=model_settings,
            tools=tools,
            output_schema=output_schema,
            handoffs=handoffs,
            tracing=tracing,
            previous_response_id=previous_response_id,
            conversation_id=conversation_id,
            prompt=prompt,
        )
        return self.stream(request)


class WrappingModel(RequestModel):
    """A model around another one; what a subclass does not override goes straight through."""

    def __init__(self, inner: Model) -> None:
        self.inner = inner

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Pass the request on."""
        return await request.send(self.inner)

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Pass the request and its events on."""
        async for event in request.stream(self.inner):
            yield event

    async def close(self) -> None:
        """Close the inner model."""
        await self.inner.close()

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        """The inner model's advice."""
        return self.inner.get_retry_advice(request)


def completed_event(response: ModelResponse) -> TResponseStreamEvent:
    """The event that ends a stream, with the whole answer in it."""
    usage = ResponseUsage(
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
        total_tokens=response.usage.total_tokens,
        input_tokens_details=response.usage.input_tokens_details,
        output_tokens_details=response.usage.output_tokens_details,
    )
    return ResponseCompletedEvent(
        type="response.completed",
        sequence_number=0,
        response=Response(
            id=response.response_id or "local",
            created_at=0,
            model="local",
            object="response",
            output=response.output,
            tool_choice="auto",
            tools=[],
            parallel_tool_calls=True,
            usage=usage,
        ),
    )

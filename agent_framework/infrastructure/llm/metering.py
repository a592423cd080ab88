"""Counts the calls of one concrete model: reserve before, settle after.

The input estimate is only that, an estimate on the high side, since tokenizers differ and none is loaded:
UTF-8 bytes of instructions, input items, tool descriptions and schemas and the output schema, divided by 3 and
rounded up, plus 8 tokens for each input item, tool and handoff. English prose is nearer to 4 bytes per token, code and
JSON to 3; scripts with 3 bytes per character can reach one token per character, which is what 3 covers.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from agents import FunctionTool, Model, ModelResponse
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseCompletedEvent

from agent_framework.errors import ModelRefusedError
from agent_framework.infrastructure.llm.base import OFFLINE, Meter, ModelSpec
from agent_framework.infrastructure.llm.pricing import cost_usd
from agent_framework.infrastructure.llm.request import ModelRequest, WrappingModel
from agent_framework.types import Usage

BYTES_PER_TOKEN = 3
TOKENS_PER_ITEM = 8


class MeteredModel(WrappingModel):
    """Sends an output limit with every call and, where there is a meter, accounts for the call.

    A call that the provider refused settles with nothing. One that failed in any other way, or was cancelled, may have
    been billed: it is not settled, so its reservation stands.
    """

    def __init__(self, inner: Model, spec: ModelSpec, meter: Meter | None) -> None:
        super().__init__(inner)
        self._spec = spec
        self._meter = meter

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Reserve, ask, settle."""
        request = self._limited(request)
        receipt = await self._reserve(request)
        try:
            response = await request.send(self.inner)
        except ModelRefusedError:
            await self._settle(receipt, Usage())
            raise
        await self._settle(receipt, self._usage(response.usage.input_tokens, response.usage.output_tokens))
        return response

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Reserve, pass the events on, settle at the event that ends the answer and says what it used."""
        request = self._limited(request)
        receipt = await self._reserve(request)
        events = aiter(request.stream(self.inner))
        while True:
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return
            except ModelRefusedError:
                await self._settle(receipt, Usage())
                raise
            if isinstance(event, ResponseCompletedEvent) and event.response.usage is not None:
                used = event.response.usage
                await self._settle(receipt, self._usage(used.input_tokens, used.output_tokens))
            yield event

    def _limited(self, request: ModelRequest) -> ModelRequest:
        if request.settings.max_tokens is not None:
            return request
        return request.with_settings(replace(request.settings, max_tokens=self._spec.max_output_tokens))

    async def _reserve(self, request: ModelRequest) -> str | None:
        if self._meter is None:
            return None
        return await self._meter.reserve(
            model=self._spec.full_name,
            input_tokens=estimate_input_tokens(request),
            max_output_tokens=request.settings.max_tokens or self._spec.max_output_tokens,
        )

    async def _settle(self, receipt: str | None, usage: Usage) -> None:
        if self._meter is not None and receipt is not None:
            await self._meter.settle(receipt, usage)

    def _usage(self, input_tokens: int, output_tokens: int) -> Usage:
        spec = self._spec
        return Usage(
            requests=0 if spec.provider == OFFLINE else 1,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_usd=cost_usd(spec.model, spec.provider, input_tokens, output_tokens, spec.prices),
            models=(spec.full_name,),
        )


def estimate_input_tokens(request: ModelRequest) -> int:
    """An upper estimate of the tokens a request sends; the module's docstring has the formula."""
    parts = [request.instructions or "", request.input if isinstance(request.input, str) else _json(request.input)]
    for tool in request.tools:
        parts.append(tool.name)
        if isinstance(tool, FunctionTool):
            parts += [tool.description, _json(tool.params_json_schema)]
    for handoff in request.handoffs:
        parts += [handoff.tool_name, handoff.tool_description, _json(handoff.input_json_schema)]
    if request.output_schema is not None and not request.output_schema.is_plain_text():
        parts.append(_json(request.output_schema.json_schema()))
    size_bytes = sum(len(part.encode()) for part in parts)
    items = (1 if isinstance(request.input, str) else len(request.input)) + len(request.tools) + len(request.handoffs)
    return -(-size_bytes // BYTES_PER_TOKEN) + TOKENS_PER_ITEM * (items + 1)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)

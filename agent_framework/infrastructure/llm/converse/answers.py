"""A Converse answer as the SDK's output items and usage, or as the error that its stop reason means.

``inputTokens`` of Converse leaves out what was read from and written to the prompt cache; the SDK's ``input_tokens``
means all of it, so the three are added and the cache's parts are told in the details.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from agents import ModelResponse, Usage
from agents.items import TResponseOutputItem
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
)
from openai.types.responses.response_reasoning_item import Content
from openai.types.responses.response_usage import InputTokensDetails

from agent_framework.errors import ModelError
from agent_framework.infrastructure.llm.base import FINAL_RESULT_TOOL, ModelSpec
from agent_framework.infrastructure.llm.converse.arguments import Call
from agent_framework.infrastructure.llm.converse.messages import REASONING_DATA
from agent_framework.types import JSONDict

_FENCE = re.compile(r"\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)

_REFUSALS: Mapping[str, tuple[str, bool]] = {
    "guardrail_intervened": ("a guardrail blocked the request or the answer", False),
    "content_filtered": ("the provider's content filter blocked the answer", False),
    "model_context_window_exceeded": ("the input and the answer are too long for the model's context window", False),
    "malformed_model_output": ("the model's output was malformed", True),
    "malformed_tool_use": ("the model called a tool in a malformed way", True),
}
"""Stop reasons that are no answer: what they mean, and whether another try can help."""


def model_response(answer: Mapping[str, Any], call: Call, spec: ModelSpec) -> ModelResponse:
    """The answer for the SDK.

    Args:
        answer: what ``converse`` returned, or what a stream was put together to.
        call: what was asked.
        spec: whom.

    Raises:
        ModelError: the answer was cut off, blocked or malformed.
        KeyError: it is not an answer of Converse.
    """
    content, usage = answer["output"]["message"]["content"], answer["usage"]
    _check_stop(str(answer["stopReason"]), call, spec)
    request_id = answer.get("ResponseMetadata", {}).get("RequestId")
    return ModelResponse(
        output=_output(_as_text(content) if call.wants_json else content, str(call.arguments["modelId"])),
        usage=_usage(usage),
        response_id=request_id,
        request_id=request_id,
        raw_usage=dict(usage),
    )


def _check_stop(reason: str, call: Call, spec: ModelSpec) -> None:
    if reason == "max_tokens":
        raise ModelError(
            f"model {spec.full_name}: the answer was cut off at the output limit; "
            f"raise max_output_tokens (now {call.max_tokens})"
        )
    if reason in _REFUSALS:
        meaning, retryable = _REFUSALS[reason]
        raise ModelError(f"model {spec.full_name}: {meaning} ({reason})", retryable=retryable)


def _as_text(content: Iterable[JSONDict]) -> list[JSONDict]:
    """The content with a structured answer as plain JSON text, whether it came by the tool or in a Markdown fence."""
    blocks: list[JSONDict] = []
    for block in content:
        use = block.get("toolUse", {})
        if use.get("name") == FINAL_RESULT_TOOL:
            return [{"text": json.dumps(use["input"], ensure_ascii=False)}]
        fenced = _FENCE.fullmatch(block["text"]) if "text" in block else None
        blocks.append({"text": fenced[1]} if fenced else block)
    return blocks


def _output(content: Iterable[JSONDict], model: str) -> list[TResponseOutputItem]:
    """The SDK's items in the order of the blocks; texts in a row are one message."""
    items: list[TResponseOutputItem] = []
    for block in content:
        text = _text(block)
        if text is not None:
            if not items or not isinstance(items[-1], ResponseOutputMessage):
                items.append(_message())
            message = items[-1]
            assert isinstance(message, ResponseOutputMessage)
            message.content.append(ResponseOutputText(type="output_text", text=text, annotations=[], logprobs=[]))
        elif "toolUse" in block:
            items.append(_tool_call(block["toolUse"]))
        elif "reasoningContent" in block:
            items.append(_reasoning(block["reasoningContent"], model))
    return items


def _text(block: JSONDict) -> str | None:
    """A block's text; an answer with citations holds its text inside them. Blank texts count as none."""
    if "citationsContent" in block:
        text = "".join(part.get("text", "") for part in block["citationsContent"].get("content", ()))
    else:
        text = block.get("text") or ""
    return text if text.strip() else None


def _message() -> ResponseOutputMessage:
    return ResponseOutputMessage(id=FAKE_RESPONSES_ID, type="message", role="assistant", status="completed", content=[])


def _tool_call(use: JSONDict) -> ResponseFunctionToolCall:
    """Arguments that a stream left as broken JSON stay as they are, so that the model is told about them."""
    arguments = use["input"]
    return ResponseFunctionToolCall(
        id=FAKE_RESPONSES_ID,
        type="function_call",
        call_id=use["toolUseId"],
        name=use["name"],
        arguments=arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False),
        status="completed",
    )


def _reasoning(reasoning: JSONDict, model: str) -> ResponseReasoningItem:
    """Reasoning as people may read it, and as the same model wants it back."""
    if "redactedContent" in reasoning:
        kept: JSONDict = {"redacted": b64encode(reasoning["redactedContent"]).decode()}
    else:
        kept = dict(reasoning["reasoningText"])
    text = kept.get("text")
    data: JSONDict = {
        "id": FAKE_RESPONSES_ID,
        "type": "reasoning",
        "summary": [],
        "content": [Content(type="reasoning_text", text=text)] if text else None,
        "provider_data": {"model": model, REASONING_DATA: kept},
    }
    return ResponseReasoningItem(**data)


def _usage(usage: Mapping[str, Any]) -> Usage:
    read, written = usage.get("cacheReadInputTokens") or 0, usage.get("cacheWriteInputTokens") or 0
    input_tokens, output_tokens = usage["inputTokens"] + read + written, usage["outputTokens"]
    return Usage(
        requests=1,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
        input_tokens_details=InputTokensDetails(cached_tokens=read, cache_write_tokens=written),
    )

"""The events of ``converse_stream``, put together to an answer of the same form as that of ``converse``."""

import json
from typing import Any

from agent_framework.errors import ModelError
from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.types import JSONDict


class StreamedAnswer:
    """Takes the events of one stream in their order."""

    def __init__(self) -> None:
        self._blocks: dict[int, JSONDict] = {}
        self._stop: JSONDict = {}
        self._metadata: JSONDict = {}

    def add(self, event: JSONDict) -> str | None:
        """Take one event; the text that it adds to the answer, if any. Unknown events are passed over."""
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            if "toolUse" in start["start"]:
                self._blocks[start["contentBlockIndex"]] = {"toolUse": {**start["start"]["toolUse"], "input": ""}}
        elif "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]
            return self._delta(delta["contentBlockIndex"], delta["delta"])
        elif "messageStop" in event:
            self._stop = event["messageStop"]
        elif "metadata" in event:
            self._metadata = event["metadata"]
        return None

    def answer(self, spec: ModelSpec) -> JSONDict:
        """The whole answer.

        Raises:
            ModelError: the stream ended before the answer did.
        """
        if not self._stop or not self._metadata:
            raise ModelError(
                f"model {spec.full_name}: the connection was lost: the stream ended before the answer did",
                retryable=True,
            )
        content = [_closed(block) for _, block in sorted(self._blocks.items())]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": self._stop["stopReason"],
            "usage": self._metadata["usage"],
        }

    def _delta(self, index: int, delta: JSONDict) -> str | None:
        if "text" in delta:
            block = self._blocks.setdefault(index, {"text": ""})
            block["text"] += delta["text"]
            return delta["text"]
        if "toolUse" in delta:
            self._blocks[index]["toolUse"]["input"] += delta["toolUse"]["input"]
        elif "reasoningContent" in delta:
            self._reasoning(index, delta["reasoningContent"])
        return None

    def _reasoning(self, index: int, delta: JSONDict) -> None:
        reasoning = self._blocks.setdefault(index, {"reasoningContent": {}})["reasoningContent"]
        if "redactedContent" in delta:
            reasoning["redactedContent"] = reasoning.get("redactedContent", b"") + delta["redactedContent"]
            return
        told = reasoning.setdefault("reasoningText", {"text": ""})
        for name in ("text", "signature"):
            if name in delta:
                told[name] = told.get(name, "") + delta[name]


def _closed(block: JSONDict) -> JSONDict:
    """A tool call with its arguments read; what is not JSON stays text."""
    if "toolUse" not in block:
        return block
    return {"toolUse": {**block["toolUse"], "input": _parsed(block["toolUse"]["input"])}}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text

"""The SDK's input items as messages of the Converse API.

Converse wants what the SDK's histories need not have, so every history is brought into this form:

- user and assistant take turns, the user first: neighbours of one role become one message;
- each tool call is answered in the very next message, before any text: results are moved there, a call without a result
  gets one that says so, a result without a call becomes text;
- no text is blank, and an assistant's text does not end in white space;
- tool ids have the form that Converse allows, also those of other providers, and no id is used twice;
- a model's reasoning goes back only to the model that signed it.

Instructions inside the history (roles ``system`` and ``developer``) are returned apart. Where a call offers no tools,
Converse accepts no tool calls in the history either: they are told as text then.
"""

import hashlib
import json
import re
from base64 import b64decode
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agents.items import TResponseInputItem

from agent_framework.errors import ModelRefusedError
from agent_framework.infrastructure.llm.tools import tells_failure
from agent_framework.types import JSONDict, is_array, is_object

USER, ASSISTANT = "user", "assistant"
REASONING_DATA = "bedrock"
"""Key of a reasoning item's ``provider_data`` under which the answer's own block is kept."""

CONTINUE = "(continue)"
"""Stands where Converse wants a user's message and the history has none."""

NO_RESULT = "This call has no recorded result."
_EMPTY = "(empty)"
_INSTRUCTION_ROLES = frozenset({"system", "developer"})
_TOOL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_DATA_URL = re.compile(r"data:image/(png|jpe?g|gif|webp);base64,(.+)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Conversation:
    """``messages`` as Converse takes them, and the texts of instructions that stood between them."""

    messages: list[JSONDict]
    instructions: list[str]


@dataclass(slots=True)
class _Turn:
    """Neighbouring content of one role."""

    role: str
    blocks: list[JSONDict] = field(default_factory=list[JSONDict])


def conversation(items: str | Sequence[TResponseInputItem], *, model: str, tools_as_text: bool = False) -> Conversation:
    """Translate a history.

    Args:
        items: what the SDK passes to a model.
        model: the model id that is asked; reasoning of other models is left out.
        tools_as_text: tell tool calls and results as text, for a call that offers no tools.

    Raises:
        ModelRefusedError: an item or a part of a message for which Converse has no form.
    """
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    entries = [cast(Mapping[str, Any], item) for item in items]
    return _Translation(entries, model, tools_as_text).conversation()


class _Translation:
    """One history on its way."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], model: str, tools_as_text: bool) -> None:
        self._entries = entries
        self._model = model
        self._tools_as_text = tools_as_text
        self._instructions: list[str] = []
        self._turns: list[_Turn] = []
        self._outputs: dict[str, deque[Any]] = {}
        self._said_before: Counter[str] = Counter()
        self._names = {str(e["call_id"]): str(e["name"]) for e in entries if e.get("type") == "function_call"}
        for entry in entries:
            if entry.get("type") == "function_call_output":
                self._outputs.setdefault(str(entry.get("call_id")), deque()).append(entry.get("output"))

    def conversation(self) -> Conversation:
        """Read the entries one by one, then mend what Converse would refuse."""
        for entry in self._entries:
            self._read(entry)
        self._answer_calls()
        turns = _alternating(turn for turn in self._turns if _says_something(turn))
        if not turns or turns[0].role == ASSISTANT:
            turns.insert(0, _Turn(USER, [{"text": CONTINUE}]))
        return Conversation([{"role": turn.role, "content": turn.blocks} for turn in turns], self._instructions)

    def _read(self, entry: Mapping[str, Any]) -> None:
        kind = entry.get("type") or "message"
        if kind == "message":
            self._message(entry)
        elif kind == "function_call":
            self._call(entry)
        elif kind == "function_call_output":
            self._result(entry)
        elif kind == "reasoning":
            self._reasoning(entry)
        else:
            raise ModelRefusedError(
                f"provider bedrock: the history holds an item of type {kind!r}, which Converse lacks"
            )

    def _message(self, entry: Mapping[str, Any]) -> None:
        blocks = list(_blocks(entry.get("content")))
        role = str(entry.get("role"))
        if role in _INSTRUCTION_ROLES:
            self._instructions += [block["text"] for block in blocks if "text" in block]
        elif role == ASSISTANT:
            self._say(ASSISTANT, *({"text": block["text"].rstrip()} for block in blocks if "text" in block))
        else:
            self._say(USER, *blocks)

    def _call(self, entry: Mapping[str, Any]) -> None:
        if self._tools_as_text:
            self._say(ASSISTANT, {"text": f"[called {entry['name']} with {entry.get('arguments') or '{}'}]"})
            return
        call_id = str(entry["call_id"])
        self._said_before[call_id] += 1
        use = {"toolUseId": tool_id(call_id, self._said_before[call_id]), "name": entry["name"]}
        self._say(ASSISTANT, {"toolUse": {**use, "input": _arguments(entry)}, "_call_id": call_id})

    def _result(self, entry: Mapping[str, Any]) -> None:
        call_id = str(entry.get("call_id"))
        if not self._tools_as_text and call_id in self._names:
            self._turn(USER)
            return
        blocks = list(_blocks(entry.get("output")))
        text = " ".join(block["text"] for block in blocks if "text" in block) or _EMPTY
        self._say(USER, {"text": f"[{self._names.get(call_id, 'an earlier call')} returned: {text}]"})
        self._say(USER, *(block for block in blocks if "text" not in block))

    def _reasoning(self, entry: Mapping[str, Any]) -> None:
        data = entry.get("provider_data")
        if self._tools_as_text or not is_object(data) or data.get("model") != self._model:
            return
        kept = data.get(REASONING_DATA)
        if is_object(kept):
            self._say(ASSISTANT, {"reasoningContent": reasoning_block(kept)})

    def _say(self, role: str, *blocks: JSONDict) -> None:
        if blocks:
            self._turn(role).blocks.extend(blocks)

    def _turn(self, role: str) -> _Turn:
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        return self._turns[-1]

    def _answer_calls(self) -> None:
        """Put the result of each call at the start of the turn after it."""
        if self._turns and any("toolUse" in block for block in self._turns[-1].blocks):
            self._turn(USER)
        for turn, following in zip(self._turns, self._turns[1:], strict=False):
            calls = [block for block in turn.blocks if "toolUse" in block]
            following.blocks[:0] = [
                self._tool_result(block["toolUse"]["toolUseId"], block.pop("_call_id")) for block in calls
            ]

    def _tool_result(self, use_id: str, call_id: str) -> JSONDict:
        outputs = self._outputs.get(call_id)
        output = outputs.popleft() if outputs else None
        result: JSONDict = {"toolUseId": use_id}
        result["content"] = list(_blocks(output)) or [{"text": NO_RESULT if output is None else _EMPTY}]
        if output is None or (isinstance(output, str) and tells_failure(output)):
            result["status"] = "error"
        return {"toolResult": result}


def _says_something(turn: _Turn) -> bool:
    """Reasoning alone is no message."""
    return any("reasoningContent" not in block for block in turn.blocks)


def _alternating(turns: Iterable[_Turn]) -> list[_Turn]:
    """The turns with neighbours of one role joined."""
    joined: list[_Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1].blocks += turn.blocks
        else:
            joined.append(turn)
    return joined


def tool_id(call_id: str, occurrence: int = 1) -> str:
    """The id itself where Converse allows it, else one derived from it: ids have a form and are used once."""
    if occurrence == 1 and _TOOL_ID.fullmatch(call_id):
        return call_id
    return f"call_{hashlib.sha256(f'{occurrence} {call_id}'.encode()).hexdigest()[:32]}"


def reasoning_block(kept: JSONDict) -> JSONDict:
    """A reasoning block from its JSON form, in which redacted bytes are base64."""
    if "redacted" in kept:
        return {"redactedContent": b64decode(kept["redacted"])}
    return {"reasoningText": {name: kept[name] for name in ("text", "signature") if name in kept}}


def _arguments(entry: Mapping[str, Any]) -> JSONDict:
    """A call's arguments as an object; what is none is kept, since the history must not change."""
    text = entry.get("arguments") or "{}"
    try:
        value: Any = json.loads(text, parse_constant=str)
    except ValueError:
        value = None
    return value if is_object(value) else {"invalid_arguments": text}


def _blocks(content: Any) -> Iterator[JSONDict]:
    """The content of a message or of a tool's output, without blank texts."""
    parts: list[Any] = content if is_array(content) else [] if content is None else [str(content)]
    for part in parts:
        block = {"text": part} if isinstance(part, str) else _block(cast(Mapping[str, Any], part))
        if "text" not in block or block["text"].strip():
            yield block


def _block(part: Mapping[str, Any]) -> JSONDict:
    for key in ("text", "refusal"):
        if isinstance(part.get(key), str):
            return {"text": part[key]}
    if part.get("type") in ("input_image", "image_url"):
        return _image(part.get("image_url"))
    raise ModelRefusedError(f"provider bedrock: a message holds a part of type {part.get('type')!r}, which is not text")


def _image(source: Any) -> JSONDict:
    """An image from its data URL, given as it is or as ``{"url": ...}``."""
    url = source.get("url") if isinstance(source, Mapping) else source  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    match = _DATA_URL.fullmatch(str(url or ""))  # pyright: ignore[reportUnknownArgumentType]
    if match is None:
        raise ModelRefusedError("provider bedrock: Converse takes images as data URLs (png, jpeg, gif, webp) only")
    try:
        data = b64decode(match[2], validate=True)
    except ValueError as exc:
        raise ModelRefusedError("provider bedrock: an image's data URL is not base64") from exc
    return {"image": {"format": match[1].lower().replace("jpg", "jpeg"), "source": {"bytes": data}}}

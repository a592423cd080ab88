"""What the input items of a model call say about the run so far: the task, the calls made, the results they had."""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agents.items import TResponseInputItem


@dataclass(frozen=True, slots=True)
class Transcript:
    """The current task and what was done for it.

    Attributes:
        task: text of the newest user message.
        called: names of the tools called since then.
        results: by tool name, the newest result of each call that has one; JSON and Python literals are parsed.
        outputs: the same results as the text that the tools gave.
        calls_before: how many calls the whole input holds, so that new call ids can differ from all of them.
        length: number of input items.
    """

    task: str
    called: frozenset[str]
    results: Mapping[str, Any]
    outputs: Mapping[str, str]
    calls_before: int
    length: int


def read_transcript(items: str | Sequence[TResponseInputItem]) -> Transcript:
    """Read the input of a model call. A newer user message, as in a chat with a session, starts a new task."""
    if isinstance(items, str):
        return Transcript(task=items, called=frozenset(), results={}, outputs={}, calls_before=0, length=1)
    entries = [cast(Mapping[str, Any], item) for item in items]
    starts = [index for index, entry in enumerate(entries) if entry.get("role") == "user"]
    start = starts[-1] if starts else 0
    current = entries[start:]
    names = {entry["call_id"]: str(entry["name"]) for entry in current if entry.get("type") == "function_call"}
    outputs = {
        names[entry["call_id"]]: _text(entry.get("output"))
        for entry in current
        if entry.get("type") == "function_call_output" and entry.get("call_id") in names
    }
    return Transcript(
        task=_text(entries[start].get("content")) if starts else "",
        called=frozenset(names.values()),
        results={name: _parsed(text) for name, text in outputs.items()},
        outputs=outputs,
        calls_before=sum(entry.get("type") == "function_call" for entry in entries),
        length=len(entries),
    )


def _text(content: Any) -> str:
    """The text of a message or of a tool's output, which is a string or a list of parts."""
    return content if isinstance(content, str) else "".join(_part_texts(content))


def _part_texts(parts: Any) -> Iterator[str]:
    for part in cast(Sequence[Any], parts) if isinstance(parts, list) else ():
        text = cast(Mapping[str, Any], part).get("text") if isinstance(part, Mapping) else None
        if isinstance(text, str):
            yield text


def _parsed(text: str) -> Any:
    """The value a tool returned: the SDK sends anything but text as ``str(value)``, so both notations are read."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text

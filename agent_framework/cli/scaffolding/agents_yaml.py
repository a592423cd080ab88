"""Adds an agent to an agents.yaml that somebody wrote by hand: only lines are added, nothing else is touched.

The new lines are put where the parser says that the last agent ends, so comments, order, quotes and indentation stay
byte for byte. The result is parsed again and must be the old data plus the one entry.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import yaml

from agent_framework.config.yaml_reader import NO_YAML, parse_yaml
from agent_framework.errors import ConfigError, ProjectError
from agent_framework.types import JSONDict

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_AMBIGUOUS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def add_agent_entry(text: str, name: str, entry: JSONDict, *, file: str) -> str:
    """The text of agents.yaml with ``agents.<name>: entry`` added; ``text`` must load.

    Raises:
        ProjectError: the file is laid out in a way that this cannot add to; the message holds the entry.
    """
    body = text.removeprefix("\ufeff")
    newline = "\r\n" if "\r\n" in body else "\n"
    before: JSONDict = parse_yaml(body, file=file).data
    agents: JSONDict = before.get("agents") or {}
    wanted = {**before, "agents": {**agents, name: entry}}
    with suppress(ConfigError, *NO_YAML):  # the parser that tells the places takes less than the one that reads
        changed = _added(body, name, entry, newline)
        if parse_yaml(changed, file=file).data == wanted:
            return text[: len(text) - len(body)] + changed
    lines = "\n".join(block_lines({name: entry}, indent=2, step=2))
    raise ProjectError(
        f"{file}: its layout leaves no place to add an agent to; add this under 'agents:' yourself, with the files "
        f"of another agent as a pattern:\n{lines}"
    )


def block_lines(data: Mapping[str, Any], *, indent: int, step: int) -> Iterator[str]:
    """``data`` as lines of block-style YAML; lists stand in brackets."""
    for key, value in data.items():
        start = f"{' ' * indent}{key}:"
        if isinstance(value, Mapping):
            yield start
            yield from block_lines(value, indent=indent + step, step=step)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list):
            yield f"{start} [{', '.join(map(_scalar, value))}]"  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield f"{start} {_scalar(value)}"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _AMBIGUOUS
    return value if plain else json.dumps(value, ensure_ascii=False)


def _added(text: str, name: str, entry: JSONDict, newline: str) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    agents = next((value for key, value in root.value if key.value == "agents"), None)
    if agents is None:
        return _ended(text, newline) + newline + _block({"agents": {name: entry}}, newline)
    if isinstance(agents, yaml.ScalarNode) or not agents.value:
        end = agents.end_mark.index
        place = _next_line(text, end)
        head = _ended(text[: agents.start_mark.index].rstrip(" ") + text[end:place], newline)
        return head + _block({name: entry}, newline, indent=2) + text[place:]
    if agents.flow_style:
        end = agents.value[-1][1].end_mark.index
        return f"{text[:end]}, {name}: {json.dumps(entry, ensure_ascii=False)}{text[end:]}"
    return _after_last(text, agents, {name: entry}, newline)


def _after_last(text: str, agents: yaml.MappingNode, data: JSONDict, newline: str) -> str:
    key, value = agents.value[-1]
    column: int = key.start_mark.column
    step: int = value.start_mark.column - column if isinstance(value, yaml.MappingNode) and not value.flow_style else 2
    place = _end_of_block(text, _last_character(text, value), column)
    gap = "" if len(agents.value) == 1 else text[_last_character(text, agents.value[-2][1]) : key.start_mark.index]
    spaced = len(agents.value) == 1 or _BLANK_LINE.search(gap)
    lines = _block(data, newline, indent=column, step=step)
    return _ended(text[:place], newline) + (newline if spaced else "") + lines + text[place:]


def _last_character(text: str, node: yaml.Node) -> int:
    """Index behind the last character of a value."""
    while isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) and not node.flow_style and node.value:
        last: Any = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    end: int = node.end_mark.index
    return len(text[:end].rstrip())


def _end_of_block(text: str, index: int, column: int) -> int:
    """Index behind the line of ``index`` and the comments after it that are indented like the agents or deeper."""
    end = _next_line(text, index)
    look = end
    while look < len(text):
        line = text[look : _next_line(text, look)]
        if line.strip() and not (line.lstrip().startswith("#") and len(line) - len(line.lstrip()) >= column):
            break
        look = _next_line(text, look)
        if line.strip():
            end = look
    return end


def _next_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _ended(text: str, newline: str) -> str:
    return text if text.endswith("\n") else text + newline


def _block(data: JSONDict, newline: str, *, indent: int = 0, step: int = 2) -> str:
    return "".join(f"{line}{newline}" for line in block_lines(data, indent=indent, step=step))

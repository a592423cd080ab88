"""Safe YAML with line numbers.

Plain data only: no tags, no anchors or aliases, no duplicate keys, bounded size and depth; scalars by YAML 1.2's core
schema, so that ``on`` and ``no`` stay text. Every value's line is kept under its path.

libyaml parses where PyYAML was built with it (its wheels are), which takes a tenth of the time. What it refuses is read
again by PyYAML's own parser, which says better what is wrong.
"""

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from agent_framework.errors import ConfigError, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_PLAIN: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip

Path_ = tuple[str | int, ...]

NO_YAML = (yaml.YAMLError, ValueError, OverflowError)
"""What PyYAML raises on a text that is no YAML; the last two on an escape or a version with too large a number."""
_QUICK: Any = getattr(yaml, "CSafeLoader", None)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed file: its data, and the line (from 1) of each value and key by path."""

    file: str
    data: Any
    lines: dict[Path_, int] = field(repr=False)

    def line_of(self, path: Path_) -> int | None:
        """The line of ``path``, or of the nearest part of it that the file has."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def read_yaml(path: Path) -> YamlFile:
    """Read and parse ``path``.

    Raises:
        ConfigError: it cannot be read, is no YAML, or uses what is refused; with the line.
    """
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise ConfigError([Problem(f"cannot be read: {exc.strerror}", file=str(path))]) from exc
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem(f"is {len(raw):,} bytes; the limit is {MAX_BYTES:,}", file=str(path))])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ConfigError([Problem(f"is not UTF-8 text (byte {exc.start})", file=str(path))]) from exc
    return parse_yaml(text, file=str(path))


def parse_yaml(text: str, *, file: str = "agents.yaml") -> YamlFile:
    """Parse ``text``; ``file`` is the name used in errors."""
    reader = _Reader(file)
    node = _composed(reader, text)
    data = None if node is None else reader.build(node, ())
    if reader.problems:
        raise ConfigError(reader.problems)
    return YamlFile(file, data, reader.lines)


def _composed(reader: "_Reader", text: str) -> yaml.Node | None:
    if _QUICK is not None:
        with suppress(*NO_YAML):
            return reader.compose(text, _QUICK)
    file = reader.file
    try:
        return reader.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else None
        raise ConfigError([Problem(f"not valid YAML: {exc.problem or exc.context}", file=file, line=line)]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError([Problem(f"not valid YAML: {str(exc).splitlines()[0]}", file=file)]) from exc
    except NO_YAML as exc:
        raise ConfigError([Problem("not valid YAML: a number in an escape is too large", file=file)]) from exc


class _Reader:
    """Builds plain data from YAML nodes and collects what is refused."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._depth = 0

    def compose(self, text: str, loader: Any) -> yaml.Node | None:
        """The nodes of ``text``, in which nothing is refused, and which are nested no deeper than is allowed."""
        self._depth = 0
        for event in yaml.parse(text, Loader=loader):
            self._check(event)
        return yaml.compose(text, Loader=loader)

    def _check(self, event: yaml.Event) -> None:
        """Refuse what must be refused before anything is built from it."""
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ConfigError([Problem("anchors and aliases (& and *) are not allowed", file=self.file, line=line)])
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise ConfigError([Problem(f"nested deeper than {MAX_DEPTH} levels", file=self.file, line=line)])
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._depth -= 1
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise ConfigError([Problem(f"the tag {tag} is not allowed", file=self.file, line=line)])

    def build(self, node: yaml.Node, path: Path_) -> Any:
        """The plain value of ``node``."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        if any("\ud800" <= character <= "\udfff" for character in node.value):
            where, line = ".".join(map(str, path)), node.start_mark.line + 1
            self.problems.append(Problem("half a surrogate pair is no text", path=where, file=self.file, line=line))
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            where = ".".join(map(str, path))
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem("a key must be text", path=where, file=self.file, line=line))
                continue
            key = str(key_node.value)
            if key in result:
                self.problems.append(Problem(f"the key {key!r} is there twice", path=where, file=self.file, line=line))
                continue
            self.lines[(*path, key)] = line
            result[key] = self.build(value_node, (*path, key))
        return result


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if getattr(node, "style", None):
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if len(text) <= 40:
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text) and math.isfinite(float(text)):
            return float(text)
    return text

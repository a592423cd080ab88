"""A file of recorded model calls: readable JSON, no keys, written whole or not at all.

One entry holds a request as far as it decides the answer (instructions, input, tools, output type, the settings that
matter) and the answer or the error it had. Headers, keys, limits, time-outs and the model's name are not part of it:
a cassette outlives a renamed model. Recording adds to the file; delete it to record anew.
"""

import difflib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from agent_framework.errors import ConfigError, ReplayMismatchError
from agent_framework.observability.redaction import redact

Entry = dict[str, Any]

_FORMAT = 1
_writing = threading.Lock()
"""One for all files: recordings are rare, and two models of one process may write the same file."""


@dataclass(slots=True)
class Cassette:
    """The recorded calls of one file, and how often each request was answered.

    A request that was recorded several times gets its answers in the recorded order, and from the start again after
    the last one, so that one file serves several runs of a process.
    """

    path: Path
    entries: Sequence[Entry]
    _answered: dict[str, int] = field(default_factory=dict[str, int])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Mapping[str, Any]) -> Entry:
        """The next recorded entry for this request.

        Raises:
            ReplayMismatchError: it was never recorded; the message holds the difference to the nearest one that was.
        """
        key = fingerprint(request)
        matches = [entry for entry in self.entries if entry["fingerprint"] == key]
        if not matches:
            raise ReplayMismatchError(self._difference(request))
        with self._lock:
            turn = self._answered.get(key, 0)
            self._answered[key] = turn + 1
        return matches[turn % len(matches)]

    def _difference(self, request: Mapping[str, Any]) -> str:
        head = f"{self.path} has no recording of this request; if the change is meant, delete the file and record anew"
        wanted = _lines(request)
        recorded = [_lines(entry["request"]) for entry in self.entries]
        if not recorded:
            return f"{head}. The file is empty."
        nearest = max(recorded, key=lambda lines: difflib.SequenceMatcher(None, lines, wanted, autojunk=False).ratio())
        diff = difflib.unified_diff(nearest, wanted, "recorded request", "this request", lineterm="")
        return "\n".join([f"{head}. Difference to the nearest one:", *diff])


def open_cassette(path: str | Path) -> Cassette:
    """Read a cassette; models that replay the same unchanged file in one process share it and its order.

    Raises:
        ConfigError: there is no such file, or it is not a cassette.
    """
    file = Path(path).resolve()
    try:
        stat = file.stat()
    except OSError as exc:
        raise ConfigError(f"cannot read the cassette {path}: {exc.strerror}; record it first") from exc
    return _opened(file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def _opened(file: Path, changed_ns: int, size_bytes: int) -> Cassette:
    return Cassette(file, _read(file))


def add_to_cassette(path: str | Path, entry: Mapping[str, Any]) -> None:
    """Append one entry; the file is replaced as a whole, so a reader never sees half of it."""
    file = Path(path).resolve()
    with _writing:
        calls = [*(_read(file) if file.exists() else ()), {"fingerprint": fingerprint(entry["request"]), **entry}]
        text = json.dumps({"format": _FORMAT, "calls": calls}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file, text)


def without_secrets(value: Any) -> Any:
    """The same JSON value with every key-like text masked."""
    return json.loads(redact(json.dumps(value, ensure_ascii=False)))


def fingerprint(request: Mapping[str, Any]) -> str:
    """A short digest of a request in its stable form."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(file: Path) -> list[Entry]:
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ConfigError(f"the cassette {file} has format {data['format']}; this version reads {_FORMAT}")
        return cast(list[Entry], data["calls"])
    except (ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{file} is not a cassette of recorded model calls: {exc}") from exc


def _replace(file: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()

"""JSON as it is stored and sent: compact and strict both ways; what is read is always an object."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar

from agent_framework.errors import ProviderError
from agent_framework.types import JSONDict, is_object

V = TypeVar("V")
_CONTAINERS = frozenset({dict, list})
_COMPACT = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def to_json(value: Any, *, what: str) -> str:
    """Compact JSON text that every database and transport takes.

    Raises:
        ProviderError: the value is not JSON (NaN, infinity, a lone surrogate, an object); ``what`` names it.
    """
    try:
        text = _COMPACT.encode(value)
        if not text.isascii():
            text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as exc:
        raise ProviderError(f"{what} cannot be written as JSON: {exc}") from exc
    if "\ufffe" in text or "\uffff" in text:  # no characters in XML, which some services speak
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def to_object(text: str | bytes) -> JSONDict:
    """The JSON object in ``text``.

    Raises:
        ValueError: it is not JSON, or something else than an object; the message says which.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except RecursionError as exc:
        raise ValueError("not JSON that can be read: nested too deeply") from exc
    except ValueError as exc:
        raise ValueError(f"not JSON: {exc}") from exc
    if not is_object(value):
        raise ValueError(f"JSON, but {type(value).__name__} instead of an object")
    if isinstance(text, bytes) or "\\ud" in text or "\\uD" in text:
        check_json(value)
    return value


def check_json(value: object) -> None:
    """Refuse what Python's parser lets through and no other one takes.

    Raises:
        ValueError: NaN or infinity, half a surrogate pair, or nested too deeply; the message says which.
    """
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        raise ValueError("not JSON of valid Unicode: half a surrogate pair is no text") from exc
    except RecursionError as exc:
        raise ValueError("not JSON that can be read: nested too deeply") from exc
    except (TypeError, ValueError) as exc:
        raise ValueError(f"not JSON: {exc}") from exc


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


class ByObject(Generic[V]):
    """What ``make`` makes of JSON objects that many jobs share, found again by the very object.

    At most ``most`` are kept, and only what ``keeps`` says is worth it.
    """

    def __init__(
        self, make: Callable[[JSONDict], V], *, most: int, keeps: Callable[[V], bool] = lambda made: True
    ) -> None:
        self._make = make
        self._most = most
        self._keeps = keeps
        self._made: dict[int, tuple[JSONDict, V]] = {}

    def __call__(self, data: JSONDict) -> V:
        """As ``make``; ``data`` is never changed."""
        kept = self._made.get(id(data))
        if kept is not None and kept[0] is data:
            return kept[1]
        made = self._make(data)
        if self._keeps(made):
            if len(self._made) >= self._most:
                self._made.clear()
            self._made[id(data)] = data, made
        return made


def json_copy(value: Any) -> Any:
    """The same JSON value, of which nothing is shared."""
    if type(value) is dict:
        copy: JSONDict = value.copy()  # pyright: ignore[reportUnknownVariableType]
        for key, item in copy.items():
            if type(item) in _CONTAINERS:
                copy[key] = json_copy(item)
        return copy
    if type(value) is list:
        return [json_copy(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def canonical_json(value: Any) -> str:
    """One text for equal values: keys in order, no spaces; what is not JSON stands as its text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def hash_of(value: Any) -> str:
    """SHA-256 of the canonical text, as hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()

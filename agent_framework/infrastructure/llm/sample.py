"""A value that satisfies a JSON schema, the same one every time.

Knows what pydantic and the Agents SDK write: ``$ref`` into the schema itself, ``anyOf``, ``oneOf``, ``allOf``,
``const``, ``enum``, ``default``, ``examples``, bounds of numbers, texts and arrays, ``format``, nested objects.

Out of reach, and answered with a plain value: a ``pattern`` that none of a few usual shapes fits, ``not``,
``if``/``then``, ``patternProperties``, and a ``oneOf`` whose branches overlap.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

Schema = Mapping[str, Any]

_DEEP = 4
"""From this depth on only what must be there is made, so that recursive schemas end soon."""
_MAX_REFERENCES = 12

_FORMATS: Mapping[str, str] = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_SHAPES = (
    *("text", "Text", "TEXT", "A", "AB", "ABC", "ABCD", "a", "abc", "a1", "A1", "A-1", "ABC-123", "abc-123"),
    *("0", "1", "12", "123", "1234", "12345", "123456", "1.0", "2025", "2025-01", "2025-01-01", "00:00"),
    *("#000000", "+10000000000", "a@b.co", "https://example.com/"),
)
"""Texts that are tried where a schema has a ``pattern``."""


def sample(schema: Schema, *, variant: int = 0) -> Any:
    """A value that satisfies ``schema``; another ``variant`` gives another value where the schema leaves room."""
    return _Sampler(schema).value(schema, variant, 0)


class _Sampler:
    """Walks one schema; the root is kept for ``$ref``."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def value(self, schema: Any, variant: int, depth: int) -> Any:
        """A value for one subschema; ``true`` and an empty schema allow anything."""
        if not isinstance(schema, Mapping):
            return "text"
        schema = self._resolved(cast(Schema, schema))
        if "const" in schema:
            return schema["const"]
        if "default" in schema and variant == 0:
            return schema["default"]
        if schema.get("enum"):
            return schema["enum"][variant % len(schema["enum"])]
        if schema.get("examples") and variant == 0:
            return schema["examples"][0]
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._of_branches(schema, key, variant, depth)
        return self._typed(schema, variant, depth)

    def _resolved(self, schema: Schema) -> Schema:
        """Follow ``$ref`` and merge ``allOf``; what stands beside them wins."""
        for _ in range(_MAX_REFERENCES):
            if "$ref" in schema:
                beside = {key: value for key, value in schema.items() if key != "$ref"}
                schema = _merged(self._target(schema["$ref"]), beside)
            elif "allOf" in schema:
                beside = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    beside = _merged(self._resolved(part), beside)
                schema = beside
            else:
                return schema
        return schema

    def _target(self, ref: str) -> Schema:
        """What a reference within the schema points at; any other reference allows anything."""
        node: Any = self._root
        for part in ref.removeprefix("#").strip("/").split("/") if ref != "#" else ():
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal():
                node = dict(enumerate(cast(list[Any], node))).get(int(name), {})
            else:
                node = cast(Schema, node).get(name, {}) if isinstance(node, Mapping) else {}
        return cast(Schema, node)

    def _of_branches(self, schema: Schema, key: str, variant: int, depth: int) -> Any:
        """The first branch; deep inside a recursive schema the one that ends it."""
        branches = [_merged(self._resolved(branch), _without(schema, key)) for branch in schema[key]]
        if depth >= _DEEP:
            branches.sort(key=_size)
        return self.value(branches[0], variant, depth)

    def _typed(self, schema: Schema, variant: int, depth: int) -> Any:
        kind = schema.get("type") or _implied_type(schema)
        if isinstance(kind, Sequence) and not isinstance(kind, str):
            kinds = cast(Sequence[str], kind)
            kind = "null" if "null" in kinds and depth >= _DEEP else kinds[0]
        makers: Mapping[Any, Callable[[], Any]] = {
            "object": lambda: self._object(schema, variant, depth),
            "array": lambda: self._array(schema, variant, depth),
            "string": lambda: _string(schema, variant),
            "integer": lambda: int(_number(schema, variant, whole=True)),
            "number": lambda: _number(schema, variant, whole=False),
            "boolean": lambda: variant % 2 == 0,
            "null": lambda: None,
        }
        return makers.get(kind, lambda: "text")()

    def _object(self, schema: Schema, variant: int, depth: int) -> dict[str, Any]:
        """Every property, as a careful model would; deep inside only the required ones."""
        properties: Schema = schema.get("properties", {})
        required: Sequence[str] = schema.get("required", ())
        names = list(required) if depth >= _DEEP else list(dict.fromkeys([*properties, *required]))
        if "maxProperties" in schema:
            names = list(dict.fromkeys([*required, *names]))[: max(schema["maxProperties"], len(required))]
        extra = schema.get("additionalProperties", True)
        made = {name: self.value(properties.get(name, extra), variant, depth + 1) for name in names}
        for index in range(schema.get("minProperties", 0) - len(made)):
            made[f"key{index}"] = self.value(extra, index, depth + 1)
        return made

    def _array(self, schema: Schema, variant: int, depth: int) -> list[Any]:
        prefix: Sequence[Any] = schema.get("prefixItems", ())
        wanted = 0 if depth >= _DEEP else 1
        length = max(schema.get("minItems", 0), min(max(wanted, len(prefix)), schema.get("maxItems", math.inf)))
        items = schema.get("items", True)
        return [
            self.value(prefix[index] if index < len(prefix) else items, variant + index, depth + 1)
            for index in range(int(length))
        ]


def _string(schema: Schema, variant: int) -> str:
    if schema.get("format") in _FORMATS:
        text = _FORMATS[schema["format"]]
        return text if variant == 0 else _another(schema["format"], text, variant)
    text = "text" if variant == 0 else f"text{variant}"
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if "pattern" in schema:
        fitting = [s for s in _SHAPES if shortest <= len(s) <= longest and re.search(schema["pattern"], s)]
        return fitting[variant % len(fitting)] if fitting else text
    if len(text) > longest:
        text = f"{variant}"[: int(longest)] if variant else text[: int(longest)]
    return text + "." * (shortest - len(text))


def _another(form: str, text: str, variant: int) -> str:
    """Another value of the same format, for arrays of unique items."""
    numbered = {
        "date": f"2025-01-{variant % 28 + 1:02}",
        "date-time": f"2025-01-01T00:00:{variant % 60:02}Z",
        "email": f"someone{variant}@example.com",
        "uri": f"https://example.com/{variant}",
        "uuid": f"00000000-0000-4000-8000-{variant:012}",
    }
    return numbered.get(form, text)


def _number(schema: Schema, variant: int, *, whole: bool) -> float:
    """The smallest allowed number at or above 1, or else any allowed one, ``variant`` steps further on."""
    step = schema.get("multipleOf") or (1 if whole else None)
    low, high = _bounds(schema)
    if step is None:
        start = min(max(1.0, low), high)
        if start == schema.get("exclusiveMinimum") or start == schema.get("exclusiveMaximum"):
            start = (low + high) / 2 if low > -math.inf and high < math.inf else start + (1 if start == low else -1)
        return _inside(start + variant, start, high, schema) if variant else start
    lowest = math.ceil(low / step) if low > -math.inf else -math.inf
    highest = math.floor(high / step) if high < math.inf else math.inf
    lowest += 1 if lowest * step == schema.get("exclusiveMinimum") else 0
    highest -= 1 if highest * step == schema.get("exclusiveMaximum") else 0
    count = min(max(1, lowest), highest) + variant
    count = count if count <= highest else max(lowest, highest - variant)
    return round(count * step, 12)


def _bounds(schema: Schema) -> tuple[float, float]:
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    return low, high


def _inside(number: float, start: float, high: float, schema: Schema) -> float:
    """``number`` if the bounds allow it, else a point between ``start`` and the upper bound."""
    if number < high or (number == high and high != schema.get("exclusiveMaximum")):
        return number
    return start + (high - start) / (number - start + 1)


def _merged(base: Schema, over: Schema) -> dict[str, Any]:
    """Both schemas at once: properties and required names are joined, of the rest ``over`` wins."""
    merged = {**base, **over}
    for key in ("properties", "$defs"):
        if key in base and key in over:
            merged[key] = {**base[key], **over[key]}
    if "required" in base and "required" in over:
        merged["required"] = list(dict.fromkeys([*base["required"], *over["required"]]))
    return merged


def _without(schema: Schema, key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in (key, "title", "description", "$defs")}


def _implied_type(schema: Schema) -> str | None:
    hints = {"properties": "object", "required": "object", "items": "array", "prefixItems": "array"}
    hints |= {"minimum": "number", "maximum": "number", "minLength": "string", "pattern": "string", "format": "string"}
    return next((kind for key, kind in hints.items() if key in schema), None)


def _size(schema: Schema) -> int:
    """Null ends a recursion at once, a scalar too, an array mostly, an object perhaps."""
    return {"null": 0, "array": 2, "object": 3}.get(str(schema.get("type") or _implied_type(schema)), 1)

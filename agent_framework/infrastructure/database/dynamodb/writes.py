"""Conditional writes as data: what to change, under which condition; rendered in DynamoDB's words.

Conditions are written as DynamoDB's expressions, with ``#name`` for the attribute ``name`` (so that no reserved word
matters) and ``:value`` for a value. Attributes hold text, numbers and truth values; everything structured is JSON text,
which keeps floats and integers of any length as they are.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.dynamodb.keys import Key

Item = dict[str, Any]
"""Attributes of one item: text, int, float or bool; an absent attribute is absent."""

Wire = dict[str, dict[str, Any]]
"""The same as DynamoDB's API has it: ``{"run": {"N": "1"}}``."""

_NAMES = re.compile(r"#(\w+)")
_INTEGER = re.compile(r"-?\d+")
_MAX_DIGITS = 38


def to_wire(item: Mapping[str, Any]) -> Wire:
    """DynamoDB's form of the attributes that are not None.

    Raises:
        ProviderError: a number that DynamoDB cannot keep exactly.
    """
    return {name: _attribute(name, value) for name, value in item.items() if value is not None}


def _attribute(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": _text(name, value)}
    exact = math.isfinite(value) if isinstance(value, float) else abs(value) < 10**_MAX_DIGITS
    if not exact:
        raise ProviderError(f"dynamodb cannot store {value!r} as {name}: use a finite number of at most 38 digits")
    return {"N": repr(value)}


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise ProviderError(f"dynamodb cannot store {name}: {exc}; use valid Unicode text") from exc
    return str(value)


def from_wire(wire: Mapping[str, Mapping[str, Any]]) -> Item:
    """Attributes as Python values; a number without a fraction is an int."""
    item: Item = {}
    for name, attribute in wire.items():
        ((kind, value),) = attribute.items()
        item[name] = _number(value) if kind == "N" else value
    return item


def _number(text: str) -> int | float:
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def wire_key(key: Key) -> Wire:
    """A key as DynamoDB's API has it."""
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}}


def names_of(*expressions: str) -> dict[str, str]:
    """``ExpressionAttributeNames`` for every ``#name`` in the expressions."""
    return {f"#{name}": name for expression in expressions for name in _NAMES.findall(expression)}


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    key: Key
    item: Item
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Update:
    """Change some attributes: ``set`` (None removes), ``once`` (only where absent), ``add`` (to a number).

    ``stamp`` names an attribute that takes a value which no other write has: an update whose answer was lost is
    recognised by it when the second try finds its condition broken by the first.
    """

    key: Key
    set: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stamp: tuple[str, str] | None = None
    once: Mapping[str, Any] = field(default_factory=dict[str, Any])
    add: Mapping[str, int] = field(default_factory=dict[str, int])
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item."""

    key: Key
    condition: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing, but hold the transaction to a condition."""

    key: Key
    condition: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


Write = Put | Update | Delete | Check


def render(write: Write, table: str) -> tuple[str, dict[str, Any]]:
    """The transaction's word for the write, and its parameters (also those of PutItem and UpdateItem)."""
    params: dict[str, Any] = {"TableName": table}
    values: dict[str, Any] = {f":{name}": value for name, value in write.values.items()}
    expressions = [write.condition]
    if isinstance(write, Put):
        params["Item"] = wire_key(write.key) | to_wire(write.item)
    else:
        params["Key"] = wire_key(write.key)
    if isinstance(write, Update):
        params["UpdateExpression"] = _change(write, values)
        expressions.append(params["UpdateExpression"])
    if write.condition:
        params["ConditionExpression"] = write.condition
    if values:
        params["ExpressionAttributeValues"] = to_wire(values)
    if names := names_of(*expressions):
        params["ExpressionAttributeNames"] = names
    return _KINDS[type(write)], params


_KINDS: dict[type[Write], str] = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}


def _change(write: Update, values: dict[str, Any]) -> str:
    """The update expression; adds its values to ``values`` under names that no condition uses."""
    clauses: list[str] = []
    changed = {**write.set, **dict([write.stamp] if write.stamp else [])}
    for name, value in changed.items():
        if value is not None:
            clauses.append(f"#{name} = :set_{name}")
            values[f":set_{name}"] = value
    for name, value in write.once.items():
        clauses.append(f"#{name} = if_not_exists(#{name}, :once_{name})")
        values[f":once_{name}"] = value
    parts = [f"SET {', '.join(clauses)}"] if clauses else []
    if removed := [f"#{name}" for name, value in changed.items() if value is None]:
        parts.append(f"REMOVE {', '.join(removed)}")
    if write.add:
        parts.append(f"ADD {', '.join(f'#{name} :add_{name}' for name in write.add)}")
        values.update({f":add_{name}": value for name, value in write.add.items()})
    return " ".join(parts)


def texts(write: Write) -> list[int]:
    """Bytes of each text in the write."""
    values: list[Any] = [*write.values.values()]
    if isinstance(write, Put):
        values += write.item.values()
    elif isinstance(write, Update):
        values += [*write.set.values(), *write.once.values()]
    return [len(value.encode(errors="replace")) for value in values if isinstance(value, str)]

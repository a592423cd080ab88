"""How values compare in conditions: no coercion, unlike types never compare, a missing path makes it false.

The common comparison, a path with a literal, gets a closure that says the same in fewer calls (`with_literal`).
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from agent_framework.types import is_array, is_object


class _Missing:
    """The value of a path that leads nowhere."""

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()
Context = Mapping[str, Any]
Value = Callable[[Context], Any]
Test = Callable[[Context], bool]


def _alike(left: Any, right: Any) -> bool:
    """Of one kind: both numbers, or both of the same JSON type. A boolean is no number."""
    if type(left) is type(right):  # pyright: ignore[reportUnknownArgumentType]
        return left is not MISSING
    return type(left) in (int, float) and type(right) in (int, float)  # pyright: ignore[reportUnknownArgumentType]


def _equal(left: Any, right: Any) -> bool:
    """Deep equality without Python's ``True == 1``, however deep the values are."""
    if not isinstance(left, (list, dict)):
        return _alike(left, right) and left == right
    pairs: list[tuple[Any, Any]] = [(left, right)]
    while pairs:
        a, b = pairs.pop()
        if not _alike(a, b):
            return False
        if is_array(a):
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif is_object(a):
            if a.keys() != b.keys():
                return False
            pairs.extend((a[key], b[key]) for key in a)
        elif a != b:
            return False
    return True


def _make_equal(left: Value, right: Value) -> Test:
    return lambda context: _equal(left(context), right(context))


def _make_unequal(left: Value, right: Value) -> Test:
    def unequal(context: Context) -> bool:
        a, b = left(context), right(context)
        return _alike(a, b) and not _equal(a, b)

    return unequal


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Test]:
    def make(left: Value, right: Value) -> Test:
        def test(context: Context) -> bool:
            a, b = left(context), right(context)
            return _alike(a, b) and isinstance(a, (int, float, str)) and not isinstance(a, bool) and compare(a, b)

        return test

    return make


def _membership(wanted: bool) -> Callable[[Value, Value], Test]:
    def make(left: Value, right: Value) -> Test:
        def test(context: Context) -> bool:
            a, b = left(context), right(context)
            if a is MISSING:
                return False
            if is_array(b):
                return any(_equal(a, item) for item in b) is wanted
            if isinstance(a, str) and isinstance(b, str):
                return (a in b) is wanted
            return False

        return test

    return make


COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], Test]] = {
    ast.Eq: _make_equal,
    ast.NotEq: _make_unequal,
    ast.Lt: _ordered(lambda a, b: a < b),
    ast.LtE: _ordered(lambda a, b: a <= b),
    ast.Gt: _ordered(lambda a, b: a > b),
    ast.GtE: _ordered(lambda a, b: a >= b),
    ast.In: _membership(True),
    ast.NotIn: _membership(False),
}


# -- a path compared with a literal ------------------------------------------------------------------------------

_NUMBERS = frozenset((int, float))
_NOWHERE = (KeyError, TypeError)
"""What following a path through JSON raises where it leads nowhere."""


def with_literal(op: type[ast.cmpop], parts: tuple[str, ...], literal: Any) -> Test | None:
    """The test of ``<path> <op> <literal>``; None where the general one does."""
    if len(parts) not in (2, 3) or op not in _ORDER | {ast.Eq: None}:
        return None
    if op is ast.Eq and isinstance(literal, str):
        return _same_text(parts, literal)
    if op in _ORDER and type(literal) in (int, float):
        return _of_number(parts, _ORDER[op], literal)
    return None


_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _same_text(parts: tuple[str, ...], text: str) -> Test:
    root, first, *more = parts
    if not more:

        def short(context: Context) -> bool:
            try:
                return context[root][first] == text
            except _NOWHERE:
                return False

        return short
    last = more[0]

    def long(context: Context) -> bool:
        try:
            return context[root][first][last] == text
        except _NOWHERE:
            return False

    return long


def _of_number(parts: tuple[str, ...], compare: Callable[[Any, Any], bool], number: float) -> Test:
    root, first, *more = parts
    if not more:

        def short(context: Context) -> bool:
            try:
                value = context[root][first]
            except _NOWHERE:
                return False
            return type(value) in _NUMBERS and compare(value, number)

        return short
    last = more[0]

    def long(context: Context) -> bool:
        try:
            value = context[root][first][last]
        except _NOWHERE:
            return False
        return type(value) in _NUMBERS and compare(value, number)

    return long

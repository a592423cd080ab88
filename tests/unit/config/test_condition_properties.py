"""Conditions against a second evaluator, written from ARCHITECTURE 4 alone, on generated conditions and contexts."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.config.conditions import parse_condition
from agent_framework.errors import ConfigError

NAMES = ("a", "b", "c")
ROOTS = ("input", "results", "prev_step", "job")
ABSENT = object()

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.0])
    | st.sampled_from(["", "a", "ab"])
)
json_values = st.recursive(
    scalars | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=12,
)
contexts = st.fixed_dictionaries({}, optional=dict.fromkeys(ROOTS, json_values))

paths = st.builds(
    lambda root, rest: ("path", (root, *rest)), st.sampled_from(ROOTS), st.lists(st.sampled_from(NAMES), max_size=3)
)
literals = scalars.map(lambda value: ("literal", value))
lengths = paths.map(lambda path: ("len", path))
values = st.recursive(
    paths | literals | lengths,
    lambda inner: st.lists(inner, max_size=3).map(lambda items: ("list", items)),
    max_leaves=4,
)
comparisons = st.tuples(
    st.just("compare"), st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"]), values, values
)
leaves = (
    comparisons | st.just(("always",)) | paths.map(lambda path: ("bare", path)) | paths.map(lambda p: ("exists", p))
)
conditions = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | inner.map(lambda x: ("not", x)),
    max_leaves=6,
)


def spelled(tree: Any) -> str:
    """The condition's text, with every sub-expression in parentheses."""
    kind, *rest = tree
    match kind:
        case "always":
            return "always"
        case "path":
            return ".".join(rest[0])
        case "literal":
            return json.dumps(rest[0]) if not isinstance(rest[0], str) else repr(rest[0])
        case "len" | "exists":
            return f"{kind}({spelled(rest[0])})"
        case "list":
            return f"[{', '.join(spelled(item) for item in rest[0])}]"
        case "bare":
            return spelled(rest[0])
        case "not":
            return f"(not {spelled(rest[0])})"
        case "compare":
            return f"({spelled(rest[1])} {rest[0]} {spelled(rest[2])})"
        case _:
            return f"({spelled(rest[0])} {kind} {spelled(rest[1])})"


def kind_of(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    if value is None or isinstance(value, bool):
        return type(value).__name__
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def same(left: Any, right: Any) -> bool:
    if kind_of(left) != kind_of(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, dict):
        return set(left) == set(right) and all(same(left[key], right[key]) for key in left)
    return left == right


def value_of(tree: Any, context: Any) -> Any:
    kind, content = tree
    if kind == "literal":
        return content
    if kind == "path":
        found: Any = context
        for part in content:
            found = found.get(part, ABSENT) if isinstance(found, dict) else ABSENT
        return found
    if kind == "len":
        value = value_of(content, context)
        return len(value) if isinstance(value, (str, list, dict)) else ABSENT
    items = [value_of(item, context) for item in content]
    return ABSENT if any(item is ABSENT for item in items) else items


def compared(operator: str, left: Any, right: Any) -> bool:
    if left is ABSENT or right is ABSENT:
        return False
    if operator in ("in", "not in"):
        if isinstance(right, list):
            found = any(same(left, item) for item in right)
        elif isinstance(left, str) and isinstance(right, str):
            found = left in right
        else:
            return False
        return found == (operator == "in")
    if kind_of(left) != kind_of(right):
        return False
    if operator in ("==", "!="):
        return same(left, right) == (operator == "==")
    if kind_of(left) not in ("number", "str"):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


def truth_of(tree: Any, context: Any) -> bool:
    match tree[0]:
        case "always":
            return True
        case "bare":
            return value_of(tree[1], context) is True
        case "exists":
            return value_of(tree[1], context) is not ABSENT
        case "not":
            return not truth_of(tree[1], context)
        case "and":
            return truth_of(tree[1], context) and truth_of(tree[2], context)
        case "or":
            return truth_of(tree[1], context) or truth_of(tree[2], context)
        case _:
            return compared(tree[1], value_of(tree[2], context), value_of(tree[3], context))


@settings(max_examples=600)
@given(conditions, contexts)
def test_the_compiled_condition_agrees_with_a_reference_evaluator(tree: Any, context: Any) -> None:
    source = spelled(tree)
    try:
        condition = parse_condition(source)
    except ConfigError as exc:
        if "nested deeper" in str(exc):
            return
        raise
    assert condition(context) is truth_of(tree, context), source
    assert condition.explain(context).holds is condition(context)


@settings(max_examples=200)
@given(json_values)
def test_evaluation_never_raises_whatever_the_context_holds(value: Any) -> None:
    for source in ("input.a.b == results.a", "prev_step.a < 1 or job.b in input.a", "len(input) > 1 and not input.a"):
        for context in ({}, {"input": value}, {"input": {"a": value}, "results": {"a": value}, "prev_step": value}):
            assert parse_condition(source)(context) in (True, False)


@settings(max_examples=400)
@given(st.text(max_size=40) | st.text(alphabet="input.ab ()[]'\"=!<>,notrule1_#\\\n", max_size=60))
def test_any_text_is_a_condition_or_a_config_error(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ConfigError:
        return
    assert condition({"input": {"a": 1}}) in (True, False)

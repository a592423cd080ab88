"""The quick closures say what the general ones say."""

import ast
import itertools
import json
import operator

import pytest

from agent_framework.config.comparisons import COMPARISONS, MISSING
from agent_framework.config.conditions import parse_condition

VALUES = (0, 1, -1, 1.0, 2**70, 0.5, True, False, None, "", "1", "a", "ab", [], [1], ["a"], {}, {"a": 1}, MISSING)
LITERALS = (0, 1, 1.0, 0.5, "", "a", "1", True, None)
OPERATORS = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "in": ast.In,
    "not in": ast.NotIn,
}


@pytest.mark.parametrize("word", OPERATORS)
def test_a_path_with_a_literal_compares_as_two_values_do(word: str) -> None:
    general = COMPARISONS[OPERATORS[word]](operator.itemgetter("left"), operator.itemgetter("right"))
    for value, literal in itertools.product(VALUES, LITERALS):
        expected = general({"left": value, "right": literal})
        for path in ("input.a", "input.deep.a", "results.very.deep.a"):
            context: dict[str, object] = {} if value is MISSING else {"a": value}
            root, *folders, _ = path.split(".")
            for folder in reversed(folders):
                context = {folder: context}
            holds = parse_condition(f"{path} {word} {json.dumps(literal)}")({root: context})
            assert holds is expected, f"{path} = {value!r} {word} {literal!r}"


@pytest.mark.parametrize("nowhere", [{}, {"input": 1}, {"input": "text"}, {"input": []}, {"input": None}])
def test_a_path_through_what_is_no_object_is_missing(nowhere: dict[str, object]) -> None:
    for condition in ("input.a > 0", "input.a == 'a'", "input.a.b < 1", "input.a.b == 't'"):
        assert parse_condition(condition)(nowhere) is False
        assert parse_condition(condition).explain(nowhere).missing

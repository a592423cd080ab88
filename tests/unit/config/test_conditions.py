"""The condition language, row by row of ARCHITECTURE 4 and of the faults in the seed's two engines."""

from typing import Any

import pytest

from agent_framework.config.conditions import parse_condition
from agent_framework.errors import ConfigError

CONTEXT: dict[str, Any] = {
    "input": {
        "data_type": "financial",
        "confidence": 0.65,
        "count": 3,
        "zip": "02139",
        "number": 2139,
        "flag": True,
        "off": False,
        "nothing": None,
        "tags": ["new", "vip"],
        "empty": "",
        "deep": {"list": [1, 2.0, {"a": None}], "name": "x"},
        "always": True,
    },
    "results": {"analyzer": {"score": 0.9, "labels": []}},
    "prev_step": {"confidence": 0.4, "analyzer": {"confidence": 0.6}},
    "job": {"id": "j-1", "user_id": "ann", "type": "default", "run": 1, "failed_agents": []},
}

LEGITIMATE: list[tuple[str, bool]] = [
    ("always", True),
    ("not always", False),
    ("true", True),
    ("True", True),
    ("false", False),
    ("null", False),
    ("input.data_type == 'financial'", True),
    ('input.data_type == "financial"', True),
    ("'financial' == input.data_type", True),
    ("input.data_type == 'marketing'", False),
    ("input.data_type != 'marketing'", True),
    ("  input.count == 3  ", True),
    ("input.count == 3.0", True),
    ("input.count != 3", False),
    ("input.count > 2", True),
    ("input.count >= 3", True),
    ("input.count < 3", False),
    ("input.count <= 3", True),
    ("input.count > -1", True),
    ("input.confidence < 0.7", True),
    ("prev_step.confidence < 0.7", True),
    ("prev_step.analyzer.confidence < 0.7", True),
    ("prev_step.analyzer.confidence < .5", False),
    ("results.analyzer.score >= 9e-1", True),
    ("input.zip == '02139'", True),
    ("input.zip == 2139", False),
    ("input.zip != 2139", False),
    ("input.number == 2139", True),
    ("input.number == '2139'", False),
    ("input.flag", True),
    ("input.flag == true", True),
    ("input.flag == 1", False),
    ("input.flag != 1", False),
    ("input.off == 0", False),
    ("not input.off", True),
    ("not input.absent", True),
    ("input.count", False),
    ("input.data_type", False),
    ("input.nothing == null", True),
    ("input.nothing == None", True),
    ("input.absent == null", False),
    ("input.absent != null", False),
    ("input.absent != 'x'", False),
    ("not input.absent == 'x'", True),
    ("exists(input.nothing)", True),
    ("exists(input.absent)", False),
    ("not exists(input.absent)", True),
    ("exists(results.analyzer)", True),
    ("exists(results.writer)", False),
    ("len(input.tags) == 2", True),
    ("len(input.empty) == 0", True),
    ("len(input.deep) > 1", True),
    ("len(input.absent) == 0", False),
    ("len(input.count) == 3", False),
    ("len(results.analyzer.labels) < 1", True),
    ("'vip' in input.tags", True),
    ("'old' in input.tags", False),
    ("'old' not in input.tags", True),
    ("input.data_type in ['financial', 'risk']", True),
    ("input.data_type not in ['financial', 'risk']", False),
    ("input.absent in ['financial']", False),
    ("input.absent not in ['financial']", False),
    ("input.data_type in input.absent", False),
    ("input.data_type not in input.absent", False),
    ("'nan' in input.data_type", True),
    ("'xyz' not in input.data_type", True),
    ("input.count in [1, 2, 3]", True),
    ("input.flag in [1]", False),
    ("input.tags == ['new', 'vip']", True),
    ("input.tags == ['vip', 'new']", False),
    ("input.deep.list == [1, 2, input.absent]", False),
    ("input.tags != [input.absent]", False),
    ("'x' not in [input.absent]", False),
    ("input.count == 3 and input.data_type == 'financial'", True),
    ("input.count == 4 or input.data_type == 'financial'", True),
    ("input.count == 4 and input.flag or input.flag", True),
    ("input.count == 4 and (input.flag or input.flag)", False),
    ("not (input.count == 4) and always", True),
    ("input.flag and input.count == 3 and exists(input.zip) and not input.off", True),
    ("input.off or input.absent or input.count > 2", True),
    ("input.data_type > 'finance'", True),
    ("input.flag > false", False),
    ("input.nothing < 1", False),
    ("input.tags < 3", False),
    ("input.count < 'x'", False),
    ("input.always", True),
    ("job.run == 1 and job.user_id == 'ann'", True),
    ("len(job.failed_agents) == 0", True),
    ("'analyzer' in job.failed_agents", False),
    ("input == results", False),
    ("exists(input)", True),
    ("len(results) == 1", True),
    ("input.data_type == 'it\\'s'", False),
    ("input.data_type == 'input.count == 3 and always'", False),
]

HOSTILE: list[str] = [
    "",
    " ",
    "\n",
    "always always",
    "__import__('os').system('touch owned-by-a-condition')",
    "exec('x = 1')",
    "eval('1')",
    "open('/etc/passwd')",
    "input.get('a')",
    "input.name.upper() == 'X'",
    "input['name'] == 'x'",
    "input.tags[0] == 'new'",
    "input.tags[0:1] == []",
    "''.join(['a'])",
    "'a'.upper() == 'A'",
    "'x'.__class__",
    "input.__class__",
    "input.__class__.__mro__ == 1",
    "input.a.__subclasses__() == 1",
    "().__class__",
    "[].append(1)",
    "{}",
    "{'a': 1} == input.a",
    "{1, 2} == input.a",
    "(1, 2) == input.a",
    "(input.a, input.b)",
    "lambda: 1",
    "(lambda: always)()",
    "[x for x in input.tags] == []",
    "any(x for x in input.tags)",
    "(x := 5) == 5",
    "input.a if input.b else input.c",
    "f'{input.a}' == 'x'",
    "b'x' == input.a",
    "r'x' == input.a",
    "u'x' == input.a",
    "input.a == 'x' 'y'",
    "input.a in ['x' 'y']",
    "input.a + 1 == 2",
    "input.a * 1000000000",
    "2 ** 99999 == input.a",
    "'a' * 999999999 == input.b",
    "input.a % 2 == 0",
    "~input.a == 1",
    "+1 == input.a",
    "- -1 == input.a",
    "-input.a == 1",
    "-'x' == input.a",
    "-True == input.a",
    "1e999 == input.a",
    "-1e999 == input.a",
    "input.a == 9e99999",
    "1j == input.a",
    "0x10 == input.a",
    "0b1 == input.a",
    "0o7 == input.a",
    "1_000 == input.a",
    "007 == input.a",
    "input.a == 9" + "9" * 400,
    "... == input.a",
    "1",
    "0",
    "'text'",
    "[]",
    "[input.a]",
    "1 < input.a < 3",
    "input.a is null",
    "input.a is not 1",
    "input.a = 1",
    "input.a === 1",
    "input.a !== 1",
    "input.a <> 1",
    "input.a && input.b",
    "input.a || input.b",
    "!input.a",
    "input.a == 1; input.b == 2",
    "input.a == 1\nimport os",
    "import os",
    "input.a == 1 # and input.b == 2",
    "# always",
    "input.a == 'open",
    "input.a == \"open'",
    "(input.a == 1",
    "input.a == 1)",
    "input..a == 1",
    ".input.a == 1",
    "input.a. == 1",
    "input. == 1",
    "input.1 == 1",
    "inputs.a == 1",
    "output.a == 1",
    "a == 1",
    "self.a == 1",
    "os.environ == 1",
    "always.a",
    "true.a == 1",
    "'input'.a == 1",
    "always == true",
    "exists()",
    "exists('input.a')",
    "exists(input.a, input.b)",
    "exists(path=input.a)",
    "exists(*input.a)",
    "exists(always)",
    "exists(1)",
    "exists(exists(input.a))",
    "exists(input.a == 1)",
    "exists",
    "len(input.a)",
    "len('abc') == 3",
    "len([1]) == 1",
    "len(len(input.a)) == 1",
    "len == 1",
    "min(input.a) == 1",
    "input.a == print('x')",
    "type(input.a) == 1",
    "await input.a",
    "yield input.a",
    "*input.a",
    "[*input.a] == input.b",
    "@input.a",
    "input@a == 1",
    "input.a == $HOME",
    "input.a == `id`",
    "${input.a} == 1",
    "input.a -> 1",
    "input.a : int",
    "not",
    "and",
    "input.a and",
    "or input.a",
    "not in input.a",
    "in",
    "==",
    "input.a ==",
    "== input.a",
    "input.a == == 1",
    "None.a == 1",
    "input.a\x00 == 1",
    "input.a == '\x00'",
    "\ufeffinput.a == 1",
    "ｉnput.a == 1",
    "input.ａ == 1",
    "input.ﬁeld == 1",
    "ａlways",
    "𝐚lways",
    "input.a == １",
    "input.a ＝＝ 1",
    "input.a == \u201cx\u201d",
    "input\u200b.a == 1",
    "input.a\u2028== 1",
    "input.\u202ea == 1",
    "input.a == '\ud800'",
    "input." + ".".join("a" * 30) + " == 1",
    "input.a == 1 and " * 200 + "always",
    "x" * 1001,
    "(" * 100 + "always" + ")" * 100 + " and 1",
    "(" * 400 + "always" + ")" * 400,
    "not " * 30 + "always",
    "not " * 240 + "always",
    "[" * 30 + "]" * 30 + " == input.a",
    "[" * 300 + "]" * 300 + " == input.a",
    "-" * 500 + "1 == input.a",
    "(input.a == 1 or " * 25 + "always" + ")" * 25,
]


@pytest.mark.parametrize(("condition", "expected"), LEGITIMATE)
def test_a_condition_of_the_language_has_the_expected_truth(condition: str, expected: bool) -> None:
    assert parse_condition(condition)(CONTEXT) is expected


@pytest.mark.parametrize("condition", HOSTILE, ids=[f"{index}: {text[:40]!a}" for index, text in enumerate(HOSTILE)])
def test_row_35_anything_else_is_refused_when_it_is_loaded(condition: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_condition(condition)
    assert len(str(caught.value)) < 3000


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(set(LEGITIMATE)) == len(LEGITIMATE) >= 40
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


def test_an_error_names_the_column_and_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"column 14: .*a call.*allowed are numbers, quoted strings") as caught:
        parse_condition("input.a and  print(input.b) == 2")
    assert "exists(path)" in str(caught.value)


def test_the_column_counts_from_the_text_as_it_was_written() -> None:
    with pytest.raises(ConfigError, match="column 4"):
        parse_condition("   foo.a == 1")


def test_the_column_counts_characters_and_not_bytes() -> None:
    with pytest.raises(ConfigError, match="column 22"):
        parse_condition("'äöü' == input.a and foo.b == 1")


@pytest.mark.parametrize(
    ("wrong", "right"), [("a && b", "and"), ("a || b", "or"), ("input.a === 1", "=="), ("input.a = 1", "==")]
)
def test_the_words_of_other_languages_are_answered_with_ours(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError, match=f"write '{right}'"):
        parse_condition(wrong)


def test_an_explained_verdict_lists_values_and_missing_paths() -> None:
    verdict = parse_condition("input.count > 2 and input.absent == 1 or prev_step.confidence < 1").explain(CONTEXT)
    assert verdict.holds
    assert verdict.values == {"input.count": 3, "prev_step.confidence": 0.4}
    assert verdict.missing == ("input.absent",)


def test_a_missing_path_inside_a_list_makes_the_comparison_false_either_way() -> None:
    assert not parse_condition("input.tags == [input.absent]")(CONTEXT)
    assert not parse_condition("input.tags != [input.absent]")(CONTEXT)


def test_deeply_nested_values_are_compared_and_never_raise() -> None:
    left: Any = 1
    right: Any = 1
    for _ in range(5000):
        left, right = [left], {"a": right}
    context = {"input": {"a": left, "b": left, "c": right, "d": [left]}}
    assert parse_condition("input.a == input.b")(context)
    assert not parse_condition("input.a == input.d")(context)
    assert not parse_condition("input.a == input.c")(context)
    assert parse_condition("input.b in input.d")(context)


def test_texts_that_look_like_code_stay_texts() -> None:
    hostile = {"input": {"a": "__import__('os')", "b": "always"}}
    assert parse_condition("input.a == '__import__(\\'os\\')'")(hostile)
    assert not parse_condition("input.b")(hostile)

"""docs/security.md: every risk of both lists once, with tests that exist, or open."""

import re
from pathlib import Path

import pytest

from tests.security.corpus import conditions, count_of, events, names, texts, trees, yaml_files
from tests.support.defined import defined_tests
from tests.support.references import DOCS

PAGE = Path(DOCS / "security.md").read_text("utf-8")
RISKS = [f"{kind}{number:02}" for kind in ("LLM", "ASI") for number in range(1, 11)]
_ROW = re.compile(r"^\| ((?:LLM|ASI)\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", re.MULTILINE)
_NAME = re.compile(r"`(test_\w+)`")


def test_every_risk_is_there_once() -> None:
    assert [row[0] for row in _ROW.findall(PAGE)] == RISKS


@pytest.mark.parametrize("risk", RISKS)
def test_a_risk_has_tests_that_exist_or_is_open(risk: str) -> None:
    [(_, _, control, tests)] = [row for row in _ROW.findall(PAGE) if row[0] == risk]
    assert _NAME.findall(tests) or control.startswith("open: ")


def test_every_test_that_the_page_names_exists() -> None:
    existing = {name for name, _ in defined_tests()}
    assert {*_NAME.findall(PAGE)} - existing == set()
    assert [name for name in existing if name.startswith("test_row_37_")]


def test_the_page_has_the_numbers_of_the_corpora() -> None:
    """Of conditions the page gives the number on Python 3.11: names of builtins are among them."""
    rows = dict(re.findall(r"^\| ([a-z][^|]+) \| ([\d,]+)", PAGE, re.MULTILINE))
    assert int(rows["conditions"].replace(",", "")) == pytest.approx(count_of(conditions.HOSTILE), abs=100)
    assert rows["agents.yaml files"] == str(count_of(yaml_files.HOSTILE))
    hostile_names = count_of(names.HOSTILE) + len({*names.UNPYTHONIC, *names.SESSIONS})
    assert rows["names of agents, projects, stages, sessions"] == str(hostile_names)
    assert rows["storage keys"] == str(count_of(names.KEYS_HOSTILE))
    packages = len({*trees.ZIP_NAMES}) + len(trees.PROJECTS) + len(trees.DEPENDENCIES)
    assert rows["packages: names in zips, project folders, dependencies"] == str(packages)
    assert rows["descriptions for generated code, and prompts"] == str(count_of(texts.HOSTILE))
    assert rows["events for functions"] == str(sum(map(len, events.HOSTILE.values())))

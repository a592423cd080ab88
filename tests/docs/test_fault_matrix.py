"""The fault matrix of docs/reliability.md: every row has a test that carries its number, or is open with the reason."""

import re
from pathlib import Path

import pytest

from tests.support.defined import defined_tests
from tests.support.references import DOCS

ROWS = [f"{number:02}" for number in range(1, 38)]
_NUMBERS = re.compile(r"^test_row((?:_(?:and_)?\d\d?)+)_")
_LINE = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_NAME = re.compile(r"`(test_\w+)`")


def _numbered() -> dict[str, set[str]]:
    """The names of tests by the rows that they, or their files, carry."""
    found: dict[str, set[str]] = {row: set() for row in ROWS}
    for name, file in defined_tests():
        match = _NUMBERS.match(name) or _NUMBERS.match(file)
        for number in re.findall(r"\d+", match[1]) if match else ():
            found[f"{int(number):02}"].add(name)
    return found


def _table() -> dict[str, str]:
    """What the page says of each row: the names of its tests, or why it is open."""
    page = Path(DOCS / "reliability.md").read_text("utf-8")
    return {f"{int(number):02}": proof for number, _, proof in _LINE.findall(page)}


def test_the_table_has_every_row_once() -> None:
    page = Path(DOCS / "reliability.md").read_text("utf-8")
    assert [f"{int(number):02}" for number, _, _ in _LINE.findall(page)] == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test_or_is_open_with_the_reason(row: str) -> None:
    proof, tests = _table()[row], _numbered()[row]
    assert tests or proof.startswith("open: "), f"no test carries row {row}, and the page does not say that it is open"
    named = set(_NAME.findall(proof))
    assert named <= tests, f"the page names tests of row {row} that are not there: {sorted(named - tests)}"
    assert named or proof.startswith("open: "), f"row {row} has the tests {sorted(tests)}; the page names none"
    assert not (tests and proof.startswith("open: ")), f"row {row} has {sorted(tests)}: it is open no more"

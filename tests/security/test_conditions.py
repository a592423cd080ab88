"""Hostile conditions are refused with rule, place and reason, and no code of theirs runs; legitimate ones are taken."""

import builtins
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_framework.config.conditions import parse_condition
from agent_framework.config.loader import load_config_text
from agent_framework.errors import ConfigError
from tests.security.corpus import count_of, quoted
from tests.security.corpus.conditions import CANARY_FILE, HOSTILE, LEGITIMATE

CONTEXT: dict[str, Any] = {"input": {"a": 1}, "results": {"writer": {"text": "x"}}, "prev_step": {}, "job": {"run": 1}}


@contextmanager
def no_code_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Notes every use of what a hostile text would need; nothing of it may be used inside."""
    used: list[str] = []

    def noting(name: str) -> Any:
        def note(*arguments: Any, **_: Any) -> Any:
            used.append(f"{name}{arguments!r:.80}")
            raise AssertionError(f"{name} was called")

        return note

    with monkeypatch.context() as patch:
        for name in ("eval", "exec", "open", "input", "vars", "globals"):
            patch.setattr(builtins, name, noting(name))
        patch.setattr(os, "system", noting("os.system"))
        yield used


def test_there_are_enough_conditions(record_property: Any) -> None:
    record_property("fact", f"conditions: {count_of(HOSTILE)} hostile, {count_of(LEGITIMATE)} legitimate")
    assert count_of(HOSTILE) >= 1000
    assert count_of(LEGITIMATE) >= 300


@pytest.mark.parametrize("family", HOSTILE)
def test_row_35_a_hostile_condition_is_refused_and_no_code_of_it_runs(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    accepted: list[str] = []
    with no_code_runs(monkeypatch) as used:
        for condition in HOSTILE[family]:
            try:
                parse_condition(condition)
            except ConfigError as exc:
                assert str(exc).startswith("condition "), condition  # noqa: PT017 - thousands, in one place
            else:
                accepted.append(condition)
    assert accepted == []
    assert used == []
    assert not (tmp_path / CANARY_FILE).exists()


def test_row_35_each_hostile_condition_of_a_file_is_named_with_its_line_and_rule(tmp_path: Path) -> None:
    texts = sorted({text for family in HOSTILE.values() for text in family if len(text) <= 1000})
    lines = [f"    - {{name: r{n}, condition: {quoted(text)}, agents: [a]}}" for n, text in enumerate(texts)]
    text = "\n".join(["project: {name: x}", "agents: {a: {}}", "orchestration:", "  selection_rules:", *lines])
    with pytest.raises(ConfigError) as refused:
        load_config_text(text)
    places = {(problem.line, problem.path) for problem in refused.value.problems}
    wanted = {(5 + n, f"orchestration.selection_rules.{n}.condition") for n in range(len(texts))}
    assert wanted <= places
    assert all(problem.file == "agents.yaml" for problem in refused.value.problems)


@pytest.mark.parametrize("family", LEGITIMATE)
def test_a_legitimate_condition_is_taken_and_can_be_evaluated(family: str) -> None:
    for condition in LEGITIMATE[family]:
        assert isinstance(parse_condition(condition)(CONTEXT), bool), condition
        assert parse_condition(condition)({}) in (True, False), condition

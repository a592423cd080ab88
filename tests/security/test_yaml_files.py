"""Hostile agents.yaml files are refused with their place, at once, and nothing is run; good ones are taken."""

import time
from pathlib import Path
from typing import Any

import pytest

from agent_framework.config.loader import load_config
from agent_framework.errors import ConfigError
from tests.security.corpus import count_of
from tests.security.corpus.yaml_files import HOSTILE, LEGITIMATE

SLOWEST_S = 5.0


def test_there_are_enough_files(record_property: Any) -> None:
    record_property("fact", f"agents.yaml files: {count_of(HOSTILE)} hostile, {count_of(LEGITIMATE)} legitimate")
    assert count_of(HOSTILE) >= 100
    assert count_of(LEGITIMATE) >= 300


@pytest.mark.parametrize("family", HOSTILE)
def test_row_35_a_hostile_file_is_refused_with_its_place(family: str, tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    accepted: list[bytes] = []
    for content in HOSTILE[family]:
        file.write_bytes(content)
        began = time.monotonic()
        try:
            load_config(tmp_path)
        except ConfigError as exc:
            refusal = exc
        else:
            accepted.append(content[:300])
            continue
        assert time.monotonic() - began < SLOWEST_S, content[:100]
        assert str(refusal).startswith(f"{file}"), content[:100]
        assert all(problem.message for problem in refusal.problems), content[:100]
    assert accepted == []
    assert [path.name for path in tmp_path.iterdir()] == ["agents.yaml"], "nothing was written"


@pytest.mark.parametrize("family", LEGITIMATE)
def test_a_legitimate_file_is_taken(family: str, tmp_path: Path) -> None:
    for content in LEGITIMATE[family]:
        (tmp_path / "agents.yaml").write_bytes(content)
        loaded = load_config(tmp_path)
        assert loaded.config.project.name
        assert loaded.for_stage("local").project == loaded.config.project

"""``policies``: circuits as people see them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.projects import write_agent_file, yaml_of

AWAY = """
from agent_framework import RetryableError, agent

@agent("asks")
def asks(job):
    raise RetryableError("the service is away")
"""


def _project(folder: Path) -> None:
    settings = {"circuit_breaker": {"failures": 1, "open_seconds": 500}, "retry": {"max_attempts": 1}}
    (folder / "agents.yaml").write_text(yaml_of({"asks": settings}), "utf-8")
    write_agent_file(folder, "asks", AWAY)


def test_an_open_circuit_is_shown_and_closed_by_hand(af: Callable[..., Any], tmp_path: Path) -> None:
    _project(tmp_path)
    assert "closed" in af("policies", "show").out
    assert af("run", "--offline").code == 1
    (circuit,) = json.loads(af("policies", "show", "--json").out)["circuits"]
    assert (circuit["state"], circuit["agents"], circuit["reason"]) == ("open", ["asks"], "the service is away")
    refused = af("run", "--offline")
    assert "the circuit of asks is open" in refused.out
    assert "policies show" in refused.out
    assert "the circuit of asks is closed" in af("policies", "close", "asks").out
    assert json.loads(af("policies", "show", "--json").out)["circuits"][0]["state"] == "closed"
    assert "as it was" in af("policies", "close", "asks").out


def test_an_unknown_circuit_is_told_with_those_there_are(af: Callable[..., Any], tmp_path: Path) -> None:
    _project(tmp_path)
    ran = af("policies", "close", "writer")
    assert (ran.code, "there is no circuit 'writer'; circuits: asks" in ran.err) == (1, True)

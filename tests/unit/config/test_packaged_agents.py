"""A function has the code of its own agent; of the others it knows from its package that they are there."""

import json
from pathlib import Path

import pytest

from agent_framework import ConfigLoader
from agent_framework.config.registry import PACKAGE_MANIFEST
from agent_framework.core.wiring import plan_of
from agent_framework.errors import ProjectError
from tests.support.projects import yaml_of

RULES = "selection_rules:\n  - {name: both, agents: [declared, undeclared]}\n"


def loader_in(folder: Path, *packaged: str) -> ConfigLoader:
    (folder / "agents.yaml").write_text(yaml_of({"declared": {}}, RULES), "utf-8")
    if packaged:
        manifest = {"agent": "orchestrator", "role": "orchestrator", "agents": list(packaged)}
        (folder / PACKAGE_MANIFEST).write_text(json.dumps(manifest), "utf-8")
    return ConfigLoader(folder)


def test_an_undeclared_agent_of_another_package_is_an_agent(tmp_path: Path) -> None:
    loader = loader_in(tmp_path, "declared", "undeclared")
    assert plan_of(loader).rules[0].steps[1].agents == ("undeclared",)
    registry = loader.get_agent_registry()
    assert registry.get_config("undeclared") is not None
    assert (registry.is_known("undeclared"), registry.has_module("undeclared")) == (True, False)
    assert registry.get_agent("undeclared") is None


def test_one_that_no_package_has_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="the rules name agents that do not exist: undeclared"):
        plan_of(loader_in(tmp_path, "declared"))

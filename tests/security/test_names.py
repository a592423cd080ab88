"""Hostile names and keys are refused in words that say what is allowed; none leaves its folder; good ones are taken."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.cli.scaffolding.names import check_agent_name, check_project_name
from agent_framework.cli.scaffolding.new_agent import AgentRequest, plan_agent
from agent_framework.cli.scaffolding.project import plan_project
from agent_framework.config.loader import load_config_text
from agent_framework.config.registry import AgentRegistry
from agent_framework.core.session_state import check_id
from agent_framework.errors import ConfigError, SessionError, StorageKeyError
from agent_framework.infrastructure.storage.base import check_key
from agent_framework.infrastructure.storage.local import LocalStorage
from tests.security.corpus import count_of, quoted
from tests.security.corpus.names import (
    HOSTILE,
    KEYS_HOSTILE,
    KEYS_LEGITIMATE,
    LEGITIMATE,
    SESSIONS,
    UNPYTHONIC,
)

IN_YAML = {
    "agents": "project: {{name: x}}\nagents: {{{}: {{}}}}\n",
    "projects": "project: {{name: {}}}\n",
    "stages": "project: {{name: x}}\nstages: {{{}: {{}}}}\n",
}
CHECKS = {"agents": check_agent_name, "projects": check_project_name}
PLANS: dict[str, Callable[[str, Path], object]] = {
    "agents": lambda name, folder: plan_agent(folder, AgentRequest(name)),
    "projects": lambda name, folder: plan_project(name, directory=folder),
}


def test_there_are_enough_names_and_keys(record_property: Any) -> None:
    hostile = count_of(HOSTILE) + len({*UNPYTHONIC, *SESSIONS})
    keys, good_keys = count_of(KEYS_HOSTILE), count_of(KEYS_LEGITIMATE)
    record_property("fact", f"names: {hostile} hostile, {count_of(LEGITIMATE)} legitimate")
    record_property("fact", f"storage keys: {keys} hostile, {good_keys} legitimate")
    assert hostile >= 500
    assert count_of(LEGITIMATE) >= 300
    assert keys >= 300
    assert good_keys >= 300


@pytest.mark.parametrize("kind", HOSTILE)
def test_row_35_a_hostile_name_is_refused_in_agents_yaml(kind: str) -> None:
    accepted: list[str] = []
    for name in HOSTILE[kind]:
        if name != name.strip() and name.strip() in LEGITIMATE[kind]:
            continue  # spaces around a value are taken off
        try:
            loaded = load_config_text(IN_YAML[kind].format(quoted(name)))
        except ConfigError as exc:
            assert str(exc).startswith("agents.yaml:"), name  # noqa: PT017 - hundreds, in one place
        else:
            config = loaded.config
            accepted += [name] if name in (*config.agents, config.project.name, *config.stages) else []
    assert accepted == []


@pytest.mark.parametrize("kind", CHECKS)
def test_row_35_a_hostile_name_is_refused_by_the_command_and_nothing_is_planned(kind: str, tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("project: {name: x}\nagents: {}\n")
    before, plan = sorted(tmp_path.parent.rglob("*")), PLANS[kind]
    for name in HOSTILE[kind]:
        with pytest.raises(ConfigError, match="cannot be"):
            CHECKS[kind](name)
        with pytest.raises(ConfigError, match="cannot be"):
            plan(name, tmp_path)
    assert sorted(tmp_path.parent.rglob("*")) == before


@pytest.mark.parametrize("name", UNPYTHONIC)
def test_row_35_a_word_of_python_or_yaml_names_no_generated_agent(name: str) -> None:
    with pytest.raises(ConfigError, match="a word of Python or of YAML"):
        check_agent_name(name)


def test_row_35_a_hostile_agents_name_leads_to_no_module(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for place in (tmp_path / "agent.py", project / "backend/agents/agent.py", project / "agent.py"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("raise AssertionError('imported')\n")
    registry = AgentRegistry(project_dir=project)
    found = [name for name in HOSTILE["agents"] if registry.has_module(name) or registry.get_agent(name) is not None]
    assert found == []


@pytest.mark.parametrize("name", SESSIONS, ids=ascii)
def test_row_35_a_hostile_session_id_is_refused_and_shown_short(name: str) -> None:
    with pytest.raises(SessionError, match="1 to 128 printable characters") as refused:
        check_id(name)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("kind", IN_YAML)
def test_a_legitimate_name_is_taken(kind: str) -> None:
    for name in LEGITIMATE[kind]:
        assert load_config_text(IN_YAML[kind].format(quoted(name))).config.project.name
        if kind in CHECKS and name not in UNPYTHONIC:
            assert CHECKS[kind](name) == name


def test_a_legitimate_session_id_is_taken() -> None:
    assert [check_id(name) for name in LEGITIMATE["sessions"]] == LEGITIMATE["sessions"]


@pytest.mark.parametrize("family", KEYS_HOSTILE)
def test_row_35_a_hostile_key_is_refused_and_nothing_is_written_anywhere(family: str, tmp_path: Path) -> None:
    root = tmp_path / "deep" / "er" / "storage"
    storage = LocalStorage(root)

    async def put_all() -> None:
        for key in KEYS_HOSTILE[family]:
            with pytest.raises(StorageKeyError, match=r"^storage key "):
                check_key(key)
            with pytest.raises(StorageKeyError):
                await storage.put(key, b"hostile")

    asyncio.run(put_all())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("family", KEYS_LEGITIMATE)
def test_a_legitimate_key_is_kept_under_the_root(family: str, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")

    async def keep() -> None:
        for key in KEYS_LEGITIMATE[family]:
            assert check_key(key) == key
        for key in KEYS_LEGITIMATE[family][::9]:
            await storage.put(f"k/{key}/v", key.encode())
            assert await storage.get(f"k/{key}/v") == key.encode()

    asyncio.run(keep())
    assert {path.name for path in tmp_path.iterdir()} == {"storage"}

"""Projects for tests: an agents.yaml from a few words, with agents that are plain functions or files."""

import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent_framework import AgentConfig, Project

JSONDict = dict[str, Any]


def yaml_of(
    agents: Mapping[str, Mapping[str, Any]], orchestration: str | Mapping[str, Any] = "", *, more: str = ""
) -> str:
    """A whole agents.yaml: each agent with its settings, ``orchestration`` as YAML text or as data."""
    lines = ["project:", "  name: a-test", "agents:" if agents else "agents: {}"]
    lines += [f"  {name}: {json.dumps(dict(settings))}" for name, settings in agents.items()]
    if isinstance(orchestration, str):
        body = textwrap.indent(textwrap.dedent(orchestration).strip(), "  ")
        lines += ["orchestration:", body] if body else []
    else:
        lines += [f"orchestration: {json.dumps(orchestration)}"]
    return "\n".join([*lines, textwrap.dedent(more)]) + "\n"


def open_project(
    folder: Path,
    agents: Mapping[str, Callable[..., Any]],
    orchestration: str | Mapping[str, Any] = "",
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    more: str = "",
    **options: Any,
) -> Project:
    """A project in ``folder`` whose agents are functions of this process; ``settings`` are their YAML settings."""
    settings = settings or {}
    declared = {name: settings.get(name, {}) for name in (*agents, *(name for name in settings if name not in agents))}
    (folder / "agents.yaml").write_text(yaml_of(declared, orchestration, more=more), "utf-8")
    options.setdefault("environ", {})
    project = Project.open(folder, **options)
    for name, function in agents.items():
        project.registry.register(name, function, AgentConfig(name=name))
    return project


def write_agent_file(folder: Path, name: str, source: str) -> None:
    """``backend/agents/<name>/agent.py`` with ``source``."""
    place = folder / "backend" / "agents" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "agent.py").write_text(textwrap.dedent(source), "utf-8")

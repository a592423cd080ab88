"""A scene: one project of the suite, written to a folder as a user would have it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from agent_framework.types import JSONDict

AGENT = """\
\"\"\"{name}: does what the job's input says.\"\"\"

from agent_framework import agent
from backend.acting import act


@agent("{name}")
async def work(job):
    return await act("{name}", job)
"""


def _nothing() -> JSONDict:
    return {}


@dataclass(frozen=True)
class Scene:
    """One project. ``agents`` maps names to their settings in agents.yaml; ``code`` to their own ``agent.py``.

    ``environment`` is written to ``.env``; it holds no secrets. ``more`` is whatever else agents.yaml says.
    """

    name: str
    agents: Mapping[str, JSONDict]
    orchestration: JSONDict = field(default_factory=_nothing)
    code: Mapping[str, str] = field(default_factory=dict[str, str])
    llm: JSONDict = field(default_factory=_nothing)
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    more: JSONDict = field(default_factory=_nothing)

    def write(self, folder: Path) -> Path:
        """Write the project; agents.yaml is JSON, which is YAML too (see `configure`)."""
        agents = folder / "backend" / "agents"
        agents.mkdir(parents=True, exist_ok=True)
        config: JSONDict = {
            "project": {"name": self.name},
            "agents": dict(self.agents),
            "orchestration": self.orchestration,
            **self.more,
        }
        if self.llm:
            config["llm"] = self.llm
        (folder / "agents.yaml").write_text(json.dumps(config, indent=2), "utf-8")
        (folder / ".env").write_text("".join(f"{k}={v}\n" for k, v in self.environment.items()), "utf-8")
        acting = files(__package__ or "").joinpath("acting.py").read_text("utf-8")
        (folder / "backend" / "acting.py").write_text(acting, "utf-8")
        for name in self.agents:
            (agents / name).mkdir(exist_ok=True)
            (agents / name / "agent.py").write_text(self.code.get(name) or AGENT.format(name=name), "utf-8")
        return folder


def configure(folder: Path, stage: str, overlay: JSONDict) -> None:
    """Set ``stages.<stage>`` of the scene in ``folder``: its ``infrastructure``, or anything else a stage may say."""
    file = folder / "agents.yaml"
    config = json.loads(file.read_text("utf-8"))
    config.setdefault("stages", {})[stage] = overlay
    file.write_text(json.dumps(config, indent=2), "utf-8")


def named(*agents: str, **settings: Any) -> dict[str, JSONDict]:
    """Agents with the same settings, and retries that do not wait."""
    return {name: {"retry": {"initial_seconds": 0, "jitter": False}, **settings} for name in agents}


def rule(case: str, *items: str | JSONDict, also: str = "", name: str = "", **more: Any) -> JSONDict:
    """A rule for the jobs whose input has this ``case``."""
    condition = f"input.case == '{case}'" + (f" and {also}" if also else "")
    return {"name": name or case, "condition": condition, "agents": list(items), **more}


def parallel(*agents: str, **more: Any) -> JSONDict:
    """Agents at once."""
    return {"parallel": list(agents), **more}


def sequential(*agents: str, **more: Any) -> JSONDict:
    """Agents one after another."""
    return {"sequential": list(agents), **more}


Acts = Mapping[str, Sequence[JSONDict]]

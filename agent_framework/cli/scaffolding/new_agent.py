"""``add-agent``: the files of a new agent, and its entry in agents.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent_framework.cli.scaffolding.agents_yaml import add_agent_entry
from agent_framework.cli.scaffolding.files import existing_files, write_into
from agent_framework.cli.scaffolding.names import check_agent_name, check_description, class_name
from agent_framework.cli.scaffolding.templates import docstring, in_quotes, render_folder
from agent_framework.cli.scaffolding.terraform import handler_file, missing_terraform_files
from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import CONFIG_FILE, LoadedConfig, load_config, load_config_text
from agent_framework.config.validators import validate_config
from agent_framework.errors import ConfigError, ProjectError
from agent_framework.types import JSONDict

_PACKAGES = {
    "backend/__init__.py": '"""The code of the project."""\n',
    "backend/agents/__init__.py": '"""The agents, each in a package of its own."""\n',
}
_DESCRIPTIONS = {
    "worker": "Describes the input of a job.",
    "orchestrator": "Coordinates the workers.",
}


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What the user asks for. ``timeout`` in seconds, ``memory`` in MB."""

    name: str
    type: str = "worker"
    timeout: int = 300
    memory: int = 1024
    description: str | None = None


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent that can be written: texts by path relative to ``project``; agents.yaml comes last."""

    name: str
    project: Path
    files: Mapping[str, str]
    loaded: LoadedConfig
    original: bytes

    @property
    def created(self) -> tuple[str, ...]:
        """The files that are new."""
        return tuple(name for name in self.files if name != CONFIG_FILE)


def plan_agent(project: Path, request: AgentRequest) -> NewAgent:
    """The agent's files in ``project`` (its folder, or its agents.yaml); nothing is written.

    Raises:
        ConfigError: the request is not valid, or agents.yaml is not.
        ProjectError: an agent of that name exists, or the project has an orchestrator already.
    """
    check_agent_name(request.name)
    description = check_description(request.description or _DESCRIPTIONS[request.type])
    entry = _entry(request, description)
    loaded = load_config(project)
    if project.is_file() and project.name != CONFIG_FILE:
        raise ProjectError(f"{project}: an agent is added to a project's {CONFIG_FILE}; name its folder")
    folder = (project if project.is_dir() else project.parent).resolve()
    _check_free(folder, loaded, request)
    original = (folder / CONFIG_FILE).read_bytes()
    changed = add_agent_entry(original.decode("utf-8"), request.name, entry, file=str(folder / CONFIG_FILE))
    _check_changed(loaded, load_config_text(changed.removeprefix("\ufeff"), file=loaded.source.file))
    terraform = missing_terraform_files(folder, loaded.config)
    files = {**terraform, **_missing(folder), **_agent_files(request, description), CONFIG_FILE: changed}
    return NewAgent(request.name, folder, files, loaded, original)


def write_agent(agent: NewAgent) -> None:
    """Write the agent's files and the new agents.yaml, or nothing.

    Raises:
        ProjectError: it could not be written, or agents.yaml changed since it was read.
    """
    if (agent.project / CONFIG_FILE).read_bytes() != agent.original:
        raise ProjectError(f"{agent.project / CONFIG_FILE} was changed by somebody else just now; try again")
    write_into(agent.project, agent.files)


def _entry(request: AgentRequest, description: str) -> JSONDict:
    entry: dict[str, Any] = {
        "type": request.type,
        "description": description,
        "runtime": {"timeout": request.timeout, "memory": request.memory},
    }
    if request.type == "worker":
        entry["capabilities"] = {"tools": ["list_fields"]}
        entry["outputs"] = {"database_field": f"{request.name}_result"}
    try:
        AgentConfig.model_validate(entry)
    except ValidationError as exc:
        wrong = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors(include_url=False)]
        raise ConfigError("; ".join(wrong)) from exc
    return entry


def _check_free(folder: Path, loaded: LoadedConfig, request: AgentRequest) -> None:
    name, config = request.name, loaded.config
    if name in config.agents:
        line = loaded.line_of("agents", name)
        raise ProjectError(f"{loaded.source.file}:{line}: the agent {name!r} is there already; choose another name")
    if existing_files(folder, [f"backend/agents/{name}"]):
        raise ProjectError(f"{folder / 'backend' / 'agents' / name} exists already; remove it or choose another name")
    if request.type == "orchestrator" and config.orchestrator is not None:
        raise ProjectError(f"{config.orchestrator!r} is the orchestrator already; a project has one")


def _check_changed(before: LoadedConfig, after: LoadedConfig) -> None:
    """Refuse an entry that ``validate`` would call an error, for instance a function's name that is too long."""
    known = {problem.message for problem in validate_config(before)}
    found = [problem for problem in validate_config(after) if not problem.warning and problem.message not in known]
    if found:
        raise ConfigError(found)


def _missing(folder: Path) -> dict[str, str]:
    """What every agent needs of its project and this one lacks."""
    needed = {**_PACKAGES, "input.json": "{}\n"}
    return {name: text for name, text in needed.items() if not (folder / name).exists()}


def _agent_files(request: AgentRequest, description: str) -> dict[str, str]:
    constant = f"{request.name.upper()}_INSTRUCTIONS"
    values = {
        "name": request.name,
        "class": class_name(request.name),
        "constant": constant,
        "module_docstring": docstring(description),
        "class_docstring": docstring(description, indent="    "),
        "task": in_quotes(f"You are the agent {request.name}. {description}"),
    }
    folder = f"backend/agents/{request.name}"
    rendered = {**render_folder("agent/common", values), **render_folder(f"agent/{request.type}", values)}
    files = {f"{folder}/{path}": text for path, text in rendered.items()}
    return dict(sorted([*files.items(), handler_file(request.name, request.type)]))

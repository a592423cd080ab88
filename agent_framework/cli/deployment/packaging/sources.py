"""The files of one agent's package that come from the project, and the few that are written for it.

``backend/`` without the folders of other agents (but for those that the agent's code imports), agents.yaml, and
packages beside ``backend`` that are imported. So another agent's edit leaves this agent's package as it is. Tests,
caches and files whose names begin with a dot stay out; a file that holds a secret is refused (`private`).
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent_framework.cli.deployment.packaging.imports import AGENTS, Project, parse
from agent_framework.cli.deployment.packaging.private import PrivateParts
from agent_framework.cli.scaffolding.templates import render_file
from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import CONFIG_FILE, LOCAL_STAGE, WELL_KNOWN_STAGES, ConfigLoader
from agent_framework.config.registry import PACKAGE_MANIFEST
from agent_framework.core.environment import environment
from agent_framework.errors import ForbiddenFileError, PackagingError

_BACKEND = "backend"
_FOLDERS = frozenset({"__pycache__", "tests", "node_modules"})
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py|.*\.py[co]")
_BESIDE = frozenset({_BACKEND, "tests", "locks", "terraform", "docs"})


class ProjectSources:
    """A project's files, read once for all of its agents."""

    def __init__(self, loader: ConfigLoader, agents: Mapping[str, AgentConfig]) -> None:
        self._root = loader.project_dir
        self._agents = agents
        self._providers = sorted({*_provider_modules(loader)})
        hook = loader.config.approvals.on_approval
        self._hooks = [hook.partition(":")[0]] if hook else []
        self._files = dict(_project_files(self._root))
        self._modules = Project((name for name in self._files if name.endswith(".py")), self._root)
        self._private = PrivateParts(environment(self._root), loader.loaded)
        self._config = (loader.path / CONFIG_FILE if loader.path.is_dir() else loader.path).resolve()

    def of(self, agent: AgentConfig) -> dict[str, Path | bytes]:
        """All files of the agent's package, by name: paths of the project's, contents of the ones that are written.

        Raises:
            PackagingError: one of its Python files is not Python, or its code is not there.
        """
        reached = self._reached(agent)
        folders = {_agent_folder(name) for name in (*reached, f"{AGENTS}/{agent.name}/")} - {None}
        beside = {name.split("/")[0] for name in reached} - {_BACKEND}
        files: dict[str, Path | bytes] = {
            name: path
            for name, path in self._files.items()
            if (name.split("/")[0] == _BACKEND and _agent_folder(name) in (None, *folders))
            or name.split("/")[0] in beside
        }
        for name in files:
            if name.endswith(".py"):
                parse(self._root / name, shown=name)
        whole = {**files, **self._written(agent, files), CONFIG_FILE: self._config}
        self._private.check(whole)
        return whole

    def module_of(self, agent: AgentConfig) -> str | None:
        """The module of the agent's code; None for an orchestrator that has none."""
        module = (agent.entrypoint or f"{AGENTS.replace('/', '.')}.{agent.name}.agent").partition(":")[0]
        place = module.replace(".", "/")
        if {f"{place}.py", f"{place}/__init__.py"} & self._files.keys():
            return module
        if agent.entrypoint is None and agent.type == "orchestrator":
            return None
        where = f"entrypoint: {agent.entrypoint}" if agent.entrypoint else f"{place}.py"
        raise PackagingError(
            f"agent {agent.name} has no code: {where} is not in {self._root}; write it, or take the agent out of "
            f"{CONFIG_FILE}"
        )

    def _reached(self, agent: AgentConfig) -> set[str]:
        """The project's Python files that can be imported in the agent's function."""
        module = self.module_of(agent)
        waiting = self._whole(f"{AGENTS}/{agent.name}/")
        hooks = self._hooks if agent.type == "orchestrator" else ()
        for name in (*self._providers, *hooks, *([module] if module else []), AGENTS.replace("/", ".")):
            waiting += self._modules.files_of(name)
        reached: set[str] = set()
        while waiting:
            file = waiting.pop()
            if file in reached:
                continue
            reached.add(file)
            waiting += self._modules.imported_by(file)
            folder = _agent_folder(file)
            top = file.split("/")[0]
            if folder:
                waiting += self._whole(f"{AGENTS}/{folder}/")
            elif top not in (_BACKEND, file):
                waiting += self._whole(f"{top}/")
        return reached

    def _whole(self, folder: str) -> list[str]:
        return [name for name in self._files if name.startswith(folder) and name.endswith(".py")]

    def _written(self, agent: AgentConfig, files: Mapping[str, Path | bytes]) -> dict[str, bytes]:
        handler = f"{AGENTS}/{agent.name}/lambda_handler.py"
        manifest = {"agent": agent.name, "role": agent.type, "agents": sorted(self._agents)}
        written = {PACKAGE_MANIFEST: json.dumps(manifest, indent=2, sort_keys=True) + "\n"}
        if handler not in files:
            written[handler] = render_file(f"lambda_handler/{agent.type}.py", {"name": agent.name})
            package = f"{AGENTS}/{agent.name}/__init__.py"
            if not any(name.startswith(f"{AGENTS}/{agent.name}/") for name in files):
                written[package] = ""
        return {name: text.encode() for name, text in written.items()}


def _agent_folder(name: str) -> str | None:
    """``x`` for a file below ``backend/agents/x/``."""
    parts = name.split("/")
    return parts[2] if len(parts) > 3 and name.startswith(f"{AGENTS}/") else None


def _provider_modules(loader: ConfigLoader) -> Iterator[str]:
    """Modules of the project's own providers, of every stage: ``my_package.stores:MyDatabase``."""
    for stage in sorted({*WELL_KNOWN_STAGES, *loader.loaded.config.stages} - {LOCAL_STAGE}):
        config = loader.loaded.for_stage(stage)
        blocks = config.infrastructure
        models = [config.llm.provider, *(agent.llm.provider or "" for agent in config.agents.values())]
        for provider in (blocks.database.provider, blocks.queue.provider, blocks.storage.provider, *models):
            module, separator, _ = provider.partition(":")
            if separator:
                yield module


def _project_files(root: Path) -> Iterator[tuple[str, Path]]:
    """``backend/``, and the Python files and packages beside it: the project's folder comes first on ``sys.path``."""
    for entry in sorted(root.iterdir()):
        if entry.suffix == ".py" and entry.is_file() and not _left_out(entry.name):
            if entry.is_symlink():
                _check_link(entry, root)
            yield entry.name, entry
        elif entry.name == _BACKEND or (entry.name not in _BESIDE and _is_package(entry)):
            if entry.is_symlink():
                raise ForbiddenFileError(f"{entry} is a link to {os.readlink(entry)}; put the folder itself there")
            yield from _below(entry, root)


def _is_package(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(".") and any(folder.glob("*.py"))


def _below(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _FOLDERS and not name.startswith("."))
        for name in (*folders, *sorted(names)):
            path = Path(place, name)
            if path.is_symlink():
                _check_link(path, root)
        for name in sorted(names):
            path = Path(place, name)
            if _left_out(name):
                continue
            if not path.is_file():
                raise ForbiddenFileError(
                    f"{path.relative_to(root)} is no file but a pipe, a socket or a device; remove it"
                )
            yield path.relative_to(root).as_posix(), path


def _check_link(path: Path, root: Path) -> None:
    shown, target = path.relative_to(root), os.readlink(path)
    if not path.exists():
        raise ForbiddenFileError(f"{shown} is a link to {target}, which is not there; remove it")
    if path.is_dir():
        raise ForbiddenFileError(f"{shown} is a link to the folder {target}; put the folder itself there")
    if not path.resolve().is_relative_to(root):
        raise ForbiddenFileError(f"{shown} is a link to {target}, out of the project; put the file itself there")


def _left_out(name: str) -> bool:
    if name.lower().endswith(".pth"):
        raise ForbiddenFileError(f"the project has the file {name}: no package carries .pth files; remove it")
    return name.startswith(".") or bool(_TEST.fullmatch(name))

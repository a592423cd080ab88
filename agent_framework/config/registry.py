"""Names, configurations and classes of agents; the ``@agent`` decorator. Knows no SDK and runs nothing.

An agent's code is found in the module of its ``entrypoint`` (default ``backend.agents.<name>.agent``): what ``@agent``
registered there under its name, the one class or function marked there, or the seed's ``create_agent`` function.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import ValidationError

from agent_framework._lazy import load
from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.project_config import ProjectConfig
from agent_framework.config.rules_engine import RulesEngine
from agent_framework.errors import ConfigError, ProjectError
from agent_framework.types import JSONDict

PACKAGE_MANIFEST = "agent_framework_package.json"
"""In a deployment package: ``{"agent": ..., "role": ..., "agents": [...]}``."""

AGENT_NAME_ATTRIBUTE = "__agent_name__"
AGENT_CONFIG_ATTRIBUTE = "__agent_config__"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_T = TypeVar("_T")


class AgentRegistry:
    """All agents of a project, or (as in the seed) an empty one to register classes with."""

    def __init__(self, config: ProjectConfig | None = None, *, project_dir: Path | None = None) -> None:
        self._config = config
        self._project_dir = project_dir
        self._configs: dict[str, AgentConfig] = dict(config.agents) if config else {}
        self._classes: dict[str, Any] = {}
        rules = config.orchestration.selection_rules if config else ()
        self._rules_engine = RulesEngine(rules) if rules else None

    def register(self, name: str, agent_class: Any, config: AgentConfig) -> None:
        """Register an agent's class and configuration; agents.yaml's own entry wins over ``config``."""
        self._classes[name] = agent_class
        self._configs.setdefault(name, config)

    def get_agent(self, name: str) -> Any | None:
        """The agent's class (or function), imported on first use; None if nothing of that name exists.

        Raises:
            ProjectError: its module exists and cannot be used.
        """
        if name not in self._classes and self._project_dir is not None:
            found = self._find(name)
            if found is None:
                return None
            self._classes[name] = found
        return self._classes.get(name)

    def get_config(self, name: str) -> AgentConfig | None:
        """The agent's configuration; defaults for a worker that exists as a module without being declared."""
        config = self._configs.get(name)
        if config is None and self.is_known(name):
            return AgentConfig(name=name)
        return config

    def list_agents(self, agent_type: str | None = None) -> list[str]:
        """Names in file order, optionally of one type (``worker`` or ``orchestrator``)."""
        return [name for name, config in self._configs.items() if agent_type in (None, config.type)]

    def get_available_agents(self, job_context: JSONDict) -> list[str]:
        """Agents that the rules choose for ``job_context`` (``{"input": {...}}``); all workers without rules."""
        if self._rules_engine is None:
            return self.list_agents(agent_type="worker")
        return self._rules_engine.evaluate(_context(job_context))

    def create_orchestration_plan(self, input_data: JSONDict) -> list[JSONDict]:
        """A preview for ``input_data``: steps as mappings. Without rules, one parallel step of all workers."""
        if self._rules_engine is None:
            return [{"type": "parallel", "agents": self.list_agents(agent_type="worker")}]
        return self._rules_engine.create_plan(_context(input_data))

    def has_module(self, name: str) -> bool:
        """Whether the project has a file for an agent of this name."""
        if self._project_dir is None or not _NAME.fullmatch(name):
            return False
        return (self._project_dir / "backend" / "agents" / name / "agent.py").is_file()

    def is_known(self, name: str) -> bool:
        """Whether there is code for an agent of this name: here, or in the package of another function."""
        return self.has_module(name) or (self._project_dir is not None and name in packaged_agents(self._project_dir))

    def module_of(self, name: str) -> str:
        """Dotted path of the agent's module."""
        return self._entrypoint(name).partition(":")[0]

    def _entrypoint(self, name: str) -> str:
        config = self._configs.get(name)
        return (config.entrypoint if config else None) or f"backend.agents.{name}.agent"

    def _find(self, name: str) -> Any | None:
        entrypoint = self._entrypoint(name)
        declared = self._configs.get(name)
        if not (declared and declared.entrypoint) and not self.has_module(name):
            return None
        assert self._project_dir is not None
        module_name, _, attribute = entrypoint.partition(":")
        module = import_from(self._project_dir, module_name)
        if attribute:
            if not hasattr(module, attribute):
                raise ProjectError(f"agent {name}: {module_name} has no {attribute!r} (entrypoint: {entrypoint})")
            return getattr(module, attribute)
        return find_in_module(module, name)


@lru_cache(maxsize=4)
def packaged_agents(project_dir: Path) -> frozenset[str]:
    """The agents that a package was built with: it holds the code of one, and a list of all. Empty elsewhere."""
    try:
        return frozenset(json.loads((project_dir / PACKAGE_MANIFEST).read_bytes())["agents"])
    except FileNotFoundError:
        return frozenset()


def _context(data: JSONDict) -> JSONDict:
    """One shape for all: a context has ``input``; anything else is the input itself."""
    return data if isinstance(data.get("input"), Mapping) else {"input": data}


def find_in_module(module: ModuleType, name: str) -> Any:
    """The agent called ``name`` in ``module``.

    Raises:
        ProjectError: there is none; the message says what an agent module may hold.
    """
    marked = [value for value in vars(module).values() if AGENT_NAME_ATTRIBUTE in getattr(value, "__dict__", {})]
    for value in marked:
        if getattr(value, AGENT_NAME_ATTRIBUTE) == name:
            return value
    runnable = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and callable(getattr(value, "run", None))
    ]
    if len(runnable) == 1:
        return runnable[0]
    if callable(getattr(module, "create_agent", None)):
        return module
    other = f" It marks {', '.join(repr(getattr(value, AGENT_NAME_ATTRIBUTE)) for value in marked)}." if marked else ""
    raise ProjectError(
        f"agent {name}: {module.__file__} defines no agent of that name.{other} Put @agent({name!r}) on a BaseAgent "
        "class or a function, or define create_agent(job_id, db)"
    )


def import_from(project_dir: Path, module_name: str) -> ModuleType:
    """Import a module of the project, whose folder (never its ``backend/``) comes first on ``sys.path``.

    One project at a time: opening another one in the same process forgets the first one's modules.

    Raises:
        ProjectError: the module is missing or fails while it is imported; the cause is kept.
    """
    root = str(project_dir.resolve())
    _use_root(root)
    try:
        return load(module_name)
    except ConfigError:
        raise
    except Exception as exc:  # whatever the user's module raises on import becomes one clear message
        raise ProjectError(f"{module_name} in {root} cannot be imported: {type(exc).__name__}: {exc}") from exc


_roots: list[str] = []


def _use_root(root: str) -> None:
    """Make ``root`` the one project folder on ``sys.path``; another project's ``backend`` package is forgotten."""
    if _roots == [root] and root in sys.path:
        return
    for old in _roots:
        if old in sys.path:
            sys.path.remove(old)
    _roots[:] = [root]
    sys.path.insert(0, root)
    for name in list(sys.modules):  # copied at once: other threads import meanwhile
        if name == "backend" or name.startswith("backend."):
            del sys.modules[name]
    importlib.invalidate_caches()


registry = AgentRegistry()
"""What ``@agent`` registers with when a module is imported outside a project."""


def agent(name: str, config: Mapping[str, Any] | None = None) -> Callable[[_T], _T]:
    """Mark a class or a function as the agent ``name``.

    ``@agent("trend_analyzer")``, or with the seed's flat configuration:
    ``@agent(name="cleaner", config={"type": "worker", "timeout": 300, "tools": [...], "output_field": "cleaned"})``.

    Raises:
        ConfigError: the name or the configuration is not valid.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"@agent({name!r}): a name is lower-case letters, digits and _, at most 40 characters")
    try:
        agent_config = AgentConfig.model_validate({"name": name, **(config or {})})
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise ConfigError(f"@agent({name!r}): {'.'.join(map(str, first['loc']))}: {first['msg']}") from exc

    def mark(target: _T) -> _T:
        setattr(target, AGENT_NAME_ATTRIBUTE, name)
        setattr(target, AGENT_CONFIG_ATTRIBUTE, agent_config)
        registry.register(name, target, agent_config)
        return target

    return mark

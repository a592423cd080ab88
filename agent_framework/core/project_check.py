"""Everything ``validate`` looks at beyond agents.yaml itself: the agents' code, the providers, the budget's prices."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.llm_config import LLMSettings
from agent_framework.config.loader import ConfigLoader
from agent_framework.config.project_config import ProjectConfig
from agent_framework.config.registry import AgentRegistry
from agent_framework.config.validators import validate_config
from agent_framework.core.agent_forms import tools_of
from agent_framework.core.announcing import on_approval
from agent_framework.core.durable_limits import check_operations
from agent_framework.core.pinned import pin
from agent_framework.core.result_cache import why_not_cacheable
from agent_framework.errors import ConfigError, Problem, ProjectError
from agent_framework.infrastructure.database import PROVIDERS as DATABASES
from agent_framework.infrastructure.llm.base import BUILDERS, ModelSpec, Price
from agent_framework.infrastructure.llm.pricing import is_priced
from agent_framework.infrastructure.queue import PROVIDERS as QUEUES
from agent_framework.infrastructure.storage import PROVIDERS as STORAGES


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found, and whether there was code to look at."""

    problems: tuple[Problem, ...]
    agents: tuple[str, ...]
    code_checked: bool

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What must be mended."""
        return tuple(problem for problem in self.problems if not problem.warning)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What should be looked at."""
        return tuple(problem for problem in self.problems if problem.warning)


def check_project(loader: ConfigLoader) -> CheckReport:
    """Check a loaded project; nothing is run or connected, the agents' modules are imported."""
    registry = loader.get_agent_registry()
    has_code = (loader.project_dir / "backend").is_dir()
    problems = [*validate_config(loader.loaded, exists=registry.has_module)]
    problems += [*_providers(loader), *_models(loader), *_durable_steps(loader)]
    if has_code:
        problems += _code(loader, registry)
    ordered = sorted(problems, key=lambda problem: problem.line or 0)
    return CheckReport(tuple(ordered), tuple(loader.config.agents), has_code)


def _at(loader: ConfigLoader, message: str, *path: str, warning: bool = False) -> Problem:
    line = loader.loaded.line_of(*path)
    return Problem(message, path=".".join(path), file=loader.loaded.source.file, line=line, warning=warning)


def _providers(loader: ConfigLoader) -> Iterator[Problem]:
    """Names of providers as the file has them, in every stage."""
    stages = {"": loader.loaded.config, **{name: loader.loaded.for_stage(name) for name in loader.loaded.config.stages}}
    for stage, config in stages.items():
        prefix = ("stages", stage) if stage else ()
        for kind, table in (("database", DATABASES), ("queue", QUEUES), ("storage", STORAGES)):
            try:
                table.canonical(getattr(config.infrastructure, kind).provider)
            except ConfigError as exc:
                yield _at(loader, str(exc), *prefix, "infrastructure", kind, "provider")


def _durable_steps(loader: ConfigLoader) -> Iterator[Problem]:
    """Steps that do not fit into a durable execution, where a stage has that engine."""
    loaded = loader.loaded
    configs = [loaded.config, *(loaded.for_stage(name) for name in loaded.config.stages)]
    config = next((config for config in configs if config.orchestration.engine == "durable"), None)
    if config is None:
        return
    try:
        check_operations(pin(config, exists=lambda name: True), config.workers)
    except ProjectError as exc:
        yield _at(loader, str(exc), "orchestration")


def _models(loader: ConfigLoader) -> Iterator[Problem]:
    config = loader.config
    budget = config.orchestration.budget
    for path, settings in _model_settings(config):
        if settings.provider not in BUILDERS and ":" not in settings.provider:
            known = ", ".join(sorted(BUILDERS))
            message = f"unknown model provider {settings.provider!r}; known: {known}, or a dotted path"
            yield _at(loader, message, *path, "provider")
        elif budget is not None and budget.usd is not None:
            yield from _unpriced(loader, path, settings)


def _model_settings(config: ProjectConfig) -> Iterator[tuple[tuple[str, ...], LLMSettings]]:
    """The project's model, and that of each agent which has its own."""
    yield ("llm",), config.llm
    for name, agent in config.agents.items():
        if agent.llm.model_fields_set:
            yield ("agents", name, "llm"), agent.llm.applied_to(config.llm)


def _unpriced(loader: ConfigLoader, path: tuple[str, ...], settings: LLMSettings) -> Iterator[Problem]:
    prices = {name: Price(price.input, price.output) for name, price in settings.prices.items()}
    spec = ModelSpec(settings.provider, settings.model, fallback_model=settings.fallback_model, prices=prices)
    for candidate in (spec, spec.fallback):
        if candidate is not None and not is_priced(candidate.model, candidate.provider, prices):
            name = candidate.full_name
            message = f"the price of {name} is unknown, so budget.usd cannot be kept; add it to llm.prices"
            yield _at(loader, message, *path, "model")


def _code(loader: ConfigLoader, registry: AgentRegistry) -> Iterator[Problem]:
    """Every declared agent's module, and the names that agents.yaml expects in it and elsewhere."""
    if loader.config.approvals.on_approval is not None:
        try:
            on_approval(loader, loader.config.approvals.on_approval)
        except ProjectError as exc:
            yield _at(loader, str(exc), "approvals", "on_approval")
    for name, config in loader.config.agents.items():
        try:
            target = registry.get_agent(name)
        except ProjectError as exc:
            yield _at(loader, str(exc), "agents", name)
            continue
        if target is not None:
            yield from _names_in_module(loader, name, config, target)
            yield from _cached(loader, name, config, target)
        elif config.type == "worker":
            message = f"has no code: write backend/agents/{name}/agent.py"
            yield _at(loader, message, "agents", name)


def _cached(loader: ConfigLoader, name: str, config: AgentConfig, target: Any) -> Iterator[Problem]:
    """A cache for an agent that does more than read."""
    reason = why_not_cacheable(config, tools_of(target, config.tools)) if config.cache is not None else None
    if reason is not None:
        yield _at(loader, f"{reason}; take its cache out", "agents", name, "cache")


def _names_in_module(loader: ConfigLoader, name: str, config: AgentConfig, target: Any) -> Iterator[Problem]:
    module = target if isinstance(target, ModuleType) else _module_of(target)
    if module is None:
        return
    capabilities = config.capabilities
    for position, tool in enumerate(capabilities.tools):
        if not tool.startswith("invoke_") and not _defines(module, target, tool):
            message = f"{module.__name__} defines no tool {tool!r}"
            yield _at(loader, message, "agents", name, "capabilities", "tools", str(position))
    needs_approval = () if isinstance(config.needs_approval, bool) else config.needs_approval
    for position, tool in enumerate(needs_approval):
        if not _defines(module, target, tool):
            message = f"{module.__name__} defines no tool {tool!r}"
            yield _at(loader, message, "agents", name, "needs_approval", str(position))
    for field in ("output_schema", "context_type"):
        wanted = getattr(capabilities, field)
        if wanted is not None and not hasattr(module, wanted):
            message = f"{module.__name__} defines no class {wanted!r}"
            yield _at(loader, message, "agents", name, "capabilities", field)


def _module_of(target: Any) -> ModuleType | None:
    return sys.modules.get(getattr(target, "__module__", ""))


def _defines(module: ModuleType, target: Any, tool: str) -> bool:
    """Whether the module has the tool by name, or the class lists one that is called so."""
    listed = getattr(target, "tools", None) or ()
    return hasattr(module, tool) or tool in {getattr(item, "name", getattr(item, "__name__", "")) for item in listed}

"""Checks that need more than one part of agents.yaml: names that must exist, things that cannot go together.

Loading accepts what these find; ``validate`` lists it, and ``--strict`` makes warnings count.
"""

from collections.abc import Callable, Iterator

from agent_framework.config.loader import LoadedConfig, did_you_mean
from agent_framework.errors import Problem

LAMBDA_NAME_LIMIT = 64
WORKER_TOOL_PREFIX = "invoke_"


def validate_config(loaded: LoadedConfig, *, exists: Callable[[str], bool] | None = None) -> list[Problem]:
    """All cross-checks of a loaded file, in file order. ``exists`` tells whether an undeclared agent has a module."""
    known: Callable[[str], bool] = exists or (lambda name: False)
    problems = [
        *_rules(loaded, known),
        *_orchestrators(loaded),
        *_worker_tools(loaded, known),
        *_fallbacks(loaded),
        *_function_names(loaded),
        *_stage_agents(loaded, known),
    ]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _problem(loaded: LoadedConfig, message: str, *path: str | int, warning: bool = False) -> Problem:
    shown = ".".join(map(str, path))
    return Problem(message, path=shown, file=loaded.source.file, line=loaded.line_of(*path), warning=warning)


def _rules(loaded: LoadedConfig, exists: Callable[[str], bool]) -> Iterator[Problem]:
    config = loaded.config
    names: set[str] = set()
    for index, rule in enumerate(config.orchestration.selection_rules):
        base = ("orchestration", "selection_rules", index)
        if rule.name in names:
            yield _problem(loaded, f"another rule is called {rule.name!r} too", *base, "name", warning=True)
        names.add(rule.name)
        if not rule.agents and not rule.otherwise:
            yield _problem(loaded, "the rule runs nothing: it has no agents and no else", *base, warning=True)
        for branch, items in (("agents", rule.agents), ("else", rule.otherwise)):
            for position, item in enumerate(items):
                for name in item.to_step().agents:
                    yield from _named_agent(loaded, name, exists, *base, branch, position)


def _named_agent(loaded: LoadedConfig, name: str, exists: Callable[[str], bool], *path: str | int) -> Iterator[Problem]:
    agents = loaded.config.agents
    if name in agents:
        if agents[name].type == "orchestrator":
            yield _problem(loaded, f"{name} is the orchestrator; a rule's steps are workers", *path)
    elif not exists(name):
        hint = did_you_mean(name, agents)
        yield _problem(loaded, f"the agent {name!r} is not declared under 'agents:' and has no module{hint}", *path)


def _orchestrators(loaded: LoadedConfig) -> Iterator[Problem]:
    config = loaded.config
    found = [name for name, agent in config.agents.items() if agent.type == "orchestrator"]
    for name in found[1:]:
        yield _problem(loaded, f"{found[0]} is the orchestrator already; a project has one", "agents", name, "type")
    if config.orchestration.strategy == "agent" and not found:
        message = "strategy: agent needs an agent of 'type: orchestrator'"
        yield _problem(loaded, message, "orchestration", "strategy")
    if not config.workers and not config.orchestration.selection_rules:
        yield _problem(loaded, "no worker is declared, so a job does nothing", "agents", warning=True)


def _worker_tools(loaded: LoadedConfig, exists: Callable[[str], bool]) -> Iterator[Problem]:
    """``invoke_*`` tools must name workers; an orchestrator that lists some should list all that the rules use."""
    config = loaded.config
    for name, agent in config.agents.items():
        invoked = {tool.removeprefix(WORKER_TOOL_PREFIX) for tool in agent.tools if tool.startswith(WORKER_TOOL_PREFIX)}
        for position, tool in enumerate(agent.tools):
            worker = tool.removeprefix(WORKER_TOOL_PREFIX)
            if tool.startswith(WORKER_TOOL_PREFIX) and worker not in config.agents and not exists(worker):
                hint = did_you_mean(worker, config.agents)
                message = f"{tool}: the agent {worker!r} is not declared under 'agents:' and has no module{hint}"
                yield _problem(loaded, message, "agents", name, "capabilities", "tools", position)
        missing = [worker for worker in _used_workers(loaded) if worker not in invoked]
        if agent.type == "orchestrator" and invoked and missing:
            listed = ", ".join(f"{WORKER_TOOL_PREFIX}{worker}" for worker in missing)
            message = f"the rules use workers that the orchestrator's tools do not list: {listed}"
            yield _problem(loaded, message, "agents", name, "capabilities", "tools", warning=True)


def _used_workers(loaded: LoadedConfig) -> list[str]:
    rules = loaded.config.orchestration.selection_rules
    steps = [step for rule in rules for step in (*rule.steps, *rule.else_steps)]
    named = dict.fromkeys(agent for step in steps for agent in step.agents)
    return [name for name in named if name in loaded.config.agents]


def _fallbacks(loaded: LoadedConfig) -> Iterator[Problem]:
    agents = loaded.config.agents
    for name, agent in agents.items():
        if agent.fallback is None:
            continue
        if agent.fallback not in agents:
            hint = did_you_mean(agent.fallback, agents)
            yield _problem(loaded, f"the agent {agent.fallback!r} is not declared{hint}", "agents", name, "fallback")
            continue
        seen, current = [name], agent.fallback
        while current is not None and current not in seen:
            seen.append(current)
            current = agents[current].fallback if current in agents else None
        if current is not None:
            chain = " -> ".join([*seen, current])
            yield _problem(loaded, f"the fallbacks go in a circle: {chain}", "agents", name, "fallback")


def _stage_agents(loaded: LoadedConfig, exists: Callable[[str], bool]) -> Iterator[Problem]:
    """A stage changes agents that are there; it declares none."""
    agents = loaded.config.agents
    for stage, overlay in loaded.config.stages.items():
        for name in overlay.agents:
            if name not in agents and not exists(name):
                message = f"the agent {name!r} is not declared under 'agents:'{did_you_mean(name, agents)}"
                yield _problem(loaded, message, "stages", stage, "agents", name)


def _function_names(loaded: LoadedConfig) -> Iterator[Problem]:
    """``<project>-<stage>-<agent>`` must be a Lambda function's name."""
    config = loaded.config
    longest_stage = max((*config.stages, "dev"), key=len)
    for name in config.agents:
        function = f"{config.project.name}-{longest_stage}-{name}"
        if len(function) > LAMBDA_NAME_LIMIT:
            message = f"its function would be called {function}, {len(function)} characters; Lambda allows 64"
            yield _problem(loaded, message, "agents", name)

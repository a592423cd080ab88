"""Which agents become functions: the same answer for Terraform's variables and for the deployment packages."""

from collections.abc import Callable

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import ConfigLoader
from agent_framework.config.project_config import ProjectConfig
from agent_framework.config.validators import WORKER_TOOL_PREFIX

ENGINE_AGENT = "orchestrator"
"""The function that is added where no agent is the orchestrator: rules alone need somebody to follow them."""


def _ignore(message: str, *_path: str) -> None:
    """Somebody else reports what is found here."""


def deployed_agents(
    loader: ConfigLoader, *, report: Callable[..., None] = _ignore, note: Callable[[str], None] = _ignore
) -> dict[str, AgentConfig]:
    """Agents that become functions: the declared ones, those that are only named and have code, an orchestrator.

    Args:
        loader: the project, opened for the stage.
        report: called with a problem and its path in agents.yaml.
        note: called with what a reader should know.
    """
    config, registry = loader.config, loader.get_agent_registry()
    agents = dict(config.agents)
    others = {name: registry.get_config(name) for name in _named(config) if name not in agents}
    agents |= {name: other.model_copy(update={"name": name}) for name, other in others.items() if other is not None}
    missing = [name for name, other in others.items() if other is None]
    if missing:
        note(f"named, but not declared and without code, so without function: {', '.join(missing)}")
    orchestrators = [name for name, agent in agents.items() if agent.type == "orchestrator"]
    for name in orchestrators[1:]:
        report(f"{orchestrators[0]} is the orchestrator already; a project has one", "agents", name, "type")
    if not orchestrators:
        name = ENGINE_AGENT if ENGINE_AGENT not in agents else f"{ENGINE_AGENT}_engine"
        agents[name] = AgentConfig(name=name, type="orchestrator", description="Follows the rules.")
        note(f"no agent is the orchestrator: a function {name!r} is added that follows the rules")
    return agents


def _named(config: ProjectConfig) -> list[str]:
    """Workers that rules, tools and fallbacks name."""
    steps = [step for rule in config.orchestration.selection_rules for step in (*rule.steps, *rule.else_steps)]
    tools = [tool for agent in config.agents.values() for tool in agent.tools if tool.startswith(WORKER_TOOL_PREFIX)]
    return sorted(
        {
            *(name for step in steps for name in step.agents),
            *(tool.removeprefix(WORKER_TOOL_PREFIX) for tool in tools),
            *(agent.fallback for agent in config.agents.values() if agent.fallback),
        }
    )

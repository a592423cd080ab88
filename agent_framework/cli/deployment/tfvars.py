"""From agents.yaml and a stage to ``terraform/agents.auto.tfvars.json``: everything the root module has to know.

Stages: which agents become functions (`agents`) -> each agent's entry (`environment`, `models`) -> the blocks
(`infrastructure`) -> one JSON text with sorted keys, the same for the same file. Of secrets it holds names and places,
never values.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent_framework.cli.deployment.agents import deployed_agents
from agent_framework.cli.deployment.environment import problems as environment_problems
from agent_framework.cli.deployment.environment import sort_variables
from agent_framework.cli.deployment.infrastructure import database_block, queue_block, storage_block
from agent_framework.cli.deployment.models import bedrock_models, key_variables
from agent_framework.cli.scaffolding.files import write_into
from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import LOCAL_STAGE, ConfigLoader
from agent_framework.config.permissions import Permission
from agent_framework.config.project_config import ProjectConfig
from agent_framework.config.validators import LAMBDA_NAME_LIMIT
from agent_framework.errors import ConfigError, Problem
from agent_framework.types import JSONDict

TFVARS = "terraform/agents.auto.tfvars.json"
"""Path of the file, relative to the project."""

DURABLE_SUFFIX = "-run"
"""What the durable function beside the orchestrator's is called, after its name."""
APPROVALS = "approvals"
"""What the function with the pages of approvals is called, in the place of an agent's name."""

_MAX_FUNCTION_VARIABLES = 2000
"""Characters of the workers' ``<WORKER>_FUNCTION`` variables; all variables of a function have 4,096."""
_ACCESS: Mapping[str | None, str] = {
    None: "own-outcome",
    "optional": "read-write",
    "read-only": "read-only",
    "read-write": "read-write",
    "required": "read-write",
}


@dataclass(frozen=True, slots=True)
class TerraformConfig:
    """The variables of one stage, and ``notes``: what a reader should know about them."""

    stage: str
    variables: JSONDict
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The file: sorted keys, two spaces, a newline at the end."""
        return json.dumps(self.variables, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @property
    def environment_names(self) -> tuple[str, ...]:
        """Variables whose plain values the deployment has to give (``environment_values``)."""
        return self._names("environment_names")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Variables whose places the deployment has to give (``secrets``)."""
        return self._names("secret_names")

    def _names(self, key: str) -> tuple[str, ...]:
        agents: Mapping[str, JSONDict] = self.variables["agents"]
        return tuple(sorted({name for agent in agents.values() for name in agent[key]}))


@dataclass(slots=True)
class _Findings:
    """Problems with their places in agents.yaml, and notes, as they come up."""

    loader: ConfigLoader
    problems: list[Problem] = field(default_factory=list[Problem])
    notes: list[str] = field(default_factory=list[str])

    def report(self, message: str, *path: str) -> None:
        loaded = self.loader.loaded
        staged = ("stages", self.loader.stage, *path)
        place = staged if staged in loaded.source.lines else path
        line = loaded.line_of(*place)
        self.problems.append(Problem(message, path=".".join(place), file=loaded.source.file, line=line))


def terraform_config(loader: ConfigLoader) -> TerraformConfig:
    """The variables for the stage that ``loader`` was opened with.

    Raises:
        ConfigError: what cannot be deployed, all of it at once.
    """
    config, found = loader.config, _Findings(loader)
    if loader.stage == LOCAL_STAGE:
        raise ConfigError("stage 'local' runs on this machine and has nothing to deploy; choose another with --stage")
    agents = deployed_agents(loader, report=found.report, note=found.notes.append)
    orchestrator = next(name for name, agent in agents.items() if agent.type == "orchestrator")
    _check_names(config, loader.stage, agents, found)
    infrastructure = config.infrastructure
    database = database_block(infrastructure.database, loader.stage, found.report)
    entries = {name: _agent(config, loader.stage, agent, agents, found) for name, agent in agents.items()}
    if "password_env" in database["runtime"]:
        for entry in entries.values():
            entry["secret_names"] = sorted({*entry["secret_names"], database["runtime"]["password_env"]})
    variables: JSONDict = {
        "agents": entries,
        "approvals": {
            "function_url": config.approvals.function_url,
            "reserved_concurrency": config.approvals.function_url_concurrency,
        },
        "aws_region": config.project.region,
        "database": database,
        "engine": config.orchestration.engine,
        "orchestrator": orchestrator,
        "project_name": config.project.name,
        "queue": queue_block(
            infrastructure.queue, agents[orchestrator].runtime.timeout, found.report, found.notes.append
        ),
        "stage": loader.stage,
        "storage": storage_block(infrastructure.storage, loader.stage, found.report),
    }
    if found.problems:
        raise ConfigError(sorted(found.problems, key=lambda problem: problem.line or 0))
    found.notes += _network_notes(variables)
    return TerraformConfig(loader.stage, variables, tuple(found.notes))


def is_current(project_dir: Path, made: TerraformConfig) -> bool:
    """Whether the project's file is what would be written."""
    try:
        return (project_dir / TFVARS).read_bytes() == made.text.encode()
    except OSError:
        return False


def write_tfvars(project_dir: Path, made: TerraformConfig) -> Path:
    """Write the file, whole or not at all, and return its path.

    Raises:
        ProjectError: it could not be written.
    """
    write_into(project_dir, {TFVARS: made.text})
    return project_dir / TFVARS


def _check_names(config: ProjectConfig, stage: str, agents: Mapping[str, AgentConfig], found: _Findings) -> None:
    durable = config.orchestration.engine == "durable"
    for name, agent in agents.items():
        function = _function_name(config, stage, name)
        if durable and agent.type == "orchestrator":
            function += DURABLE_SUFFIX
        if len(function) > LAMBDA_NAME_LIMIT:
            found.report(_too_long(function), "agents", name)
    if config.approvals.function_url:
        function = _function_name(config, stage, APPROVALS)
        if len(function) > LAMBDA_NAME_LIMIT:
            found.report(_too_long(function), "approvals", "function_url")
        if APPROVALS in agents:
            message = f"approvals.function_url makes a function called {function}; give this agent another name"
            found.report(message, "agents", APPROVALS)
        found.notes.append(f"{APPROVALS}: everybody can call {function} by its URL; it answers whoever has a link")


def _too_long(function: str) -> str:
    return f"its function would be called {function}, {len(function)} characters; Lambda allows {LAMBDA_NAME_LIMIT}"


def _function_name(config: ProjectConfig, stage: str, agent: str) -> str:
    return f"{config.project.name}-{stage}-{agent}"


def _agent(
    config: ProjectConfig, stage: str, agent: AgentConfig, agents: Mapping[str, AgentConfig], found: _Findings
) -> JSONDict:
    runtime, llm = agent.runtime, agent.llm.applied_to(config.llm)
    # An orchestrator calls a model in its turns, or in a 'prepare' of its own that has one named.
    talks = agent.type == "worker" or config.orchestration.strategy == "agent" or bool(agent.llm.model_fields_set)
    for message in environment_problems(runtime.environment):
        found.report(message, "agents", agent.name, "runtime", "environment")
    for trigger in sorted({*runtime.triggers} - {"sqs_queue"}):
        found.notes.append(f"{agent.name}: the modules make no trigger {trigger!r}; jobs come through the queue")
    found.notes += [
        f"{agent.name} may do more than it names, {', '.join(one.wide)}: {one.reason}"
        for one in agent.permissions
        if one.wide
    ]
    variables = sort_variables(runtime.environment, key_variables(llm) if talks else ())
    functions = _functions(config, stage, agents, found) if agent.type == "orchestrator" else {}
    return {
        "architecture": runtime.architecture,
        "bedrock_models": bedrock_models(llm, config.project.region) if talks else [],
        "database_access": _ACCESS[agent.dependencies.database],
        "environment": {**functions, **variables.plain},
        "environment_names": list(variables.plain_names),
        "ephemeral_storage": runtime.ephemeral_storage,
        "external_apis": list(agent.dependencies.external_apis),
        "function_name": _function_name(config, stage, agent.name),
        "handler": f"backend.agents.{agent.name}.lambda_handler.handler",
        "memory": runtime.memory,
        "permissions": [_permission(one) for one in agent.permissions],
        "reserved_concurrency": runtime.reserved_concurrency,
        "secret_names": list(variables.secret_names),
        "secret_references": dict(variables.references),
        "storage_access": _ACCESS[agent.dependencies.storage],
        "timeout": runtime.timeout,
        "tools": agent.tools,
        "triggers": list(runtime.triggers),
        "type": agent.type,
    }


def _permission(permission: Permission) -> JSONDict:
    return {
        "actions": sorted({*permission.actions}),
        "reason": permission.reason,
        "resources": sorted({*permission.resources}),
    }


def _functions(
    config: ProjectConfig, stage: str, agents: Mapping[str, AgentConfig], found: _Findings
) -> dict[str, str]:
    """``<WORKER>_FUNCTION`` for every worker: a job that started under an older plan may still need any of them."""
    functions = {
        f"{name.upper()}_FUNCTION": _function_name(config, stage, name)
        for name, agent in agents.items()
        if agent.type == "worker"
    }
    if sum(len(name) + len(value) for name, value in functions.items()) > _MAX_FUNCTION_VARIABLES:
        found.notes.append(
            f"{len(functions)} workers are too many for <WORKER>_FUNCTION variables; their functions are called "
            f"{_function_name(config, stage, '<worker>')}"
        )
        return {}
    return functions


def _network_notes(variables: JSONDict) -> Iterator[str]:
    """Functions beside an RDS instance are in a VPC, from which the internet cannot be reached."""
    if variables["database"]["provider"] != "rds-postgres":
        return
    agents: Mapping[str, JSONDict] = variables["agents"]
    outside = sorted(name for name, agent in agents.items() if agent["external_apis"] or agent["secret_names"])
    if outside:
        yield (
            "rds-postgres puts the functions into a VPC without a way to the internet; if these agents call services "
            f"outside AWS, give Terraform a network that has one (variable 'network'): {', '.join(outside)}"
        )

"""The models of agents.yaml as a whole: frozen, strict about unknown fields.

They know the file's shape and nothing of providers, SDKs or the environment: ``infrastructure`` blocks stay data.
"""

from typing import Annotated, Any

from pydantic import Field, field_validator

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.config_model import AgentName, ConfigModel
from agent_framework.config.llm_config import LLMSettings
from agent_framework.config.orchestration_config import ApprovalSettings, EngineName, Orchestration
from agent_framework.config.permissions import Permissions
from agent_framework.types import JSONDict

RESERVED_NAMES = frozenset({"input", "results", "prev_step", "job"})
LOCAL_STAGE = "local"
StageName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9-]{0,15}$", description="Lower-case letters, digits and -, at most 16 characters."),
]


class ProjectInfo(ConfigModel):
    """Who the project is."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Lower-case letters, digits and -, at most 32.")
    version: str = "0.1.0"
    region: str = Field(default="us-east-1", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="AWS region.")


class ProviderSettings(ConfigModel):
    """A provider by name, alias or dotted path (``my_pkg.stores:RedisDatabase``); it validates ``config`` itself."""

    provider: str = Field(min_length=1)
    config: dict[str, Any] = Field(default_factory=dict[str, Any])


class Infrastructure(ConfigModel):
    """Where jobs, messages and files live. What is left out costs nothing while idle."""

    database: ProviderSettings = ProviderSettings.model_construct(provider="dynamodb", config={})
    queue: ProviderSettings = ProviderSettings.model_construct(provider="sqs", config={})
    storage: ProviderSettings = ProviderSettings.model_construct(provider="s3", config={})


LOCAL_INFRASTRUCTURE: dict[str, Any] = {
    "database": {"provider": "sqlite"},
    "queue": {"provider": "local"},
    "storage": {"provider": "local"},
}
LOCAL_ORCHESTRATION: dict[str, Any] = {"orchestration": {"engine": "checkpoint"}}


class AgentOverlay(ConfigModel):
    """What a stage changes in one agent."""

    runtime: dict[str, Any] = Field(default_factory=dict[str, Any])
    permissions: Permissions = Field(default=(), description="In the place of all that the agent has elsewhere.")


class OrchestrationOverlay(ConfigModel):
    """What a stage changes in the orchestration: where it runs, never what it means."""

    engine: EngineName | None = None


class StageOverlay(ConfigModel):
    """What a stage does differently; merged over the rest of the file and validated as a whole."""

    orchestration: OrchestrationOverlay = OrchestrationOverlay.model_construct()
    approvals: dict[str, Any] = Field(default_factory=dict[str, Any])
    infrastructure: dict[str, Any] = Field(default_factory=dict[str, Any])
    llm: dict[str, Any] = Field(default_factory=dict[str, Any])
    agents: dict[str, AgentOverlay] = Field(default_factory=dict[str, AgentOverlay])


class ProjectConfig(ConfigModel):
    """A whole agents.yaml."""

    project: ProjectInfo
    agents: dict[AgentName, AgentConfig] = Field(default_factory=dict[str, AgentConfig])
    orchestration: Orchestration = Orchestration.model_construct()
    approvals: ApprovalSettings = ApprovalSettings.model_construct()
    infrastructure: Infrastructure = Infrastructure.model_construct()
    llm: LLMSettings = LLMSettings.model_construct()
    stages: dict[StageName, StageOverlay] = Field(default_factory=dict[str, StageOverlay])

    @field_validator("agents")
    @classmethod
    def _name_the_agents(cls, agents: dict[str, AgentConfig]) -> dict[str, AgentConfig]:
        reserved = sorted(RESERVED_NAMES & agents.keys())
        if reserved:
            raise ValueError(f"{', '.join(reserved)}: reserved for conditions, choose another name")
        renamed = [f"{name} (name: {agent.name})" for name, agent in agents.items() if agent.name not in ("", name)]
        if renamed:
            raise ValueError(f"an agent's name is its key, take 'name' out: {', '.join(renamed)}")
        return {name: agent.model_copy(update={"name": name}) for name, agent in agents.items()}

    @field_validator("stages")
    @classmethod
    def _no_durable_functions_here(cls, stages: dict[str, StageOverlay]) -> dict[str, StageOverlay]:
        if LOCAL_STAGE in stages and stages[LOCAL_STAGE].orchestration.engine == "durable":
            raise ValueError(
                "stage local runs in this machine's processes, and durable functions exist on AWS only; take "
                "'engine: durable' out of stages.local (it holds in deployed stages, where 'orchestration' says so)"
            )
        return stages

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the declared workers, in file order."""
        return tuple(name for name, agent in self.agents.items() if agent.type == "worker")

    @property
    def orchestrator(self) -> str | None:
        """Name of the agent of ``type: orchestrator``, if there is one."""
        return next((name for name, agent in self.agents.items() if agent.type == "orchestrator"), None)


def json_schema() -> JSONDict:
    """The JSON Schema of agents.yaml (draft 2020-12)."""
    schema = ProjectConfig.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

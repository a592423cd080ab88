"""The models of agents.yaml: frozen, strict about unknown fields, with units and limits in their descriptions.

They know the file's shape and nothing of providers, SDKs or the environment: ``infrastructure`` blocks stay data.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from agent_framework.config.conditions import parse_condition
from agent_framework.config.config_model import ConfigModel
from agent_framework.config.permissions import Permissions
from agent_framework.errors import ConfigError
from agent_framework.types import ErrorKind, JSONDict, Step, is_object

RESERVED_NAMES = frozenset({"input", "results", "prev_step", "job"})
LAMBDA_MAX_TIMEOUT_S = 900
LOCAL_STAGE = "local"
_NAME = r"^[a-z][a-z0-9_]{0,39}$"

AgentName = Annotated[str, Field(pattern=_NAME, description="Lower-case letters, digits and _, at most 40 characters.")]
StageName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9-]{0,15}$", description="Lower-case letters, digits and -, at most 16 characters."),
]
CachePath = Annotated[
    str,
    Field(pattern=r"^(input|results)(\.[A-Za-z_]\w*)*$", description="input.a.b or results.agent.a."),
]
Seconds = Annotated[float, Field(gt=0, le=31_622_400)]
OnError = Literal["stop", "continue"]
EngineName = Literal["checkpoint", "durable"]


class ProjectInfo(ConfigModel):
    """Who the project is."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Lower-case letters, digits and -, at most 32.")
    version: str = "0.1.0"
    region: str = Field(default="us-east-1", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="AWS region.")


class RuntimeSettings(ConfigModel):
    """How one agent runs. These are Lambda's limits, so that what runs on a laptop runs deployed too."""

    timeout: int = Field(default=300, ge=1, description="Seconds one attempt may take; Lambda's limit is 900.")
    memory: int = Field(default=1024, ge=128, le=10_240, description="MB of memory.")
    environment: tuple[str, ...] | dict[str, str] = Field(
        default=(), description="Names of environment variables to pass on, or a mapping of names to plain values."
    )
    triggers: tuple[Literal["sqs_queue", "api", "schedule"], ...] = ()
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    ephemeral_storage: int = Field(default=512, ge=512, le=10_240, description="MB of /tmp.")
    reserved_concurrency: int | None = Field(default=None, ge=0)

    @field_validator("timeout")
    @classmethod
    def _within_lambda(cls, value: int) -> int:
        if value > LAMBDA_MAX_TIMEOUT_S:
            raise ValueError(f"{value} is above Lambda's limit of {LAMBDA_MAX_TIMEOUT_S} seconds")
        return value


class Capabilities(ConfigModel):
    """What the agent can do; names are resolved in the agent's module when the project is validated."""

    tools: tuple[str, ...] = ()
    structured_output: bool = False
    output_schema: str | None = None
    context_type: str | None = None


class Dependencies(ConfigModel):
    """What the agent needs of the infrastructure; the rights to that are derived from this."""

    database: Literal["read-only", "read-write", "required", "optional"] | None = None
    storage: Literal["read-only", "read-write", "required", "optional"] | None = None
    queue: Literal["read-only", "read-write", "required", "optional"] | None = None
    external_apis: tuple[str, ...] = ()


class Outputs(ConfigModel):
    """Where readers find the result."""

    database_field: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")


class RetryPolicy(ConfigModel):
    """When and how often an attempt is repeated. Waits grow as ``initial * 2^(n-1)``, at most ``max_seconds``."""

    max_attempts: int = Field(default=3, ge=1, le=20)
    initial_seconds: float = Field(default=1.0, ge=0, le=3600)
    max_seconds: float = Field(default=60.0, ge=0, le=3600)
    jitter: bool = Field(default=True, description="Multiply each wait by a random factor from 0.5 to 1.")
    on: tuple[ErrorKind, ...] = Field(
        default=(ErrorKind.CRASH, ErrorKind.TIMEOUT, ErrorKind.TRANSIENT),
        description="Kinds of failure that are worth another attempt.",
    )

    @field_validator("on")
    @classmethod
    def _not_budget(cls, value: tuple[ErrorKind, ...]) -> tuple[ErrorKind, ...]:
        if ErrorKind.BUDGET in value:
            raise ValueError("'budget' cannot be retried: another attempt would only spend more")
        if ErrorKind.REVIEW in value:
            raise ValueError("'review' cannot be retried: a person must look first")
        return value


class ModelPrice(ConfigModel):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class LLMSettings(ConfigModel):
    """Which model the agents use, and how it is reached."""

    provider: str = "bedrock"
    model: str = "us.amazon.nova-pro-v1:0"
    region: str | None = None
    fallback_model: str | None = None
    client: Literal["sdk", "chat", "litellm"] | None = None
    base_url: str | None = None
    api_key_env: str | None = Field(default=None, description="Name of the environment variable that holds the key.")
    max_output_tokens: int = Field(default=4096, ge=1, le=1_000_000)
    timeout: Seconds = Field(default=120.0, description="Seconds one model call may take.")
    prices: dict[str, ModelPrice] = Field(default_factory=dict[str, ModelPrice])


class LLMOverride(ConfigModel):
    """The parts of ``llm`` that one agent or stage does differently."""

    provider: str | None = None
    model: str | None = None
    region: str | None = None
    fallback_model: str | None = None
    client: Literal["sdk", "chat", "litellm"] | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    timeout: Seconds | None = None
    prices: dict[str, ModelPrice] | None = None

    def applied_to(self, base: LLMSettings) -> LLMSettings:
        """``base`` with what is given here; an explicit null takes a setting away where it may be missing."""
        given = self.model_dump(exclude_unset=True)
        optional = {name for name, field in LLMSettings.model_fields.items() if field.default is None}
        kept = {name: value for name, value in given.items() if value is not None or name in optional}
        return LLMSettings.model_validate(base.model_dump() | kept)


class CircuitBreaker(ConfigModel):
    """When an agent is not started for a while, because what it calls fails. Shared by all processes of a stage.

    Time-outs and transient failures count.
    """

    failures: int = Field(default=5, ge=1, le=100, description="So many failures within the window open the circuit.")
    window_seconds: float = Field(default=60.0, gt=0, le=86_400)
    open_seconds: float = Field(default=30.0, gt=0, le=900, description="Seconds before it is tried again.")
    half_open_calls: int = Field(
        default=1, ge=1, le=100, description="Trials at a time then; as many successes close the circuit."
    )
    target: AgentName | None = Field(
        default=None, description="A name that agents which call the same thing share, and with it the circuit."
    )


class ResultCache(ConfigModel):
    """Results that are served again for the same question, for agents that only read."""

    ttl_seconds: float = Field(default=3600.0, gt=0, le=31_622_400, description="Seconds a result is good for.")
    key: tuple[CachePath, ...] = Field(
        default=(),
        description="What the result depends on: paths such as input.topic or results.researcher.summary. "
        "Empty: the whole input and all earlier results.",
    )
    shared: bool = Field(default=False, description="Serve one user's result to other users too.")


class SessionSettings(ConfigModel):
    """How an agent remembers a conversation."""

    ttl_seconds: float = Field(
        default=86_400.0, gt=0, le=31_622_400, description="Seconds after its last use before a session expires."
    )
    max_items: int = Field(
        default=200, ge=1, le=10_000, description="The newest items that a run is told: messages, tool calls, answers."
    )


class AgentConfig(ConfigModel):
    """One agent.

    Reads agents.yaml's nested form, and the seed's flat one where ``name`` is given:
    ``AgentConfig(name="cleaner", type="worker", timeout=300, memory=1024, tools=[...], output_field="cleaned_data")``.
    """

    name: str = Field(default="", exclude=True)
    type: Literal["worker", "orchestrator"] = "worker"
    description: str = ""
    entrypoint: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$")
    requirements: tuple[str, ...] = ()
    runtime: RuntimeSettings = RuntimeSettings.model_construct()
    capabilities: Capabilities = Capabilities.model_construct()
    dependencies: Dependencies = Dependencies.model_construct()
    permissions: Permissions = Field(
        default=(),
        description="What its own code does in AWS besides: its role, and no other agent's, may do that too.",
    )
    outputs: Outputs = Outputs.model_construct()
    retry: RetryPolicy = RetryPolicy.model_construct()
    fallback: AgentName | None = None
    circuit_breaker: CircuitBreaker | None = None
    cache: ResultCache | None = None
    session: bool | SessionSettings = Field(
        default=False, description="Remember the conversation that a job belongs to (input.session_id)."
    )
    llm: LLMOverride = LLMOverride.model_construct()
    needs_approval: bool | tuple[str, ...] = Field(
        default=False, description="True: a person must approve each start of the agent; or names of its tools."
    )
    max_turns: int = Field(default=20, ge=1, le=200, description="Model calls one attempt may take.")

    @model_validator(mode="before")
    @classmethod
    def _flat_form(cls, data: Any) -> Any:
        if not is_object(data) or "name" not in data:
            return data
        flat = dict(data)
        for field_name, (section, inner) in _FLAT_FIELDS.items():
            if field_name not in flat:
                continue
            nested: Any = flat.get(section) or {}
            if isinstance(nested, BaseModel):
                nested = nested.model_dump(exclude_unset=True)
            if is_object(nested):
                flat[section] = {**nested, inner: flat.pop(field_name)}
        return flat

    @model_validator(mode="after")
    def _an_orchestrator_does_not_wait_as_a_whole(self) -> Self:
        if self.type == "orchestrator" and self.needs_approval is True:
            raise ValueError("needs_approval: true is for workers; name the orchestrator's tools that need approval")
        return self

    @model_validator(mode="after")
    def _remembers_or_repeats(self) -> Self:
        if self.cache is not None and self.session:
            raise ValueError("an agent with a 'session' answers by what was said before, so it cannot have a 'cache'")
        return self

    @property
    def session_settings(self) -> SessionSettings | None:
        """How it remembers; None where it does not."""
        return SessionSettings() if self.session is True else self.session or None

    @property
    def timeout(self) -> int:
        """Seconds one attempt may take."""
        return self.runtime.timeout

    @property
    def memory(self) -> int:
        """MB of memory."""
        return self.runtime.memory

    @property
    def tools(self) -> list[str]:
        """Names of the declared tools."""
        return list(self.capabilities.tools)

    @property
    def output_field(self) -> str | None:
        """``outputs.database_field``."""
        return self.outputs.database_field


_FLAT_FIELDS = {
    "timeout": ("runtime", "timeout"),
    "memory": ("runtime", "memory"),
    "tools": ("capabilities", "tools"),
    "output_field": ("outputs", "database_field"),
}


class StepItem(ConfigModel):
    """One item of a rule: a bare name, ``{sequential: [...]}`` or ``{parallel: [...]}``."""

    sequential: tuple[str, ...] | None = None
    parallel: tuple[str, ...] | None = None
    rerun: bool = Field(default=False, description="Run these agents although they ran before in this job.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bare name is possible too, which the fields alone do not say."""
        item = handler.resolve_ref_schema(handler(core))
        one_of = [{"required": ["sequential"]}, {"required": ["parallel"]}]
        return {"anyOf": [{"type": "string", "pattern": _NAME}, {**item, "oneOf": one_of}]}

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, data: Any) -> Any:
        return {"sequential": [data]} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [agents for agents in (self.sequential, self.parallel) if agents is not None]
        if len(given) != 1:
            raise ValueError("an item is a name, {sequential: [...]} or {parallel: [...]}: exactly one of them")
        if not given[0]:
            raise ValueError("the list of agents is empty")
        if len(set(given[0])) < len(given[0]):
            raise ValueError("an agent is named twice in one item")
        return self

    def to_step(self) -> Step:
        """The item as a `Step`."""
        if self.parallel is not None:
            return Step("parallel", self.parallel, self.rerun)
        return Step("sequential", self.sequential or (), self.rerun)


class RuleConfig(ConfigModel):
    """One selection rule, evaluated when it is reached."""

    name: str = Field(min_length=1, max_length=100)
    condition: str = "always"
    agents: tuple[StepItem, ...] = ()
    otherwise: tuple[StepItem, ...] = Field(default=(), alias="else")
    when: Literal["success", "failure", "finally"] = "success"
    on_error: OnError | None = None

    @field_validator("condition")
    @classmethod
    def _parses(cls, value: str) -> str:
        try:
            parse_condition(value)
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        return value

    @property
    def steps(self) -> tuple[Step, ...]:
        """What runs where the condition holds."""
        return tuple(item.to_step() for item in self.agents)

    @property
    def else_steps(self) -> tuple[Step, ...]:
        """What runs where it does not."""
        return tuple(item.to_step() for item in self.otherwise)


class Budget(ConfigModel):
    """What one job's model calls may cost together."""

    usd: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)


class Orchestration(ConfigModel):
    """How agents are chosen, and how a job ends."""

    strategy: Literal["dynamic", "sequential", "parallel", "agent"] = "dynamic"
    selection_rules: tuple[RuleConfig, ...] = ()
    max_concurrent_agents: int = Field(default=10, ge=1, le=1000, description="Agents of one job at a time.")
    timeout_seconds: Seconds | None = Field(default=None, description="A job's deadline.")
    on_error: OnError = "stop"
    budget: Budget | None = None
    engine: EngineName = Field(
        default="checkpoint",
        description="Who keeps a deployed job going: short functions woken by the queue, or a Lambda durable function.",
    )
    max_turns: int = Field(default=20, ge=1, le=200, description="Turns of the orchestrator under strategy: agent.")

    @model_validator(mode="after")
    def _agent_strategy_decides_alone(self) -> Self:
        if self.strategy == "agent" and any(rule.when == "success" for rule in self.selection_rules):
            raise ValueError(
                "strategy: agent leaves the choice to the orchestrator; only rules with 'when: failure' or "
                "'when: finally' can stand beside it"
            )
        return self


class ApprovalSettings(ConfigModel):
    """How people are asked."""

    expires_seconds: Seconds = Field(default=86_400.0, description="After this a question counts as rejected.")
    on_approval: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="A function of the project, module:name, that is told of each new question: (approval, link).",
    )
    url: str | None = Field(
        default=None, pattern=r"^https?://[^\s?#]+$", description="Where links lead to; <url>/approvals/<id>?token=..."
    )
    endpoint: bool = Field(default=False, description="The orchestrator's function answers /approvals/<id>.")
    function_url: bool = Field(
        default=False,
        description="A deployed stage has a function of its own for the pages, with a public URL that links lead to.",
    )
    function_url_concurrency: int | None = Field(
        default=2,
        ge=1,
        description="How many of its pages are answered at a time, reserved for it; null reserves nothing.",
    )


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

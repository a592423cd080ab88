"""The models of one agent in agents.yaml, with units and limits in their descriptions; see `project_config`."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from agent_framework.config.config_model import AgentName, ConfigModel
from agent_framework.config.llm_config import LLMOverride
from agent_framework.config.permissions import Permissions
from agent_framework.types import ErrorKind, is_object

LAMBDA_MAX_TIMEOUT_S = 900
CachePath = Annotated[
    str,
    Field(pattern=r"^(input|results)(\.[A-Za-z_]\w*)*$", description="input.a.b or results.agent.a."),
]


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

"""The models of ``orchestration`` and ``approvals`` in agents.yaml: how agents are chosen, and how people are asked."""

from typing import Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from agent_framework.config.conditions import parse_condition
from agent_framework.config.config_model import NAME, ConfigModel, Seconds
from agent_framework.errors import ConfigError
from agent_framework.types import Step

OnError = Literal["stop", "continue"]
EngineName = Literal["checkpoint", "durable"]


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
        return {"anyOf": [{"type": "string", "pattern": NAME}, {**item, "oneOf": one_of}]}

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

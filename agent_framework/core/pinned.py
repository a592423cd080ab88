"""The plan that is pinned with a job when a run starts: what a redeploy may not change under a running job.

Pure data. It is stored with the job as JSON, and its digest names it in the trace.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.orchestration_config import RuleConfig, StepItem
from agent_framework.config.project_config import ProjectConfig
from agent_framework.core.cursor import Places
from agent_framework.errors import ProjectError
from agent_framework.infrastructure._json import ByObject
from agent_framework.types import ErrorKind, JSONDict, Step

PLANNER_VERSION = 1
GRACE_S = 10.0
"""Seconds past its timeout before an attempt is given up by others."""

ONE_AGENT = "agent:"
"""A job of type ``agent:<name>`` runs that agent alone, whatever the rules say."""


@dataclass(frozen=True, slots=True)
class AgentPolicy:
    """How one agent is run, repeated and replaced. Times in seconds."""

    timeout_s: float = 300.0
    max_attempts: int = 3
    initial_s: float = 1.0
    max_s: float = 60.0
    jitter: bool = True
    retry_on: tuple[ErrorKind, ...] = (ErrorKind.CRASH, ErrorKind.TIMEOUT, ErrorKind.TRANSIENT)
    fallback: str | None = None
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class PinnedRule:
    """One rule with its steps. ``when`` is the phase it belongs to."""

    name: str
    condition: str
    steps: tuple[Step, ...]
    else_steps: tuple[Step, ...] = ()
    when: str = "success"
    on_error: str | None = None


@dataclass(frozen=True)
class PinnedPlan:
    """Everything that decides what runs next, besides the input and the results."""

    strategy: str
    rules: tuple[PinnedRule, ...]
    orchestrator: str | None = None
    prepares: bool = False
    max_concurrent_agents: int = 10
    max_turns: int = 20
    timeout_s: float | None = None
    on_error: str = "stop"
    budget_usd: float | None = None
    budget_tokens: int | None = None
    approvals_expire_s: float = 86_400.0
    policies: Mapping[str, AgentPolicy] = field(default_factory=dict[str, AgentPolicy])
    version: int = PLANNER_VERSION

    def rules_of(self, phase: str) -> tuple[PinnedRule, ...]:
        """The rules of one phase, in order."""
        return self._by_phase.get(phase, ())

    @cached_property
    def _by_phase(self) -> Mapping[str, tuple[PinnedRule, ...]]:
        phases = dict.fromkeys(rule.when for rule in self.rules)
        return {phase: tuple(rule for rule in self.rules if rule.when == phase) for phase in phases}

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of all rules."""
        return tuple(rule.condition for rule in self.rules)

    @cached_property
    def has_gates(self) -> bool:
        """Whether somebody must approve the start of some agent."""
        return any(policy.needs_approval for policy in self.policies.values())

    @cached_property
    def places(self) -> Places:
        """The places to which jobs of this plan have come in this process."""
        return Places()

    def policy(self, agent: str) -> AgentPolicy:
        """The agent's policy, or the defaults for one that is not declared."""
        return self.policies.get(agent, _DEFAULT_POLICY)

    def to_dict(self) -> JSONDict:
        """The JSON form stored with the job, with its digest."""
        return self._stored

    @cached_property
    def _stored(self) -> JSONDict:
        data = _adapter().dump_python(self, mode="json")
        return {**data, "digest": digest(data)}

    @classmethod
    def from_dict(cls, data: JSONDict) -> "PinnedPlan":
        """Read the stored form.

        Raises:
            ProjectError: this version of the package cannot carry the plan on.
        """
        return _read_stored(data)


def _read(data: JSONDict) -> PinnedPlan:
    if data.get("version") != PLANNER_VERSION:
        raise ProjectError(
            f"the job's plan is of planner version {data.get('version')}, this is version {PLANNER_VERSION}"
        )
    return _read_text(json.dumps(data, sort_keys=True))


_read_stored = ByObject(_read, most=256)
"""Jobs of one plan share the object that it is read from (`database._rows`)."""
_DEFAULT_POLICY = AgentPolicy()


@cache
def _adapter() -> TypeAdapter[PinnedPlan]:
    return TypeAdapter(PinnedPlan)


@lru_cache(maxsize=256)
def _read_text(text: str) -> PinnedPlan:
    data = json.loads(text)
    data.pop("digest", None)
    try:
        return _adapter().validate_python(data)
    except ValidationError as exc:
        raise ProjectError(f"the job's stored plan cannot be read: {exc.errors(include_url=False)[0]['msg']}") from exc


def digest(data: Mapping[str, Any]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the plan's JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def pin(config: ProjectConfig, *, prepares: bool = False, exists: Callable[[str], bool] | None = None) -> PinnedPlan:
    """The plan for new runs of ``config``.

    ``prepares`` says that the orchestrator agent publishes facts before the rules run; ``exists`` tells whether an
    undeclared agent's module is there (such an agent is a worker with defaults).

    Raises:
        ProjectError: a rule names an agent that neither agents.yaml nor a module defines.
    """
    orchestration = config.orchestration
    rules = tuple(
        PinnedRule(rule.name, rule.condition, rule.steps, rule.else_steps, rule.when, rule.on_error)
        for rule in orchestration.selection_rules
    )
    if orchestration.strategy != "agent" and not any(rule.when == "success" for rule in rules):
        kind = "sequential" if orchestration.strategy == "sequential" else "parallel"
        steps = (Step(kind, config.workers),) if config.workers else ()
        rules = (PinnedRule("all workers", "always", steps), *rules)
    named = {agent for rule in rules for step in (*rule.steps, *rule.else_steps) for agent in step.agents}
    unknown = sorted(name for name in named - config.agents.keys() if exists is None or not exists(name))
    if unknown:
        raise ProjectError(
            f"the rules name agents that do not exist: {', '.join(unknown)}; run 'agent-framework validate'"
        )
    budget = orchestration.budget
    return PinnedPlan(
        strategy=orchestration.strategy,
        rules=rules,
        orchestrator=config.orchestrator,
        prepares=prepares,
        max_concurrent_agents=orchestration.max_concurrent_agents,
        max_turns=orchestration.max_turns,
        timeout_s=orchestration.timeout_seconds,
        on_error=orchestration.on_error,
        budget_usd=budget.usd if budget else None,
        budget_tokens=budget.tokens if budget else None,
        approvals_expire_s=config.approvals.expires_seconds,
        policies={name: _policy(agent) for name, agent in config.agents.items()},
    )


def without_rules(config: ProjectConfig) -> PinnedPlan:
    """The agents' policies and the budget alone: for agents that are run by name."""
    bare = config.orchestration.model_copy(update={"selection_rules": ()})
    return pin(config.model_copy(update={"orchestration": bare}))


def one_agent(config: ProjectConfig, agent: str, *, exists: Callable[[str], bool]) -> PinnedPlan:
    """The plan of a job that runs ``agent`` alone.

    Raises:
        ProjectError: there is no such agent.
    """
    rule = RuleConfig(name=f"{agent} alone", agents=(StepItem(sequential=(agent,)),))
    changes = {"selection_rules": (rule,), "strategy": "dynamic"}
    return pin(
        config.model_copy(update={"orchestration": config.orchestration.model_copy(update=changes)}), exists=exists
    )


def _policy(agent: AgentConfig) -> AgentPolicy:
    return AgentPolicy(
        timeout_s=float(agent.runtime.timeout),
        max_attempts=agent.retry.max_attempts,
        initial_s=agent.retry.initial_seconds,
        max_s=agent.retry.max_seconds,
        jitter=agent.retry.jitter,
        retry_on=agent.retry.on,
        fallback=agent.fallback,
        needs_approval=agent.needs_approval is True,
    )

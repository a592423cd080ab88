"""What a plan would do for an input, before anything runs. Pure.

It walks the plan with the planner's own moves, as if every agent succeeded. Where a condition reads a result that is
not known yet, the rule's verdict is open: both branches are shown as conditional, with the agents they wait for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent_framework.config.conditions import parse_condition
from agent_framework.core.attempts import Standing, Status, StepAgent
from agent_framework.core.cursor import Cursor, Phase
from agent_framework.core.pinned import PinnedPlan, PinnedRule
from agent_framework.core.plan import Decision, Finish, RunStep, Walk
from agent_framework.core.state import JobState, apply
from agent_framework.types import EventKind, JSONDict, Step


@dataclass(frozen=True, slots=True)
class RulePreview:
    """One rule. ``verdict`` is None while it waits for the results of ``waits_for``."""

    name: str
    phase: str
    condition: str
    verdict: bool | None
    branch: str | None
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    missing: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step that would run. ``condition`` is set where it depends on results that are not known yet."""

    rule: str
    type: str
    agents: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Rules with their verdicts, and the steps in order. ``reason`` tells why the job would fail, if it would."""

    rules: tuple[RulePreview, ...]
    steps: tuple[PlannedStep, ...]
    reason: str | None = None
    decided_by: str | None = None


def preview(plan: PinnedPlan, job_input: JSONDict, results: Mapping[str, JSONDict] | None = None) -> Preview:
    """Preview ``plan`` for ``job_input``, with the results of some agents supposed (``{"analyzer": {...}}``)."""
    return _Simulation(plan, job_input, dict(results or {})).run()


class _Simulation:
    """Answers every step with success and the supposed result, if there is one."""

    def __init__(self, plan: PinnedPlan, job_input: JSONDict, supposed: dict[str, JSONDict]) -> None:
        self.plan = plan
        self.input = job_input
        self.supposed = supposed
        self.results: dict[str, JSONDict] = {}
        self.standings: dict[StepAgent, Standing] = {}
        self.unknown: set[str] = set()
        self.uncertain: set[str] = set()
        self.rules: list[RulePreview] = []
        self.steps: list[PlannedStep] = []

    def run(self) -> Preview:
        """Walk to the end."""
        if self.plan.strategy == "agent":
            return Preview((), (), decided_by=self.plan.orchestrator)
        cursor = Cursor()
        while True:
            state = JobState(self.plan, {"id": None, "run": 1}, self.input, self.results, self.standings, cursor)
            walk = _PreviewWalk(state, self)
            decision: Decision | None = None
            while decision is None:
                decision = walk.move()
            self._show(decision)
            if isinstance(decision, Finish):
                self._failure_rules()
                return Preview(tuple(self.rules), tuple(self.steps), decision.reason)
            cursor = self._succeed(cursor, decision)

    def _succeed(self, cursor: Cursor, step: RunStep) -> Cursor:
        self.uncertain.clear()
        for agent in step.agents:
            self.standings[step.seq, agent] = Standing(Status.SUCCEEDED)
            if agent in self.supposed:
                self.results[agent] = self.supposed[agent]
                self.unknown.discard(agent)
            else:
                self.unknown.add(agent)
        following = cursor.copy()
        for event in step.events:
            apply(following, event, self.plan, self.standings)
        return following

    def _show(self, decision: Decision) -> None:
        for event in decision.events:
            if event.kind is EventKind.STEP:
                data = event.data
                self.steps.append(
                    PlannedStep(data.get("rule", data["mode"]), data["type"], tuple(data["agents"]), data["skipped"])
                )

    def _failure_rules(self) -> None:
        """Rules that would run only after a failure."""
        self.rules += [
            RulePreview(
                rule.name, "failure", rule.condition, None, None, waits_for=("a failing agent",), steps=rule.steps
            )
            for rule in self.plan.rules_of("failure")
        ]


class _PreviewWalk(Walk):
    """The planner's walk, except that a condition on unknown results gets no verdict."""

    def __init__(self, state: JobState, simulation: _Simulation) -> None:
        super().__init__(state)
        self.simulation = simulation

    def reach_rule(self, rule: PinnedRule, index: int) -> None:
        waits_for = self._waits_for(rule)
        if not waits_for:
            super().reach_rule(rule, index)
            data = self.events[-1].data
            self.simulation.rules.append(
                RulePreview(
                    rule.name,
                    rule.when,
                    rule.condition,
                    data["verdict"],
                    data["branch"],
                    data["values"],
                    tuple(data["missing"]),
                    steps={"agents": rule.steps, "else": rule.else_steps}.get(data["branch"], ()),
                )
            )
            return
        self.simulation.rules.append(
            RulePreview(rule.name, rule.when, rule.condition, None, None, waits_for=waits_for, steps=rule.steps)
        )
        for condition, steps in ((rule.condition, rule.steps), (f"not ({rule.condition})", rule.else_steps)):
            self.simulation.steps += [PlannedStep(rule.name, s.type, s.agents, condition=condition) for s in steps]
            self.simulation.uncertain |= {agent for step in steps for agent in step.agents}
        self.simulation.unknown |= self.simulation.uncertain
        self._pass_over(rule, index)

    def _pass_over(self, rule: PinnedRule, index: int) -> None:
        """Go on behind a rule whose verdict is open; it may match, so the job does not fail for want of a match."""
        if Phase(rule.when) is not self.cursor.phase:
            self.cursor.enter(Phase(rule.when))
        self.cursor.rule, self.cursor.branch, self.cursor.matched = index, None, True

    def _waits_for(self, rule: PinnedRule) -> tuple[str, ...]:
        """Agents whose unknown results the condition reads, or whose running is itself not certain yet."""
        waits: dict[str, None] = {}
        for path in parse_condition(rule.condition).paths:
            root, *rest = path.split(".")
            if root == "results":
                waits |= dict.fromkeys(agent for agent in rest[:1] or self.simulation.unknown)
            elif root == "prev_step":
                waits |= dict.fromkeys(self._previous(rest))
        return tuple(agent for agent in waits if agent in self.simulation.unknown)

    def _previous(self, rest: list[str]) -> tuple[str, ...]:
        """The agents that ``prev_step.<rest>`` reads."""
        uncertain = tuple(self.simulation.uncertain)
        if self.cursor.previous is None:
            return uncertain
        agents = self.cursor.previous.step.agents
        if not rest:
            return (*agents, *uncertain)
        return (rest[0] if rest[0] in agents else agents[-1], *uncertain)

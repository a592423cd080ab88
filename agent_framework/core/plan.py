"""The planner: from a job's state to the next decision. No I/O, no clock, no randomness, no async.

A decision carries the records that `advance` stores before anything starts: the verdicts reached on the way and the
step or the end itself. What is recorded is read back, never evaluated again.
"""

from dataclasses import field

from agent_framework.config.conditions import parse_condition
from agent_framework.core.cursor import Cursor, Mode, Phase
from agent_framework.core.pinned import PinnedPlan, PinnedRule
from agent_framework.core.state import JobState, apply, branch_steps, current_rule, leave
from agent_framework.types import Event, EventKind, JobStatus, JSONDict, Step, is_array, is_object, value

_SHOWN_CHARACTERS = 200


@value
class RunStep:
    """Start these agents. ``events`` end with the step's own record, whose ``seq`` names the step.

    ``before`` stands before that record, ``cursor`` behind it. ``is_fixed``: every job that comes here gets it.
    """

    events: tuple[Event, ...]
    seq: int
    agents: tuple[str, ...]
    mode: Mode
    before: Cursor = field(compare=False)
    cursor: Cursor = field(compare=False)
    is_fixed: bool = False


@value
class Finish:
    """The run is over; ``cursor`` is where. ``is_fixed``: for every job that comes here."""

    events: tuple[Event, ...]
    status: JobStatus
    reason: str | None
    cursor: Cursor = field(compare=False)
    is_fixed: bool = False
    failed_agents: dict[str, str] = field(default_factory=dict[str, str])


@value
class WaitForApproval:
    """Nothing runs and nothing may start before somebody decides about these approvals."""

    events: tuple[Event, ...]
    ids: tuple[str, ...]
    cursor: Cursor = field(compare=False)


Decision = RunStep | Finish


class Planner:
    """Decides from a `JobState`; the same state always gives the same decision."""

    def next(self, state: JobState) -> Decision | WaitForApproval | None:
        """The next decision, or None while there is nothing to decide (agents run, or the run is over)."""
        if state.cursor.finished:
            return None
        if state.cursor.open is not None and not state.cursor.cancelled:
            return _wait(state)
        walk = Walk(state)
        decision = None
        while decision is None:
            decision = walk.move()
        return decision


def _wait(state: JobState) -> WaitForApproval | None:
    """The record that the job waits, once, as soon as approvals are all that its open step waits for."""
    if state.cursor.waiting or not state.rests():
        return None
    asked = state.asks()
    data: JSONDict = {"agents": sorted(set(asked.values())), "approvals": sorted(asked)}
    cursor = state.cursor.copy()
    event = Event(cursor.last_seq + 1, state.job["run"], EventKind.WAITING, data)
    apply(cursor, event, state.plan, state.standings)
    return WaitForApproval((event,), tuple(data["approvals"]), cursor)


class Walk:
    """One walk from the state's cursor to the next thing to do, collecting records."""

    def __init__(self, state: JobState) -> None:
        self.state = state
        self.plan: PinnedPlan = state.plan
        self.cursor: Cursor = state.cursor.copy()
        self.events: list[Event] = []
        self.is_fixed = True

    def move(self) -> Decision | None:
        """One move; a decision ends the walk."""
        cursor = self.cursor
        if cursor.cancelled:
            return self.finish(JobStatus.CANCELLED, "cancelled")
        if cursor.review is not None:
            return self.finish(JobStatus.NEEDS_REVIEW, cursor.review)
        if cursor.phase is Phase.DONE:
            return self.end()
        if cursor.phase is Phase.FAILURE and not cursor.failed:
            cursor.enter(Phase.FINALLY)
            return None
        if cursor.stopped:
            return self.leave_phase()
        if cursor.phase is Phase.SUCCESS:
            special = self.orchestrator_step()
            if special is not None:
                return special
            if cursor.stopped:
                return None
        return self.rule_step()

    # -- the orchestrator agent ------------------------------------------------------------------------------

    def orchestrator_step(self) -> Decision | None:
        """Its facts before the rules, and its turns under ``strategy: agent``."""
        orchestrator, cursor = self.plan.orchestrator, self.cursor
        if orchestrator is None:
            return None
        if self.plan.prepares and not cursor.prepared:
            return self.published(orchestrator) or self.orchestrator_step()
        if self.plan.strategy != "agent" or cursor.turned:
            return None
        if cursor.calls:
            return self.called_workers(cursor.calls)
        if cursor.turns >= self.plan.max_turns:
            cursor.stopped = True
            return None
        return self.step(Mode.TURN, Step("sequential", (orchestrator,)), (orchestrator,), {})

    def published(self, orchestrator: str) -> Decision | None:
        """The step that publishes its facts; None when an earlier run has done so."""
        skipped = {name: why for name, why in self.cursor.seen.items() if name == orchestrator}
        agents = () if skipped else (orchestrator,)
        return self.step(Mode.PREPARE, Step("sequential", (orchestrator,)), agents, skipped)

    def called_workers(self, calls: tuple[str, ...]) -> Decision | None:
        """The workers of a turn, those that ran before left out; the next turn at once when none is left."""
        skipped = {agent: self.cursor.seen[agent] for agent in calls if agent in self.cursor.seen}
        agents = tuple(agent for agent in calls if agent not in skipped)
        return self.step(Mode.CALLS, Step("parallel", calls), agents, skipped) or self.orchestrator_step()

    # -- rules -----------------------------------------------------------------------------------------------

    def rule_step(self) -> Decision | None:
        """The next item of the rule that is being carried out, else the next rule."""
        cursor = self.cursor
        if cursor.rule >= 0 and cursor.branch is not None:
            steps = branch_steps(current_rule(self.plan, cursor), cursor.branch)
            if cursor.item < len(steps):
                return self.item(steps[cursor.item])
        rules = self.plan.rules_of(cursor.phase)
        if cursor.rule + 1 < len(rules):
            self.reach_rule(rules[cursor.rule + 1], cursor.rule + 1)
            return None
        return self.leave_phase()

    def reach_rule(self, rule: PinnedRule, index: int) -> None:
        """Evaluate a rule and record what it came to."""
        condition = parse_condition(rule.condition)
        verdict = condition.explain(self.state.context(self.cursor))
        self.is_fixed = self.is_fixed and not condition.paths
        branch = "agents" if verdict.holds else "else" if rule.else_steps else None
        self.record(
            EventKind.RULE,
            {
                "phase": self.cursor.phase.value,
                "index": index,
                "rule": rule.name,
                "condition": rule.condition,
                "verdict": verdict.holds,
                "branch": branch,
                "values": {path: _shown(value) for path, value in verdict.values.items()},
                "missing": list(verdict.missing),
            },
        )

    def item(self, item: Step) -> Decision | None:
        """The agents of an item that may run now; those that ran before are left out unless it says ``rerun``."""
        offset = self.cursor.offset if item.type == "sequential" else 0
        candidates = item.agents if item.type == "parallel" else item.agents[offset : offset + 1]
        seen = {} if item.rerun else self.cursor.seen
        skipped = {agent: seen[agent] for agent in candidates if agent in seen}
        agents = tuple(agent for agent in candidates if agent not in skipped)
        return self.step(Mode.RULE, item, agents, skipped, offset=offset)

    def step(
        self, mode: Mode, item: Step, agents: tuple[str, ...], skipped: dict[str, str], *, offset: int = 0
    ) -> RunStep | None:
        """Record a step; None when all its agents are skipped, so that the walk goes on."""
        data: JSONDict = {"mode": mode.value, "type": item.type, "agents": list(agents), "skipped": skipped}
        if mode is Mode.RULE:
            rule = current_rule(self.plan, self.cursor)
            data |= {"phase": self.cursor.phase.value, "rule": rule.name, "item": self.cursor.item, "offset": offset}
        if item.rerun:
            data["rerun"] = True
            self.is_fixed = False
            data["superseded"] = {name: self.state.results[name] for name in agents if name in self.state.results}
        before = self.cursor.copy()
        seq = self.record(EventKind.STEP, data)
        if not agents:
            return None
        return RunStep(tuple(self.events), seq, agents, mode, before, self.cursor, self.is_fixed)

    # -- phases and the end ----------------------------------------------------------------------------------

    def leave_phase(self) -> None:
        """Go to the next phase."""
        leave(self.cursor, self.plan)
        self.cursor.enter(self.cursor.phase.next())

    def end(self) -> Finish:
        """All phases are done."""
        if self.cursor.fatal is not None:
            return self.finish(JobStatus.FAILED, self.cursor.fatal)
        return self.finish(JobStatus.COMPLETED, None)

    def finish(self, status: JobStatus, reason: str | None) -> Finish:
        """Record the end of the run."""
        failed = dict(self.cursor.failed)
        self.record(EventKind.FINISHED, {"status": status.value, "reason": reason, "failed_agents": failed})
        return Finish(tuple(self.events), status, reason, self.cursor, self.is_fixed, failed)

    def record(self, kind: EventKind, data: JSONDict) -> int:
        """Add a record and move the cursor over it; its ``seq``."""
        event = Event(self.cursor.last_seq + 1, self.state.job["run"], kind, data)
        self.events.append(event)
        apply(self.cursor, event, self.plan, {})
        return event.seq


def _shown(value: object) -> object:
    """A value as the trace shows it; long texts are cut, large structures named by their size."""
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]}... ({len(value)} characters)"
    if (is_array(value) or is_object(value)) and len(repr(value)) > _SHOWN_CHARACTERS:
        return f"({'list' if is_array(value) else 'object'} of {len(value)})"
    return value

"""`JobState`: where a job stands, folded from its recorded events and the standings of its attempts. Pure.

The fold and the planner move the same `Cursor` by the same `apply`, so what was recorded and what is decided next
cannot disagree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from agent_framework.core.approval import ApprovalState, gate_id, rejection
from agent_framework.core.attempts import (
    FINAL_KINDS,
    UNSTARTED,
    Decisions,
    Standing,
    Status,
    StepAgent,
    standings,
    undecided,
)
from agent_framework.core.cursor import Cursor, Mode, OpenStep, Phase, Place, Reached
from agent_framework.core.pinned import PinnedPlan, PinnedRule
from agent_framework.types import ErrorKind, Event, EventKind, JSONDict, Snapshot, Step, value


@value
class JobState:
    """What the planner decides from. ``standings``: of the open step, and of settled ones as far as looked at."""

    plan: PinnedPlan
    job: JSONDict
    input: JSONDict
    results: Mapping[str, JSONDict]
    standings: Mapping[StepAgent, Standing]
    cursor: Cursor
    decisions: Decisions = field(default_factory=dict[str, JSONDict])

    def context(self, cursor: Cursor) -> dict[str, Any]:
        """What conditions can read at ``cursor``."""
        return {
            "input": self.input,
            "results": self.results,
            "prev_step": previous_outputs(cursor.previous, self.results),
            "job": {**self.job, "failed_agents": list(cursor.failed)},
        }

    def standing(self, seq: int, agent: str) -> Standing:
        """The standing of ``agent`` in the step ``seq``."""
        return self.standings.get((seq, agent), UNSTARTED)

    def startable(self) -> tuple[str, ...]:
        """Agents of the open step that may start now, in list order, within ``max_concurrent_agents``."""
        step = self.cursor.open
        if step is None:
            return ()
        by_status = {agent: self.standing(step.seq, agent).status for agent in step.agents}
        running = sum(1 for status in by_status.values() if status is Status.OPEN)
        wanted = (Status.RETRY,) if _halted(step, self.standings) else (Status.UNSTARTED, Status.RETRY)
        waiting = [agent for agent, status in by_status.items() if status in wanted and not self.is_gated(step, agent)]
        return tuple(waiting[: max(0, self.plan.max_concurrent_agents - running)])

    def is_gated(self, step: OpenStep, agent: str) -> bool:
        """Whether the agent may not start because nobody has approved it yet."""
        if not self.plan.has_gates or step.mode not in (Mode.RULE, Mode.CALLS):
            return False
        if not self.plan.policy(agent).needs_approval:
            return False
        unstarted = self.standing(step.seq, agent).status is Status.UNSTARTED
        return unstarted and self._gate(step, agent) not in self.decisions

    def asks(self) -> dict[str, str]:
        """Approvals that agents of the open step wait for, undecided as far as is recorded: agents by id."""
        step = self.cursor.open
        if step is None or not self._may_ask():
            return {}
        asked: dict[str, str] = {}
        halted = _halted(step, self.standings)
        for agent in step.agents:
            standing = self.standing(step.seq, agent)
            if standing.status is Status.WAITING:
                asked |= dict.fromkeys(undecided(standing.outcome, self.decisions), agent)
            elif not halted and self.is_gated(step, agent):
                asked[self._gate(step, agent)] = agent
        return asked

    def _may_ask(self) -> bool:
        """Most jobs never ask anybody."""
        return self.plan.has_gates or any(one.status is Status.WAITING for one in self.standings.values())

    def gates(self) -> dict[str, str]:
        """Those of `asks` that stand for the start of an agent."""
        step = self.cursor.open
        if step is None or not self.plan.has_gates:
            return {}
        return {id_: a for id_, a in self.asks().items() if id_ == self._gate(step, a)}

    def _gate(self, step: OpenStep, agent: str) -> str:
        return gate_id(self.job["id"], self.job["run"], step.seq, agent)

    def rests(self) -> bool:
        """Whether nothing of the open step runs or may start: it only waits for approvals."""
        step = self.cursor.open
        if step is None or self.startable() or not self.asks():
            return False
        return all(self.standing(step.seq, agent).status is not Status.OPEN for agent in step.agents)


def fold(plan: PinnedPlan, snapshot: Snapshot, extra: Iterable[Event] = (), *, since: Place | None = None) -> JobState:
    """The state of the current run of ``snapshot``, with ``extra`` events that are not stored yet.

    ``since`` spares the way to a place that an earlier decision has found.
    """
    job = snapshot.job
    events = (*snapshot.events, *extra)
    begin, cursor, first_seq = 0, Cursor(), 0
    if since is not None and since.is_of(snapshot):
        begin, cursor, first_seq = since.events, since.cursor.copy(), snapshot.events[since.events].seq
    decisions = {e.data["approval"]: e.data for e in events if e.kind is EventKind.APPROVAL and e.run == job.run}
    attempts = (attempt for attempt in snapshot.attempts if attempt.key.seq >= first_seq)
    known = {**_kept_out(decisions), **standings(attempts, plan, job.run, decisions)}
    results = {name: result.payload for name, result in snapshot.results.items()}
    for name in results:
        cursor.seen.setdefault(name, "already_completed")
    for event in events[begin:]:
        if event.run == job.run:
            apply(cursor, event, plan, known)
        cursor.last_seq = max(cursor.last_seq, event.seq)
    about = {"id": job.id, "user_id": job.user_id, "type": job.job_type, "run": job.run}
    return JobState(plan, about, job.request_payload, results, known, cursor, decisions)


def _kept_out(decisions: Decisions) -> dict[StepAgent, Standing]:
    """Agents whose start was rejected: skipped, with the reason."""
    return {
        (data["step"], data["agent"]): Standing(Status.SKIPPED, reason=rejection(data))
        for data in decisions.values()
        if data["tool"] is None and data["decision"] != ApprovalState.APPROVED
    }


def apply(cursor: Cursor, event: Event, plan: PinnedPlan, known: Mapping[StepAgent, Standing]) -> None:
    """Move ``cursor`` over one event."""
    cursor.last_seq = max(cursor.last_seq, event.seq)
    match event.kind:
        case EventKind.RULE:
            _apply_rule(cursor, event.data, plan)
        case EventKind.STEP:
            _apply_step(cursor, event, plan, known)
        case EventKind.DEADLINE:
            _apply_deadline(cursor, event.data, known)
        case EventKind.CANCELLED:
            cursor.cancelled = True
            cursor.open = None
        case EventKind.FINISHED:
            cursor.finished = True
            cursor.open = None
        case EventKind.WAITING:
            cursor.waiting = True
        case EventKind.APPROVAL:
            cursor.waiting = False
        case EventKind.STARTED:
            pass


_MODES: Mapping[str, Mode] = {mode.value: mode for mode in Mode}
_PHASES: Mapping[str, Phase] = {phase.value: phase for phase in Phase}
"""As the records name them; calling the classes takes ten times as long."""


def leave(cursor: Cursor, plan: PinnedPlan) -> None:
    """What leaving a phase means: a success phase in which nothing was decided to run ends the job as failed."""
    if cursor.phase is not Phase.SUCCESS or cursor.fatal is not None:
        return
    if plan.strategy == "agent" and not cursor.turned and cursor.turns >= plan.max_turns:
        turns = f"{plan.orchestrator} asked for workers in {cursor.turns} turns"
        cursor.fatal = f"{turns}, the limit (orchestration.max_turns)"
    elif cursor.unmatched and not cursor.matched:
        cursor.fatal = _no_rule_matched(cursor.unmatched)


def _no_rule_matched(unmatched: list[JSONDict]) -> str:
    lines = [f"{rule['rule']}: {rule['condition']} saw {describe_values(rule)}" for rule in unmatched]
    return "no rule matched: " + "; ".join(lines)


def describe_values(rule: JSONDict) -> str:
    """What a recorded verdict read, in words: ``input.a = 1, input.b is missing``."""
    parts = [f"{path} = {value!r}" for path, value in rule["values"].items()]
    parts += [f"{path} is missing" for path in rule["missing"]]
    return ", ".join(parts) or "nothing"


def _apply_rule(cursor: Cursor, data: JSONDict, plan: PinnedPlan) -> None:
    phase = _PHASES[data["phase"]]
    if phase is not cursor.phase:
        leave(cursor, plan)
        cursor.enter(phase)
    cursor.rule = data["index"]
    cursor.branch = data["branch"]
    cursor.item = cursor.offset = 0
    if phase is Phase.SUCCESS:
        cursor.matched = cursor.matched or data["branch"] is not None
        if data["branch"] is None:
            cursor.unmatched.append(data)


def _apply_step(cursor: Cursor, event: Event, plan: PinnedPlan, known: Mapping[StepAgent, Standing]) -> None:
    data = event.data
    mode = _MODES[data["mode"]]
    agents: tuple[str, ...] = tuple(data["agents"])
    rule = current_rule(plan, cursor) if mode is Mode.RULE else None
    on_error = (rule.on_error if rule else None) or plan.on_error
    if mode is Mode.PREPARE:
        cursor.prepared, on_error = True, "stop"
    elif mode is Mode.TURN:
        cursor.turns, cursor.calls, on_error = cursor.turns + 1, None, "stop"
    elif mode is Mode.CALLS:
        cursor.calls = ()
    elif rule is not None:
        _reach(cursor, branch_steps(rule, cursor.branch)[int(data["item"])], data)
    step = OpenStep(event.seq, mode, agents, on_error, data.get("rerun", False))
    if agents and is_open(step, known):
        cursor.open = step
        return
    cursor.open = None
    for agent in agents:
        _settle(cursor, step, agent, known.get((step.seq, agent), UNSTARTED))


def _reach(cursor: Cursor, item: Step, data: JSONDict) -> None:
    """Note the item as reached and set the cursor behind what this step covers of it."""
    silent = frozenset(agent for agent, reason in data["skipped"].items() if reason != "already_completed")
    if data["offset"] != 0 and cursor.previous is not None and cursor.previous.step is item:
        silent |= cursor.previous.silent
    cursor.previous = Reached(item, silent)
    if item.type == "parallel" or data["offset"] + 1 >= len(item.agents):
        cursor.item, cursor.offset = data["item"] + 1, 0
    else:
        cursor.item, cursor.offset = data["item"], data["offset"] + 1


def _settle(cursor: Cursor, step: OpenStep, agent: str, standing: Standing) -> None:
    if step.mode is Mode.TURN:
        _settle_turn(cursor, standing)
    elif step.mode is not Mode.PREPARE and standing.status is not Status.UNSTARTED:
        cursor.seen[agent] = _SEEN.get(standing.status, "already_failed")
    if standing.status is not Status.SUCCEEDED and step.mode is Mode.RULE and cursor.previous is not None:
        cursor.previous = replace(cursor.previous, silent=cursor.previous.silent | {agent})
    if standing.status in (Status.FAILED, Status.RETRY):
        reason = standing.reason or "failed"
        cursor.failed[agent] = reason
        if standing.error_kind is ErrorKind.REVIEW:
            cursor.review = cursor.review or f"agent {agent}: {reason}"
        if step.on_error == "stop" or standing.error_kind in FINAL_KINDS:
            cursor.stop(f"agent {agent} failed: {reason}")


_SEEN = {Status.SUCCEEDED: "already_completed", Status.SKIPPED: "already_skipped"}


def _settle_turn(cursor: Cursor, standing: Standing) -> None:
    if standing.status is Status.INTERRUPTED and standing.outcome is not None:
        cursor.calls = tuple(dict.fromkeys(call["agent"] for call in standing.outcome.detail["calls"]))
    elif standing.status in (Status.SUCCEEDED, Status.SKIPPED):
        cursor.turned = True


def _apply_deadline(cursor: Cursor, data: JSONDict, known: Mapping[StepAgent, Standing]) -> None:
    cursor.deadline = True
    step, cursor.open = cursor.open, None
    for agent in step.agents if step is not None else ():
        if agent in data["given_up"]:
            cursor.failed[agent] = data["reason"]
            cursor.seen[agent] = "already_failed"
        elif step is not None:
            _settle(cursor, step, agent, known.get((step.seq, agent), UNSTARTED))
    cursor.stop(data["reason"])


def is_open(step: OpenStep, known: Mapping[StepAgent, Standing]) -> bool:
    """Whether something of the step still runs or may still start."""
    statuses = {known.get((step.seq, agent), UNSTARTED).status for agent in step.agents}
    if not statuses.isdisjoint(_UNSETTLED):
        return True
    return Status.UNSTARTED in statuses and not _halted(step, known)


_UNSETTLED = frozenset({Status.OPEN, Status.RETRY, Status.WAITING})


def _halted(step: OpenStep, known: Mapping[StepAgent, Standing]) -> bool:
    """No further agent of the step starts: one failed for good and the step stops on errors. Siblings settle."""
    failed = [
        found for agent in step.agents if (found := known.get((step.seq, agent))) and found.status is Status.FAILED
    ]
    return any(step.on_error == "stop" or found.error_kind in FINAL_KINDS for found in failed)


def current_rule(plan: PinnedPlan, cursor: Cursor) -> PinnedRule:
    """The rule the cursor is in."""
    return plan.rules_of(cursor.phase)[cursor.rule]


def branch_steps(rule: PinnedRule, branch: str | None) -> tuple[Step, ...]:
    """The steps of the branch that the rule's verdict chose."""
    if branch is None:
        return ()
    return rule.steps if branch == "agents" else rule.else_steps


def previous_outputs(reached: Reached | None, results: Mapping[str, JSONDict]) -> JSONDict:
    """``prev_step``: the outputs of all agents of the item by name, over the fields of its one speaking agent.

    That agent is the last of a sequential item or the only one of a parallel item.
    """
    if reached is None:
        return {}
    step = reached.step
    by_name = {agent: results[agent] for agent in step.agents if agent in results and agent not in reached.silent}
    speaker = step.agents[-1] if step.type == "sequential" or len(step.agents) == 1 else None
    return {**by_name.get(speaker or "", {}), **by_name}

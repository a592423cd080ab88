"""The engine without I/O: `decide` over a store in memory, with scripted outcomes and a clock that jumps.

    job = Simulation(plan, {"kind": "full"}, {"cleaner": [fails("no file")]})
    job.run()
    assert job.status == "failed"

Every write is kept in ``history``, so that a job can be resumed from any of them by another process.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent_framework.config.loader import load_config_text
from agent_framework.core.cursor import Place
from agent_framework.core.decide import Move, decide
from agent_framework.core.pinned import PinnedPlan, pin
from agent_framework.core.plan import Finish, Planner
from agent_framework.core.state import JobState, apply, fold
from agent_framework.core.trace import canonical, trace
from agent_framework.types import (
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    AttemptState,
    ErrorKind,
    Event,
    EventKind,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
    check_transition,
)
from tests.support.projects import yaml_of

Script = Mapping[str, Sequence[AgentOutcome]]


def plan_of(
    orchestration: str | Mapping[str, Any] = "",
    agents: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("a", "b", "c", "d", "e"),
    *,
    prepares: bool = False,
) -> PinnedPlan:
    """A pinned plan from the ``orchestration`` part of an agents.yaml."""
    declared = agents if isinstance(agents, Mapping) else {name: {} for name in agents}
    return pin(load_config_text(yaml_of(declared, orchestration)).config, prepares=prepares)


def gives(**output: Any) -> AgentOutcome:
    """An agent that succeeds with this output."""
    return AgentOutcome(AttemptState.SUCCEEDED, output=output)


def fails(reason: str = "broken", kind: ErrorKind = ErrorKind.ERROR, *, retry_after_s: float | None = None) -> Any:
    """An agent that fails."""
    return AgentOutcome(AttemptState.FAILED, error=reason, error_kind=kind, retry_after_s=retry_after_s)


def stumbles(reason: str = "busy") -> AgentOutcome:
    """An agent whose failure is worth another attempt."""
    return AgentOutcome(AttemptState.FAILED, error=reason, error_kind=ErrorKind.TRANSIENT)


def skips(reason: str = "nothing to do") -> AgentOutcome:
    """An agent that raises SkipAgent."""
    return AgentOutcome(AttemptState.SKIPPED, error=reason)


def asks_for(*agents: str) -> AgentOutcome:
    """A turn of the orchestrator that asks for workers."""
    calls = [{"agent": name, "call_id": f"call-{index}", "arguments": {}} for index, name in enumerate(agents)]
    return AgentOutcome(AttemptState.INTERRUPTED, detail={"calls": calls, "saved": "{}"})


@dataclass
class Store:
    """What a database would hold of one job."""

    job: Job
    now: float
    events: list[Event] = field(default_factory=list[Event])
    attempts: dict[AttemptKey, Attempt] = field(default_factory=dict[AttemptKey, Attempt])
    results: dict[str, AgentResult] = field(default_factory=dict[str, AgentResult])

    def copied(self) -> "Store":
        """An independent copy; the values in it are immutable."""
        return Store(self.job, self.now, list(self.events), dict(self.attempts), dict(self.results))

    def snapshot(self) -> Snapshot:
        """What a claim would see."""
        job = replace(self.job, agent_results={name: result.payload for name, result in self.results.items()})
        return Snapshot(job, tuple(self.events), tuple(self.attempts.values()), dict(self.results), self.now)


class Simulation:
    """One job, driven by `decide` until it rests."""

    def __init__(
        self,
        plan: PinnedPlan,
        job_input: JSONDict | None = None,
        script: Script | None = None,
        *,
        store: Store | None = None,
        process: str = "first",
    ) -> None:
        self.plan = plan
        self.script = script or {}
        self.process = process
        job = Job("job", "me", "default", JobStatus.PENDING, job_input or {})
        self.store = store.copied() if store else Store(job, 1000.0)
        self.history: list[Store] = [self.store.copied()]
        self.started: list[str] = []
        self.most_at_once = 0
        self._place: Place | None = None

    # -- what a test reads -----------------------------------------------------------------------------------

    @property
    def status(self) -> JobStatus:
        """Where the job stands."""
        return self.store.job.status

    @property
    def reason(self) -> str | None:
        """The job's error message."""
        return self.store.job.error_message

    @property
    def results(self) -> dict[str, JSONDict]:
        """Outputs by agent."""
        return {name: result.payload for name, result in self.store.results.items()}

    @property
    def ran(self) -> list[str]:
        """Performers in the order in which they started, with every attempt."""
        return list(self.started)

    def events(self, kind: EventKind) -> list[JSONDict]:
        """The data of all events of one kind."""
        return [event.data for event in self.store.events if event.kind is kind]

    def rule(self, name: str) -> JSONDict:
        """The recorded verdict on the rule ``name``."""
        return next(data for data in self.events(EventKind.RULE) if data["rule"] == name)

    @property
    def steps(self) -> list[list[str]]:
        """The agents of each step that ran any."""
        return [data["agents"] for data in self.events(EventKind.STEP) if data["agents"]]

    @property
    def skipped(self) -> dict[str, str]:
        """Agents that a step left out, with the reason."""
        return {name: why for data in self.events(EventKind.STEP) for name, why in data["skipped"].items()}

    @property
    def trace(self) -> list[JSONDict]:
        """The canonical trace."""
        return canonical(trace(self.store.snapshot()))

    @property
    def failed_agents(self) -> dict[str, str]:
        """What the last run's end says about failed agents."""
        return self.events(EventKind.FINISHED)[-1]["failed_agents"]

    # -- what happens ----------------------------------------------------------------------------------------

    def advance(self) -> Move:
        """One advance, committed. Where it begins and where other jobs went on makes no difference to it."""
        snapshot = self.store.snapshot()
        alone = self._decided(replace(self.plan), None)
        assert self._decided(replace(self.plan), self._place) == alone
        move = self._decided(self.plan, self._place)
        assert self._decided(self.plan, self._place) == move == alone, "the second time, it is known what follows"
        state = fold(self.plan, snapshot)
        assert fold(self.plan, snapshot, since=self._place).cursor == state.cursor
        self._walked(state)
        self._place = move.place
        self._commit(move)
        return move

    def _walked(self, state: JobState) -> None:
        """The place where a step leads is the one to which its records lead."""
        decision, cursor = Planner().next(state), state.cursor.copy()
        if decision is None or isinstance(decision, Finish):
            return
        for event in decision.events:
            apply(cursor, event, self.plan, state.standings)
        assert cursor == decision.cursor

    def _decided(self, plan: PinnedPlan, since: Place | None) -> Move:
        snapshot = self.store.snapshot()
        return decide(snapshot, plan, random=lambda: 0.5, owner_is_dead=self._is_dead, since=since)

    def start(self, key: AttemptKey) -> None:
        """A process starts the attempt."""
        attempt = self.store.attempts[key]
        policy = self.plan.policy(attempt.performer)
        self.store.attempts[key] = replace(
            attempt, state=AttemptState.STARTED, owner=self.process, not_after=self.store.now + policy.timeout_s + 10
        )
        self.started.append(attempt.performer)
        self.most_at_once = max(self.most_at_once, len(self._in(AttemptState.STARTED)))
        self._written()

    def end(self, key: AttemptKey, outcome: AgentOutcome | None = None) -> None:
        """The attempt's outcome is committed: the given one, or what the script says."""
        attempt = self.store.attempts[key]
        outcome = outcome or self._scripted(attempt)
        self.store.attempts[key] = replace(attempt, state=outcome.state, outcome=replace(outcome, output=None))
        if outcome.state is AttemptState.SUCCEEDED:
            stand_in = attempt.performer if attempt.performer != key.agent else None
            self.store.results[key.agent] = AgentResult(
                key.agent, outcome.output or {}, key.seq, produced_by=stand_in, created_at=self.store.now
            )
        self.store.job = replace(self.store.job, due_at=self.store.now)
        self._written()

    def cancel(self) -> None:
        """Somebody asks for the job's cancellation."""
        self.store.job = replace(self.store.job, cancel_requested=True, due_at=self.store.now)

    def retry(self) -> None:
        """``jobs retry``."""
        check_transition("job", self.store.job.status, JobStatus.PENDING)
        self.store.job = replace(
            self.store.job, status=JobStatus.PENDING, run=self.store.job.run + 1, plan=None, error_message=None
        )

    def run(self, choose: Callable[[int], int] = lambda count: 0, *, max_moves: int = 500) -> "Simulation":
        """Until the job rests. ``choose(n)`` picks which of n things happens next."""
        for _ in range(max_moves):
            if self.status.is_final:
                return self
            self.advance()
            for key in self.ready():
                self.start(key)
            running = self._in(AttemptState.STARTED)
            if running:
                self.end(running[choose(len(running)) % len(running)])
            elif not self.status.is_final and self.store.job.due_at is not None:
                self.store.now = max(self.store.now, self.store.job.due_at)
        raise AssertionError(f"the job does not come to an end: {self.store.events}")

    def until_running(self, *agents: str) -> "Simulation":
        """Advance and start attempts, end none, until exactly these agents run."""
        for _ in range(50):
            self.advance()
            for key in self.ready():
                self.start(key)
            if sorted(key.agent for key in self._in(AttemptState.STARTED)) == sorted(agents):
                return self
        raise AssertionError(f"{agents} never run together; running: {self._in(AttemptState.STARTED)}")

    def running(self, agent: str) -> AttemptKey:
        """The started attempt of ``agent``."""
        return next(key for key in self._in(AttemptState.STARTED) if key.agent == agent)

    def ready(self) -> list[AttemptKey]:
        """Attempts that a dispatcher would start now."""
        return [key for key in self._in(AttemptState.PENDING) if self.store.attempts[key].not_before <= self.store.now]

    def resumed(self, store: Store, process: str = "second") -> "Simulation":
        """Another process that finds the job as ``store`` has it; the first process is dead."""
        return Simulation(self.plan, None, self.script, store=store, process=process)

    # ---------------------------------------------------------------------------------------------------------

    def _in(self, state: AttemptState) -> list[AttemptKey]:
        return [
            key
            for key, attempt in self.store.attempts.items()
            if attempt.state is state and key.run == self.store.job.run
        ]

    def _is_dead(self, owner: str | None) -> bool:
        return owner is not None and owner != self.process

    def _scripted(self, attempt: Attempt) -> AgentOutcome:
        """The n-th outcome of the performer's script, n being what it has had for this agent; the last one repeats."""
        had = sum(
            1
            for other in self.store.attempts.values()
            if (other.performer, other.key.agent) == (attempt.performer, attempt.key.agent)
            and not other.state.is_open
            and other.state is not AttemptState.ABANDONED
        )
        outcomes = self.script.get(attempt.performer, ())
        if not outcomes:
            return gives(by=attempt.performer)
        return copy.copy(outcomes[min(had, len(outcomes) - 1)])

    def _commit(self, move: Move) -> None:
        changes, job = move.changes, self.store.job
        if changes.status is not None:
            check_transition(job.id, job.status, changes.status)
        for key, outcome in changes.settle:
            attempt = self.store.attempts[key]
            assert attempt.state.is_open, f"{key} is settled twice"
            self.store.attempts[key] = replace(attempt, state=outcome.state, outcome=outcome)
        for event in changes.events:
            assert event.seq == len(self.store.events) + 1, f"{event} leaves a gap"
            self.store.events.append(replace(event, at=self.store.now))
        for attempt in changes.attempts:
            assert attempt.key not in self.store.attempts, f"{attempt.key} is made twice"
            self.store.attempts[attempt.key] = attempt
        self.store.job = replace(
            job,
            status=changes.status or job.status,
            error_message=changes.error_message or job.error_message,
            due_at=changes.due_at,
            plan=changes.plan or job.plan,
        )
        self._written()

    def _written(self) -> None:
        self.history.append(self.store.copied())

"""What one `advance` writes: from a snapshot to changes. Pure; randomness and the liveness of owners are passed in.

1. give up attempts whose time or process is over  2. note start, cancellation, deadline, decided approvals
3. ask the planner  4. create the attempts that may start now  5. say what must be approved, and when the job needs
looking at again
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from itertools import pairwise

from agent_framework.core.approval import Approval, gone
from agent_framework.core.attempts import UNSTARTED, Standing, Status, jittered
from agent_framework.core.cursor import Cursor, Onward, Phase, Place
from agent_framework.core.pinned import GRACE_S, PinnedPlan
from agent_framework.core.plan import Decision, Finish, Planner, RunStep, WaitForApproval
from agent_framework.core.state import JobState, fold
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.snapshots import Settled, with_settled
from agent_framework.types import (
    TRANSITIONS,
    AgentOutcome,
    Attempt,
    AttemptKey,
    AttemptState,
    ErrorKind,
    Event,
    EventKind,
    JobStatus,
    JSONDict,
    Snapshot,
    value,
)

REDISPATCH_S = 30.0
"""Seconds after which an attempt that nobody started is dispatched again."""

LOOK_AGAIN_S = (30.0, 600.0)
"""A waiting job is looked at after as long as it has waited, within these bounds: a decision's signal may be lost."""

NO_APPROVALS: Mapping[str, Approval] = {}


@value
class Move:
    """Changes to commit, attempts to dispatch once they are committed, and where the job then stands.

    ``asks`` are starts of agents (step, agent) that somebody must approve, which is stored before the changes are.
    ``waits``: some agent waits for an approval. ``place``: from where the next decision of the run may begin.
    ``begun``: new attempts that are started with the decision.
    """

    changes: Changes
    dispatch: tuple[Attempt, ...]
    status: JobStatus
    asks: tuple[tuple[int, str], ...] = ()
    waits: bool = False
    place: Place | None = field(default=None, compare=False)
    begun: tuple[Attempt, ...] = ()


def decide(
    snapshot: Snapshot,
    plan: PinnedPlan,
    *,
    random: Callable[[], float],
    owner_is_dead: Callable[[str | None], bool],
    lost: Collection[AttemptKey] = (),
    approvals: Mapping[str, Approval] = NO_APPROVALS,
    since: Place | None = None,
    starter: str | None = None,
) -> Move:
    """The next move of a job.

    ``lost`` names attempts whose invocation is known to be over; ``approvals`` holds those that the job asks for, as
    they are stored; ``since`` is the place that an earlier move of the same run has led to; ``starter`` begins new
    attempts itself, as far as they may run now.
    """
    job, now = snapshot.job, snapshot.now
    quiet = _quiet_place(snapshot, plan, since)
    if quiet is not None and quiet.onward is not None:
        return _go_on(snapshot, plan, quiet.onward, random, starter)
    settled = _given_up(snapshot, owner_is_dead, lost)
    snapshot, state, events, settled = _caught_up(snapshot, plan, settled, approvals, since)
    decision = Planner().next(state)
    if decision is not None and not _may_follow(job.status, decision):
        decision = None  # a job runs before it ends or waits: the next advance, due at once, sees to that
    if decision is not None:
        events += decision.events
        state = replace(state, cursor=decision.cursor)
    step = state.cursor.open
    startable = [(agent, state.standing(step.seq, agent)) for agent in state.startable()] if step is not None else []
    attempts = _new_attempts(snapshot, plan, step.seq if step is not None else 0, startable, random, starter)
    status, error = JobStatus.WAITING_FOR_APPROVAL if state.cursor.waiting else JobStatus.RUNNING, None
    place = since
    if isinstance(decision, Finish):
        status, error = decision.status, decision.reason
    elif isinstance(decision, RunStep):
        before = len(snapshot.events) + len(events) - 1
        place = plan.places.at(Place(job.run, before, decision.before, decision.seq, decision.agents))
    if quiet is not None and isinstance(decision, (RunStep, Finish)) and decision.is_fixed and not plan.has_gates:
        following = place if isinstance(decision, RunStep) else None
        agents = tuple(agent for agent, _ in startable)
        quiet.onward = Onward(tuple(events), status, error, state.cursor, agents, following)
    waiting = _next_look(state, snapshot, approvals) if state.cursor.waiting else None
    due_at = _due_at(state.cursor, plan, snapshot, attempts, events) if waiting is None else waiting
    changes = _changes(snapshot, plan, events, attempts, status, error, due_at, settled)
    if status.is_final:
        return Move(changes, (), status, place=place)
    pending = [attempt for attempt in _open(snapshot) if attempt.state is AttemptState.PENDING]
    dispatch = tuple(a for a in (*pending, *attempts) if a.not_before <= now and a.owner is None)
    begun = tuple(attempt for attempt in attempts if attempt.owner is not None)
    new_gates = [agent for id_, agent in state.gates().items() if id_ not in approvals]
    asks = tuple((step.seq, agent) for agent in new_gates) if step is not None else ()
    return Move(changes, dispatch, status, asks, bool(state.asks()), place, begun)


def _caught_up(
    snapshot: Snapshot,
    plan: PinnedPlan,
    settled: list[Settled],
    approvals: Mapping[str, Approval],
    since: Place | None,
) -> tuple[Snapshot, JobState, list[Event], list[Settled]]:
    """The job with all that happened to it noted, before anything new is decided: new events, and what they settle."""
    job, events = snapshot.job, list[Event]()
    snapshot = with_settled(snapshot, settled)
    if job.plan is None:
        seq = max((event.seq for event in snapshot.events), default=0) + 1
        events.append(Event(seq, job.run, EventKind.STARTED, {"plan": plan.to_dict()["digest"]}))
    state = fold(plan, snapshot, events, since=since)
    interruption = _interruption(state, snapshot, events)
    if interruption is not None:
        events.append(interruption)
        settled = [*settled, *_abandon_all(snapshot, interruption)]
        snapshot = with_settled(snapshot, settled)
        state = fold(plan, snapshot, events, since=since)
    decided = _decided(state, approvals)
    if decided:
        events += decided
        state = fold(plan, snapshot, events, since=since)
    return snapshot, state, events, settled


def _quiet_place(snapshot: Snapshot, plan: PinnedPlan, since: Place | None) -> Place | None:
    """The place where the job stands if there is nothing to see to but what follows there."""
    place = since if since is not None else plan.places.start
    if not place.is_quiet(snapshot):
        return None
    deadline = deadline_of(place.cursor, plan, snapshot)
    return None if deadline is not None and snapshot.now >= deadline else place


def _go_on(
    snapshot: Snapshot, plan: PinnedPlan, onward: Onward, random: Callable[[], float], starter: str | None
) -> Move:
    """The move of a job at a place from where another job went on before."""
    status, place = onward.status, onward.place
    attempts: tuple[Attempt, ...] = ()
    if place is not None and place.step is not None:
        startable = [(agent, UNSTARTED) for agent in onward.agents]
        attempts = _new_attempts(snapshot, plan, place.step, startable, random, starter)
    due_at = _due_at(onward.cursor, plan, snapshot, attempts, onward.events)
    changes = _changes(snapshot, plan, onward.events, attempts, status, onward.reason, due_at)
    if starter is None:
        return Move(changes, attempts, status, place=place)
    return Move(changes, (), status, place=place, begun=attempts)


def _changes(
    snapshot: Snapshot,
    plan: PinnedPlan,
    events: Sequence[Event],
    attempts: tuple[Attempt, ...],
    status: JobStatus,
    error: str | None,
    due_at: float,
    settled: Sequence[Settled] = (),
) -> Changes:
    job = snapshot.job
    return Changes(
        tuple(events),
        attempts,
        tuple(settled),
        status if status is not job.status else None,
        error,
        None if status.is_final else due_at,
        plan.to_dict() if job.plan is None else None,
    )


def _may_follow(status: JobStatus, decision: Decision | WaitForApproval) -> bool:
    match decision:
        case RunStep():
            return True
        case WaitForApproval():
            return status is not JobStatus.PENDING
        case Finish():
            return status is not JobStatus.PENDING and decision.status in TRANSITIONS[status]


def awaited(snapshot: Snapshot, plan: PinnedPlan) -> tuple[str, ...]:
    """Approvals that the job asks for and whose decision is not recorded."""
    run, waiting = snapshot.job.run, AttemptState.WAITING
    if not plan.has_gates and not [a for a in snapshot.attempts if a.state is waiting and a.key.run == run]:
        return ()
    return tuple(sorted(fold(plan, snapshot).asks()))


def _decided(state: JobState, approvals: Mapping[str, Approval]) -> list[Event]:
    """A record for each awaited approval that was decided since, or is gone from the database."""
    gates = state.gates()
    records = [
        approvals[id_].record() if id_ in approvals else gone(id_, state.cursor.open.seq, agent)
        for id_, agent in sorted(state.asks().items())
        if state.cursor.open is not None
        and (id_ not in gates if id_ not in approvals else not approvals[id_].is_pending)
    ]
    return [
        Event(state.cursor.last_seq + n, state.job["run"], EventKind.APPROVAL, record)
        for n, record in enumerate(records, start=1)
    ]


def refuse(snapshot: Snapshot, reason: str) -> Move:
    """End a run whose plan cannot be carried on: ``needs_review``, or ``failed`` where it never started."""
    status = JobStatus.FAILED if snapshot.job.status is JobStatus.PENDING else JobStatus.NEEDS_REVIEW
    seq = max((event.seq for event in snapshot.events), default=0) + 1
    data: JSONDict = {"status": status.value, "reason": reason, "failed_agents": {}}
    event = Event(seq, snapshot.job.run, EventKind.FINISHED, data)
    settle = tuple(_abandon_all(snapshot, event))
    return Move(Changes(events=(event,), settle=settle, status=status, error_message=reason), (), status)


def _open(snapshot: Snapshot) -> list[Attempt]:
    return [a for a in snapshot.attempts if a.state.is_open and a.key.run == snapshot.job.run]


def _given_up(
    snapshot: Snapshot, owner_is_dead: Callable[[str | None], bool], lost: Collection[AttemptKey]
) -> list[Settled]:
    """Open attempts whose process died or whose time is over."""
    settled: list[Settled] = []
    for attempt in _open(snapshot):
        started = attempt.state is AttemptState.STARTED
        if attempt.key in lost or (started and owner_is_dead(attempt.owner)):
            settled.append((attempt.key, _abandoned(ErrorKind.CRASH, "its process died")))
        elif snapshot.now >= attempt.not_after:
            kind = ErrorKind.TIMEOUT if started else ErrorKind.CRASH
            reason = "no outcome came in time" if started else "it was dispatched but never started"
            settled.append((attempt.key, _abandoned(kind, reason)))
    return settled


def _abandoned(kind: ErrorKind, reason: str) -> AgentOutcome:
    return AgentOutcome(AttemptState.ABANDONED, error=reason, error_kind=kind)


def _abandon_all(snapshot: Snapshot, event: Event) -> list[Settled]:
    reason = str(event.data.get("reason", event.kind))
    return [(attempt.key, _abandoned(ErrorKind.TIMEOUT, reason)) for attempt in _open(snapshot)]


def _interruption(state: JobState, snapshot: Snapshot, new: list[Event]) -> Event | None:
    """A cancellation or a passed deadline, as the event that says so."""
    job, cursor = snapshot.job, state.cursor
    if job.cancel_requested and not cursor.cancelled:
        return Event(cursor.last_seq + 1, job.run, EventKind.CANCELLED, {"reason": "cancelled"})
    deadline = deadline_of(cursor, state.plan, snapshot, new)
    if deadline is None or snapshot.now < deadline:
        return None
    given_up = unsettled(state)
    reason = f"the job ran longer than {state.plan.timeout_s:g} seconds (orchestration.timeout_seconds)"
    return Event(cursor.last_seq + 1, job.run, EventKind.DEADLINE, {"reason": reason, "given_up": given_up})


def unsettled(state: JobState) -> list[str]:
    """Agents of the open step that have not come to an end."""
    step = state.cursor.open
    if step is None:
        return []
    unsettled = (Status.UNSTARTED, Status.OPEN, Status.RETRY, Status.WAITING)
    return [agent for agent in step.agents if state.standing(step.seq, agent).status in unsettled]


def deadline_of(cursor: Cursor, plan: PinnedPlan, snapshot: Snapshot, new: Sequence[Event] = ()) -> float | None:
    """When the run must be over; None without a limit, while it waits, once noted, and in the ``finally`` phase."""
    if plan.timeout_s is None or cursor.waiting or cursor.deadline or cursor.cancelled:
        return None
    if cursor.phase in (Phase.FINALLY, Phase.DONE):
        return None
    recorded = [(e.kind, e.at or snapshot.now) for e in (*snapshot.events, *new) if e.run == snapshot.job.run]
    waited = sum(until - since for (kind, since), (_, until) in pairwise(recorded) if kind is EventKind.WAITING)
    started = [at for kind, at in recorded if kind is EventKind.STARTED]
    return started[0] + plan.timeout_s + waited if started else None


def _new_attempts(
    snapshot: Snapshot,
    plan: PinnedPlan,
    seq: int,
    startable: Sequence[tuple[str, Standing]],
    random: Callable[[], float],
    starter: str | None,
) -> tuple[Attempt, ...]:
    job, now = snapshot.job, snapshot.now
    pending, started = AttemptState.PENDING, AttemptState.STARTED
    attempts: list[Attempt] = []
    for agent, standing in startable:
        performer = standing.performer or agent
        policy = plan.policy(performer)
        wait_s = standing.at_least_s
        if standing.delay_s:
            wait_s = max(jittered(standing.delay_s, policy, random), wait_s)
        key = AttemptKey(job.id, job.run, seq, agent, standing.attempts + 1)
        not_before = now + wait_s
        not_after = not_before + policy.timeout_s + GRACE_S
        if starter is not None and not wait_s:
            attempt = Attempt(key, performer, started, not_before, not_after, starter, now)
        else:
            attempt = Attempt(key, performer, pending, not_before, not_after)
        attempts.append(attempt)
    return tuple(attempts)


def _due_at(
    cursor: Cursor, plan: PinnedPlan, snapshot: Snapshot, new: tuple[Attempt, ...], events: Sequence[Event]
) -> float:
    """The earliest moment at which something must be looked at even if nobody signals the job."""
    now = snapshot.now
    attempts = (*_open(snapshot), *new)
    if not attempts:
        return now
    moments, pending = [attempt.not_after for attempt in attempts], AttemptState.PENDING
    for attempt in attempts:
        if attempt.state is pending:
            moments.append(attempt.not_before if attempt.not_before > now else now + REDISPATCH_S)
    deadline = deadline_of(cursor, plan, snapshot, events)
    return min(moments if deadline is None else [*moments, deadline])


def _next_look(state: JobState, snapshot: Snapshot, approvals: Mapping[str, Approval]) -> float:
    """When a waiting job is looked at: when an approval expires, or sooner, in case a signal was lost."""
    now = snapshot.now
    since = [e.at for e in snapshot.events if e.kind is EventKind.WAITING and e.run == snapshot.job.run]
    least, most = LOOK_AGAIN_S
    again = now + min(most, max(least, now - since[-1] if since else 0.0))
    expiries = [approvals[id_].expires_at for id_ in state.asks() if id_ in approvals]
    return max(now, min((again, *expiries)))

"""What a decision hands over to agents that run in the same process: their attempts, begun, with the job as committed.

The attempts are stored as started by this process in the transaction that decides about them, so nothing has to be
read or written again before the agents run.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from agent_framework.core.decide import Move, with_settled
from agent_framework.core.pinned import PinnedPlan
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import AgentOutcome, Attempt, AttemptState, Event, Snapshot


class Handover:
    """Attempts that are stored as started, and the job as it was committed with them."""

    def __init__(self, snapshot: Snapshot, plan: PinnedPlan, attempts: Sequence[Attempt]) -> None:
        self.snapshot = snapshot
        self.plan = plan
        self.attempts = attempts
        self._running = len(attempts)
        seq = attempts[0].key.seq
        agents = next(event.data["agents"] for event in reversed(snapshot.events) if event.seq == seq)
        self._is_whole_step = len(agents) == len(attempts) and all(a.key.seq == seq for a in attempts)

    def ended(self, outcome: AgentOutcome) -> bool:
        """One of them ended; whether there may be something to decide: not while siblings run after a success."""
        self._running -= 1
        return not self._running or not self._is_whole_step or outcome.state is not AttemptState.SUCCEEDED


@runtime_checkable
class Starter(Protocol):
    """A dispatcher whose agents run in this process, under the name ``owner``."""

    owner: str

    def begin(self, handover: Handover) -> None:
        """Run the agents of attempts that are started already."""
        ...


def started_by(owner: str, move: Move, snapshot: Snapshot) -> tuple[Move, tuple[Attempt, ...]]:
    """The move with its new attempts started by ``owner`` as far as they may run now, and those attempts."""
    due = {attempt.key for attempt in move.changes.attempts if attempt.not_before <= snapshot.now}
    if not due or move.status.is_final:
        return move, ()
    attempts = tuple(_started(a, owner, snapshot.now) if a.key in due else a for a in move.changes.attempts)
    left = tuple(attempt for attempt in move.dispatch if attempt.key not in due)
    begun = tuple(attempt for attempt in attempts if attempt.key in due)
    return replace(move, changes=replace(move.changes, attempts=attempts), dispatch=left), begun


def _started(attempt: Attempt, owner: str, now: float) -> Attempt:
    key, performer, started = attempt.key, attempt.performer, AttemptState.STARTED
    return Attempt(key, performer, started, attempt.not_before, attempt.not_after, owner, now)


def as_committed(snapshot: Snapshot, changes: Changes) -> Snapshot:
    """The snapshot of a job that was decided about at once, with what was written then."""
    job = snapshot.job
    job = replace(job, status=changes.status or job.status, plan=changes.plan or job.plan, epoch=job.epoch + 1)
    attempts = with_settled(snapshot, changes.settle).attempts
    now = snapshot.now
    events = (*snapshot.events, *(Event(e.seq, e.run, e.kind, e.data, now) for e in changes.events))
    return replace(snapshot, job=job, events=events, attempts=(*attempts, *changes.attempts))

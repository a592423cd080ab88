"""`advance`, the short idempotent step of every job: claim, decide, commit, dispatch, let go.

It never waits for an agent.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from agent_framework.core.approval import Approval, gate_id
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.crash import CrashPoint, crash_point
from agent_framework.core.decide import Move, awaited, decide, refuse
from agent_framework.core.job_manager import JobManager
from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.progress import Decided, Listener, ignore
from agent_framework.errors import ConfigError, ProjectError
from agent_framework.infrastructure._json import hash_of
from agent_framework.infrastructure.compute.base import Dispatcher
from agent_framework.observability.redaction import redact
from agent_framework.types import AttemptKey, Job, JobStatus, Snapshot

logger = logging.getLogger(__name__)


Announce = Callable[[str], Awaitable[None]]
"""Is told the job whose approvals somebody may have to hear of."""


async def announce_nothing(job_id: str) -> None:
    """For places without a hook for approvals."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where a job stands after an advance, and in how many seconds it wants to be looked at again.

    ``signals`` is what was known when it decided: a job with another count was signalled since.
    """

    status: JobStatus
    due_in_s: float | None
    signals: int | None = None


class Engine:
    """The checkpoint engine: `advance` over one database and one dispatcher."""

    def __init__(
        self,
        jobs: JobManager,
        *,
        plan: Callable[[Job], PinnedPlan],
        dispatcher: Dispatcher,
        listener: Listener = ignore,
        uniform: Callable[[], float] = random.random,
        announce: Announce = announce_nothing,
    ) -> None:
        self.jobs = jobs
        self._approvals = ApprovalStore(jobs.db)
        self._announce = announce
        self._plan = plan
        self._dispatcher = dispatcher
        self._listener = listener
        self._uniform = uniform

    async def advance(self, job_id: str, *, lost: Collection[AttemptKey] = ()) -> Advanced | None:
        """Move the job on by one decision, if there is one to make. None if the job is final or held by others.

        ``lost`` names attempts whose invocation is known to be over: those that are still open count as crashed.
        """
        snapshot = await self.jobs.claim(job_id)
        while snapshot is not None and not snapshot.job.status.is_final:
            try:
                move = await self._move(snapshot, lost)
            except Exception:  # whatever it is, the claim must not outlive it
                await self.jobs.release(snapshot)
                raise
            newer = await self.jobs.commit(snapshot, move.changes)
            if newer is None:
                return await self._follow(snapshot, move)
            snapshot = newer
        return None

    async def _follow(self, snapshot: Snapshot, move: Move) -> Advanced:
        """What comes after the commit: listeners hear of it, attempts are dispatched."""
        job_id = snapshot.job.id
        if move.changes.events or move.changes.status is not None:
            self._listener(Decided(job_id, move.changes.events, move.status))
        if move.dispatch:
            await self._dispatcher.dispatch(move.dispatch)
            crash_point(CrashPoint.ATTEMPTS_DISPATCHED)
        if move.status.is_final:
            await self._dispatcher.job_ended(job_id)
        elif move.waits:
            await self._announce(job_id)
        due_at = move.changes.due_at
        due_in_s = None if due_at is None else max(0.0, due_at - snapshot.now)
        return Advanced(move.status, due_in_s, snapshot.job.signals)

    async def _move(self, snapshot: Snapshot, lost: Collection[AttemptKey]) -> Move:
        try:
            stored = snapshot.job.plan
            plan = PinnedPlan.from_dict(stored) if stored is not None else self._plan(snapshot.job)
            dead = self.jobs.owner_is_dead
            approvals = await self._approvals.current(awaited(snapshot, plan), snapshot.now)
            move = decide(snapshot, plan, random=self._uniform, owner_is_dead=dead, lost=lost, approvals=approvals)
            for seq, agent in move.asks:
                await self._approvals.add(_gate(snapshot, plan, seq, agent))
            return move
        except (ProjectError, ConfigError) as exc:
            logger.warning("job %s cannot be carried on: %s", snapshot.job.id, exc)
            return refuse(snapshot, redact(str(exc)))


def _gate(snapshot: Snapshot, plan: PinnedPlan, seq: int, agent: str) -> Approval:
    """The question whether an agent may start."""
    job, now = snapshot.job, snapshot.now
    return Approval(
        id=gate_id(job.id, job.run, seq, agent),
        job_id=job.id,
        run=job.run,
        seq=seq,
        agent=agent,
        user_id=job.user_id,
        created_at=now,
        expires_at=now + plan.approvals_expire_s,
        arguments_hash=hash_of({}),
    )


class Waker:
    """In-memory wakes: tells whoever drives a job in this process that something happened."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def event(self, job_id: str) -> asyncio.Event:
        """The event of one job, made on first use."""
        return self._events.setdefault(job_id, asyncio.Event())

    async def wake(self, job_id: str) -> None:
        """Something happened to the job."""
        if job_id in self._events:
            self._events[job_id].set()

    def forget(self, job_id: str) -> None:
        """Nobody drives the job here any more."""
        self._events.pop(job_id, None)

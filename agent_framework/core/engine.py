"""`advance`, the short idempotent step of every job: claim, decide, commit, dispatch, let go.

It never waits for an agent.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from agent_framework.core.approval import Approval, gate_id
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.crash import crash_point
from agent_framework.core.cursor import Place
from agent_framework.core.decide import Move, awaited, decide, refuse
from agent_framework.core.handover import Handover, Starter
from agent_framework.core.job_manager import JobManager, committed
from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.progress import Decided, Listener, ignore
from agent_framework.errors import ConfigError, ProjectError
from agent_framework.infrastructure._json import hash_of
from agent_framework.infrastructure.compute.base import Dispatcher
from agent_framework.infrastructure.database.base import Changes
from agent_framework.observability.redaction import redact
from agent_framework.types import AttemptKey, Job, JobStatus, Snapshot, value

logger = logging.getLogger(__name__)


Announce = Callable[[str], Awaitable[None]]
"""Is told the job whose approvals somebody may have to hear of."""


async def announce_nothing(job_id: str) -> None:
    """For places without a hook for approvals."""


@value
class Advanced:
    """Where a job stands after an advance, and in how many seconds it wants to be looked at again.

    ``signals`` is what was known when it decided: a job with another count was signalled since. ``job`` is the job as
    it was written, where that is known without reading it.
    """

    status: JobStatus
    due_in_s: float | None
    signals: int | None = None
    job: Job | None = None


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
        known_plan: Callable[[Job], PinnedPlan | None] | None = None,
    ) -> None:
        """``plan`` may load code to tell the plan of a new run; ``known_plan`` tells it without, if it can."""
        self.jobs = jobs
        self._approvals = ApprovalStore(jobs.db)
        self._announce = announce
        self._plan = plan
        self._known_plan = known_plan
        self._starter = dispatcher if isinstance(dispatcher, Starter) else None
        self._dispatcher = dispatcher
        self._knows_plan = known_plan is None
        self._places: dict[str, Place] = {}
        self._listener = listener
        self._uniform = uniform

    async def advance(self, job_id: str, *, lost: Collection[AttemptKey] = ()) -> Advanced | None:
        """Move the job on by one decision, if there is one to make. None if the job is final or held by others.

        ``lost`` names attempts whose invocation is known to be over: those that are still open count as crashed.
        """
        if not self._knows_plan:
            await self._learn_plan(job_id)
        move: Move | None = None
        since = self._places.pop(job_id, None)

        def at_once(snapshot: Snapshot) -> Changes | None:
            nonlocal move
            crash_point("job_claimed")
            move = self._move_at_once(snapshot, lost, since)
            if move is None:
                return None
            crash_point("decision_made")
            return move.changes

        decided = await self.jobs.decide(job_id, at_once)
        if decided is not None and decided.after is not None and move is not None:
            committed(move.changes)
            self._begin(decided.after, move)
            return await self._follow(decided.snapshot, move, decided.after.job)
        snapshot = await self.jobs.claim(job_id) if decided is None else decided.snapshot
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

    async def _follow(self, snapshot: Snapshot, move: Move, after: Job | None = None) -> Advanced:
        """What comes after the commit: listeners hear of it, attempts are dispatched; some are started already."""
        job_id = snapshot.job.id
        if self._listener is not ignore and (move.changes.events or move.changes.status is not None):
            self._listener(Decided(job_id, move.changes.events, move.status))
        if move.dispatch:
            await self._dispatcher.dispatch(move.dispatch)
        if move.dispatch or move.begun:
            crash_point("attempts_dispatched")
        if move.status.is_final:
            await self._dispatcher.job_ended(job_id)
        elif move.waits:
            await self._announce(job_id)
        due_at = move.changes.due_at
        due_in_s = None if due_at is None else max(0.0, due_at - snapshot.now)
        return Advanced(move.status, due_in_s, snapshot.job.signals, after)

    def _begin(self, snapshot: Snapshot, move: Move) -> None:
        """Run the agents of attempts that started with their decision, and keep in mind where the next one begins."""
        if self._starter is None or snapshot.job.plan is None or snapshot.job.status.is_final:
            return
        if move.place is not None:
            self._places[snapshot.job.id] = move.place
        if move.begun:
            self._starter.begin(Handover(snapshot, PinnedPlan.from_dict(snapshot.job.plan), move.begun))

    def forget(self, job_id: str) -> None:
        """Nobody advances the job here any more."""
        self._places.pop(job_id, None)

    async def _learn_plan(self, job_id: str) -> None:
        """Once in a process: make the plan before the first decision, which must not wait for code to load."""
        self._knows_plan = True
        job = await self.jobs.db.get_job(job_id)
        if job is not None and job.plan is None:
            with suppress(ProjectError, ConfigError):  # which `_move` makes the job's end
                self._plan(job)

    def _move_at_once(self, snapshot: Snapshot, lost: Collection[AttemptKey], since: Place | None) -> Move | None:
        """The move where it can be told from the snapshot alone."""
        try:
            stored = snapshot.job.plan
            make = self._known_plan
            plan = PinnedPlan.from_dict(stored) if stored is not None else make(snapshot.job) if make else None
            if plan is None or awaited(snapshot, plan):
                return None
            dead = self.jobs.owner_is_dead
            here = self._starter.owner if self._starter else None
            move = decide(
                snapshot, plan, random=self._uniform, owner_is_dead=dead, lost=lost, since=since, starter=here
            )
        except (ProjectError, ConfigError):
            return None  # which `_move` makes the job's end
        return None if move.asks else move

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

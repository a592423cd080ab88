"""Following a job that runs elsewhere: what is stored of it, told as if it happened in this process."""

import asyncio
from collections.abc import Iterator

from agent_framework.core.approvals import Approvals
from agent_framework.core.progress import POLL_S, AttemptEnded, AttemptStarted, Decided, Listener, Progress, ignore
from agent_framework.errors import JobNotFoundError
from agent_framework.infrastructure.database import DatabaseProvider
from agent_framework.types import AttemptKey, AttemptState, JobStatus, Snapshot


class Follower:
    """Tells what is new in each snapshot of one job, in the order in which it must have happened."""

    def __init__(self) -> None:
        self._seq = -1
        self._started: set[AttemptKey] = set()
        self._ended: set[AttemptKey] = set()

    def news(self, snapshot: Snapshot) -> Iterator[Progress]:
        """Events and attempts that the snapshots before did not have: each decision, then what came of it."""
        fresh = [event for event in snapshot.events if event.seq > self._seq]
        for event in sorted(fresh, key=lambda event: event.seq):
            yield from self._attempts(snapshot, before=event.seq)
            self._seq = event.seq
            yield Decided(snapshot.job.id, (event,), snapshot.job.status)
        yield from self._attempts(snapshot, before=None)

    def _attempts(self, snapshot: Snapshot, *, before: int | None) -> Iterator[Progress]:
        known = [item for item in snapshot.attempts if before is None or item.key.seq < before]
        for item in sorted(known, key=lambda item: (item.key.seq, item.key.number, item.key.agent)):
            if item.key not in self._started and item.state is not AttemptState.PENDING:
                self._started.add(item.key)
                yield AttemptStarted(item.key, item.performer)
        for item in sorted(known, key=lambda item: (item.ended_at or 0.0, item.key.seq, item.key.number)):
            if item.key not in self._ended and item.outcome is not None:
                self._ended.add(item.key)
                yield AttemptEnded(item.key, item.performer, item.outcome, stored=True)


async def follow(db: DatabaseProvider, job_id: str, *, listener: Listener = ignore, poll_s: float = POLL_S) -> Snapshot:
    """Watch a job until it rests: it is final, or waits for a person. The job goes on whether it is watched or not.

    Raises:
        JobNotFoundError
    """
    follower = Follower()
    while True:
        snapshot = await db.load(job_id)
        if snapshot is None:
            raise JobNotFoundError(job_id)
        for progress in follower.news(snapshot):
            listener(progress)
        if snapshot.job.status.is_final or await _waits(db, snapshot):
            return snapshot
        await asyncio.sleep(poll_s)


async def _waits(db: DatabaseProvider, snapshot: Snapshot) -> bool:
    """Whether the job waits for a person, and not for somebody who takes up a decision that was made."""
    if snapshot.job.status is not JobStatus.WAITING_FOR_APPROVAL:
        return False
    approvals = await Approvals(db).of_job(snapshot.job.id)
    return bool(approvals) and all(approval.is_pending for approval in approvals)

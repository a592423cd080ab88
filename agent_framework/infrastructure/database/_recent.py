"""Jobs as this process knows them, so that they are not read again: from what it has itself written about them.

That such a job is still so is checked when something is written that rests on it: whoever else decides about a job
takes an epoch, whoever stores an outcome or result signals the job. Only an attempt can be started by others without
either, so jobs with attempts that nobody has started yet are not kept.
"""

from collections import OrderedDict
from dataclasses import replace

from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._requests import Ended
from agent_framework.infrastructure.database.snapshots import with_ended
from agent_framework.types import AgentOutcome, AttemptState, JobStatus, Snapshot, value

MOST = 4096
"""Jobs that are kept; of more, those that were written longest ago are read again."""


@value
class Known:
    """A job as it was written last, and the outcomes that came since."""

    written: Snapshot
    ended: tuple[Ended, ...] = ()

    def snapshot(self, now: float) -> Snapshot:
        """The job at the moment ``now``."""
        return with_ended(self.written, self.ended, now)

    def is_stored(self) -> bool:
        """Whether the outcomes that were on their way were stored after all."""
        return all(one.stored for one in self.ended)


class Recent:
    """The jobs that were made or decided about here, those written last."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._jobs: OrderedDict[str, Known] = OrderedDict()

    def keep(self, snapshot: Snapshot, *, before: Known | None = None) -> None:
        """The job was written just now, upon what was known ``before``; outcomes that came since are still unseen."""
        job = snapshot.job
        last = self._jobs.pop(job.id, None)
        if job.status.is_final or job.status is JobStatus.WAITING_FOR_APPROVAL:
            return
        pending = AttemptState.PENDING
        for attempt in snapshot.attempts if before is None else snapshot.attempts[len(before.written.attempts) :]:
            if attempt.state is pending and attempt.key.run == job.run:
                return
        later = last.ended[len(before.ended) :] if last is not None and before is not None else ()
        self._jobs[job.id] = Known(snapshot, later)
        if len(self._jobs) > self._most:
            self._jobs.popitem(last=False)

    def forget(self, job_id: str) -> None:
        """Somebody else may have written about the job."""
        self._jobs.pop(job_id, None)

    def note(self, ended: Ended) -> None:
        """An outcome is stored, or is on its way to be."""
        known = self._jobs.get(ended.key.job_id)
        if known is not None:
            self._jobs[ended.key.job_id] = Known(known.written, (*known.ended, ended))

    def find(self, job_id: str) -> Known | None:
        """The job, if it is known."""
        return self._jobs.get(job_id)


def as_read(outcome: AgentOutcome) -> AgentOutcome:
    """The outcome with its detail as it would be read back.

    Raises:
        ProviderError: the detail is not JSON.
    """
    return replace(outcome, detail=loads(to_json(outcome.detail, what="the detail"))) if outcome.detail else outcome

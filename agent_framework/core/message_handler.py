"""What is done with a message of the jobs queue, by worker processes and by the orchestrator's function alike.

A message is acknowledged when its work is done. One whose work fails comes back; where it fails for the last time and
the job itself is to blame, the job fails with the reason, so that it does not come up for ever.
"""

import logging
from collections.abc import Callable, Collection

from agent_framework.core.engine import Advanced, Engine
from agent_framework.core.execution import Performer
from agent_framework.core.job_manager import JobManager
from agent_framework.core.messages import LostAttempt, read_message
from agent_framework.errors import (
    AgentFrameworkError,
    DataTooLargeError,
    IllegalTransitionError,
    JobNotFoundError,
    StorageKeyError,
    StoredObjectChangedError,
    StoredObjectMissingError,
)
from agent_framework.infrastructure.queue.base import Message
from agent_framework.observability.redaction import redact
from agent_framework.types import AttemptKey

logger = logging.getLogger(__name__)

_JOBS_OWN_FAULT = (DataTooLargeError, StorageKeyError, StoredObjectChangedError, StoredObjectMissingError)


async def advance_fully(engine: Engine, job_id: str, *, lost: Collection[AttemptKey] = ()) -> Advanced | None:
    """Advance until there is nothing to decide at once; ``lost`` as for `Engine.advance`."""
    advanced = await engine.advance(job_id, lost=lost)
    while advanced is not None and not advanced.status.is_final and advanced.due_in_s == 0.0:
        advanced = await engine.advance(job_id)
    return advanced


class MessageHandler:
    """Handles messages with one engine and one performer.

    ``later`` is told where an advance left a job, for places that have no loop of their own to come back in time.
    """

    def __init__(
        self,
        jobs: JobManager,
        engine: Engine,
        performer: Performer,
        *,
        later: Callable[[str, Advanced], None] | None = None,
    ) -> None:
        self._jobs = jobs
        self._engine = engine
        self._performer = performer
        self._later = later

    async def handle(self, message: Message, *, receive_limit: int | None, time_left_s: float | None = None) -> None:
        """Do what the message asks for; whoever received it acknowledges it afterwards.

        Args:
            message: as received.
            receive_limit: deliveries after which the queue gives a message up; None: it does not tell.
            time_left_s: seconds that an attempt may take at most, whatever its policy says.

        Raises:
            Exception: whatever kept it from being done; the message has to come back, or become a dead letter.
        """
        wanted = read_message(message.body)
        job_id = wanted if isinstance(wanted, str) else _key(wanted).job_id
        try:
            await self._do(wanted, time_left_s)
        except Exception as exc:
            if receive_limit is not None and message.receive_count >= receive_limit and _is_jobs_fault(exc):
                await self._give_up(job_id, message, exc)
            raise

    async def advance(self, job_id: str) -> Advanced | None:
        """Move the job on as far as it goes now."""
        advanced = await advance_fully(self._engine, job_id)
        if advanced is not None and self._later is not None:
            self._later(job_id, advanced)
        return advanced

    async def _do(self, wanted: str | AttemptKey | LostAttempt, time_left_s: float | None) -> None:
        if isinstance(wanted, str):
            await self.advance(wanted)
        elif isinstance(wanted, LostAttempt):
            await self._performer.record_crash(wanted.key, wanted.owner, wanted.reason)
            await self.advance(wanted.key.job_id)
        elif await self._performer.perform(wanted, time_left_s=time_left_s) is None:
            await self.advance(wanted.job_id)  # somebody else's attempt: perhaps of a process that died

    async def _give_up(self, job_id: str, message: Message, error: Exception) -> None:
        tries = f"{message.receive_count} tries ended with {type(error).__name__}"
        reason = f"the job cannot be carried on: {tries}: {redact(str(error))}"
        try:
            await self._jobs.fail_job(job_id, reason[:1000])
        except (IllegalTransitionError, JobNotFoundError) as exc:
            logger.info("message %s failed for the last time, and its job is over: %s", message.id, exc)
        else:
            logger.error("job %s failed: %s", job_id, reason)


def _key(wanted: AttemptKey | LostAttempt) -> AttemptKey:
    return wanted.key if isinstance(wanted, LostAttempt) else wanted


def _is_jobs_fault(error: Exception) -> bool:
    """Whether another try must end the same way. An outage, or a claim that somebody else took, passes."""
    return not isinstance(error, AgentFrameworkError) or isinstance(error, _JOBS_OWN_FAULT)

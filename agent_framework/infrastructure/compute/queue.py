"""Dispatch by queue: attempts become messages that any worker process may take."""

from collections.abc import Callable, Sequence

from agent_framework.infrastructure.queue.base import QueueProvider
from agent_framework.types import Attempt, AttemptKey, JSONDict


class QueueDispatcher:
    """Sends one message per attempt; ``encode`` gives its body."""

    def __init__(self, queue: QueueProvider, encode: Callable[[AttemptKey], JSONDict]) -> None:
        self._queue = queue
        self._encode = encode

    async def dispatch(self, attempts: Sequence[Attempt]) -> None:
        """Send the messages; if that fails, the job's due time brings the attempts up again."""
        await self._queue.send_batch([self._encode(attempt.key) for attempt in attempts])

    async def job_ended(self, job_id: str) -> None:
        """Nothing to stop: what still runs somewhere is refused when it comes."""

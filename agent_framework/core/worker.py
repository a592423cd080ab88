"""A worker process: takes messages from the jobs queue, advances jobs, performs attempts, and sweeps.

Any number of workers share one database and one queue. A message is only a hint: it is acknowledged when its work is
done, given back when that failed, and kept hidden while an agent runs. What no message brings up, the sweeper does.
"""

import asyncio
import logging
from contextlib import suppress

from agent_framework.core.engine import Engine
from agent_framework.core.execution import AgentRunner, Guard, Performer, unguarded
from agent_framework.core.message_handler import MessageHandler
from agent_framework.core.messages import advance_message
from agent_framework.core.progress import Listener, ignore
from agent_framework.errors import AgentFrameworkError
from agent_framework.infrastructure.queue.base import Message, QueueProvider

logger = logging.getLogger(__name__)
VISIBILITY_S = 60.0
WAIT_S = 1.0
DRAIN_S = 20.0
RETRY_DELAY_S = 2.0


class Worker:
    """Works until it is told to stop: ``concurrency`` messages at once, a sweep every ``sweep_s``."""

    def __init__(
        self,
        engine: Engine,
        queue: QueueProvider,
        runner: AgentRunner,
        *,
        guard: Guard = unguarded,
        concurrency: int = 10,
        sweep_s: float = 5.0,
        drain_s: float = DRAIN_S,
        listener: Listener = ignore,
    ) -> None:
        jobs = self._jobs = engine.jobs
        self._queue = queue
        self._concurrency = concurrency
        self._sweep_s = sweep_s
        self._drain_s = drain_s
        self._stop = asyncio.Event()
        self._active: set[asyncio.Task[None]] = set()
        self._performer = Performer(
            jobs.db, runner, owner=jobs.owner, wake=self._advance, guard=guard, listener=listener
        )
        self._handler = MessageHandler(jobs, engine, self._performer)

    def stop(self) -> None:
        """Take no more messages, finish what runs, hand back what does not finish in time."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`."""
        sweeper = asyncio.create_task(self._sweep_forever(), name="sweeper")
        try:
            while not self._stop.is_set():
                await self._take_messages()
        finally:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            await self._drain()

    async def _take_messages(self) -> None:
        """Wait for room, then for messages, and start their work."""
        if len(self._active) >= self._concurrency:
            await asyncio.wait(self._active, return_when=asyncio.FIRST_COMPLETED)
            return
        try:
            messages = await self._queue.receive(
                self._concurrency - len(self._active), wait_s=WAIT_S, visibility_s=VISIBILITY_S
            )
        except Exception as exc:  # the worker's other work goes on, and the next try may succeed
            _say(exc, "the queue cannot be read, trying again")
            await self._pause(RETRY_DELAY_S)
            return
        for message in messages:
            task = asyncio.create_task(self._handle(message), name=f"message {message.id}")
            self._active.add(task)
            task.add_done_callback(self._active.discard)

    async def _handle(self, message: Message) -> None:
        keeper = asyncio.create_task(self._keep(message))
        try:
            await self._handler.handle(message, receive_limit=await self._queue.receive_limit())
            await self._queue.acknowledge(message)
        except asyncio.CancelledError:
            await self._give_back(message, 0.0)
            raise
        except Exception as exc:  # whatever fails here is tried again, and becomes a dead letter in the end
            _say(exc, f"message {message.id} failed, giving it back")
            await self._give_back(message, RETRY_DELAY_S)
        finally:
            keeper.cancel()

    async def _advance(self, job_id: str) -> None:
        await self._handler.advance(job_id)

    async def _keep(self, message: Message) -> None:
        """Keep the message hidden while its agent runs."""
        while True:
            await asyncio.sleep(VISIBILITY_S / 3)
            try:
                await self._queue.extend(message, VISIBILITY_S)
            except Exception as exc:  # the agent runs on, and there is time for another try
                _say(exc, f"message {message.id} cannot be kept hidden now, trying again")

    async def _give_back(self, message: Message, delay_s: float) -> None:
        with suppress(AgentFrameworkError):
            await self._queue.release(message, delay_s=delay_s)

    async def _sweep_forever(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception as exc:  # a worker without its sweeper would lose jobs and say nothing
                _say(exc, "sweeping failed, trying again")
            await asyncio.sleep(self._sweep_s)

    async def sweep(self) -> int:
        """Advance every job that is due, and purge documents that expired long ago; how many jobs there were."""
        due = await self._jobs.due()
        for job_id in due:
            try:
                await self._advance(job_id)
            except Exception as exc:  # the other jobs are swept all the same
                _say(exc, f"job {job_id} cannot be advanced now")
        await self._jobs.db.purge_documents()
        return len(due)

    async def _drain(self) -> None:
        """Let what runs finish, then hand it back."""
        if self._active:
            await asyncio.wait(self._active, timeout=self._drain_s)
        self._performer.hand_back()
        for task in list(self._active):
            task.cancel()
        await asyncio.gather(*self._active, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _say(error: Exception, what: str) -> None:
    """Log what is tried again; an error that nobody has foreseen comes with its traceback."""
    foreseen = isinstance(error, AgentFrameworkError)
    logger.log(
        logging.WARNING if foreseen else logging.ERROR, "%s: %s", what, error, exc_info=None if foreseen else error
    )


async def send_hint(queue: QueueProvider, job_id: str) -> None:
    """Tell the workers of a new job; if that fails, the sweeper finds it."""
    try:
        await queue.send(advance_message(job_id))
    except AgentFrameworkError as exc:
        logger.warning("job %s is stored, but the queue was not told (the sweeper finds it): %s", job_id, exc)

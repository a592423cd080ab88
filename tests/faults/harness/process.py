"""A process that exists in the simulation only: the product's engine, performer and message handler with a name.

It does what a worker process does, except that every step of it waits for its turn.
"""

from collections.abc import Callable, Sequence
from typing import Any

from agent_framework.core.engine import Engine
from agent_framework.core.execution import Done, Performer
from agent_framework.core.job_manager import JobManager
from agent_framework.core.message_handler import MessageHandler
from agent_framework.core.messages import perform_message
from agent_framework.core.work import Work
from agent_framework.errors import AgentError, RetryableError, SkipAgent
from agent_framework.infrastructure.compute.queue import QueueDispatcher
from agent_framework.infrastructure.queue.base import Message
from agent_framework.types import AgentOutcome, AttemptKey, AttemptState, ErrorKind, JSONDict, Snapshot, Usage
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.shapes import Shape
from tests.faults.harness.turns import Turns
from tests.faults.harness.turns import Work as Turn


class Messages:
    """The queue: messages with how often each was received. Whoever chooses may lose or repeat them."""

    def __init__(self) -> None:
        self.waiting: list[tuple[JSONDict, int]] = []

    async def send_batch(self, bodies: Sequence[JSONDict], *, delay_s: float = 0.0) -> list[str]:
        """What `QueueDispatcher` needs of a queue."""
        self.waiting += [(body, 0) for body in bodies]
        return [str(len(self.waiting))] * len(bodies)


def answered(snapshot: Snapshot, performer: str, key: AttemptKey) -> int:
    """How often ``performer`` answered for the agent of ``key`` before that attempt, in all runs.

    A crash or an attempt given up is no answer. Later attempts do not count: one that goes on after it was given up
    does what it would have done in time.
    """
    before = (key.run, key.seq, key.number)
    outcomes = [
        attempt.outcome
        for attempt in snapshot.attempts
        if (attempt.performer, attempt.key.agent) == (performer, key.agent)
        and (attempt.key.run, attempt.key.seq, attempt.key.number) < before
        and attempt.outcome is not None
    ]
    return sum(o.state is not AttemptState.ABANDONED and o.error_kind is not ErrorKind.CRASH for o in outcomes)


def as_done(outcome: AgentOutcome) -> Done:
    """What an agent gives the engine for ``outcome``; a failure is raised."""
    if outcome.state is AttemptState.INTERRUPTED:
        return Done(None, calls=outcome.detail["calls"], saved=outcome.detail["saved"])
    if outcome.state is AttemptState.SKIPPED:
        raise SkipAgent(outcome.error)
    if outcome.state is AttemptState.FAILED:
        raise (RetryableError if outcome.error_kind is ErrorKind.TRANSIENT else AgentError)(outcome.error)
    return Done(outcome.output, structured=True)


class ShapeRunner:
    """Runs agents as the shape says; an agent that succeeds acts on the ledger before it answers."""

    def __init__(self, shape: Shape, db: Any, ledger: Ledger, turns: Turns) -> None:
        self._shape, self._db, self._ledger, self._turns = shape, db, ledger, turns

    async def run(self, work: Work) -> tuple[Done, Usage]:
        times = 0
        if len(self._shape.script.get(work.performer, ())) > 1:
            times = answered(await self._db.load(work.key.job_id), work.performer, work.key)
        outcome = self._shape.outcome(work.performer, times)
        await self._turns.gate()
        if outcome.state is AttemptState.SUCCEEDED:
            self._ledger.act(work.key)
            await self._turns.gate()
        return as_done(outcome), Usage()

    def usage_of(self, key: AttemptKey) -> Usage:
        return Usage()


class Process:
    """One process. ``paused``: it is stopped; what it was about to do, it does when it goes on."""

    def __init__(
        self,
        name: str,
        db: Any,
        *,
        raw_db: Any,
        shape: Shape,
        ledger: Ledger,
        turns: Turns,
        messages: Messages,
        jobs: type[JobManager],
        is_dead: Callable[[str | None], bool],
    ) -> None:
        self.name, self.paused, self.alive = name, False, True
        self.works: list[Turn] = []
        self._turns = turns
        self.jobs = jobs(db, owner=name, owner_is_dead=is_dead)
        dispatcher = QueueDispatcher(messages, perform_message)  # pyright: ignore[reportArgumentType]
        engine = Engine(self.jobs, plan=lambda job: shape.plan, dispatcher=dispatcher, uniform=lambda: 0.5)
        runner = ShapeRunner(shape, raw_db, ledger, turns)
        performer = Performer(db, runner, owner=name, wake=self._wake, sleep=self._sleep)
        self._handler = MessageHandler(self.jobs, engine, performer)

    def start(self, what: str, coroutine: Any) -> Turn:
        """Begin a work; it waits for its first turn."""
        work = Turn(self, what, coroutine)
        self.works.append(work)
        return work

    async def handle(self, body: JSONDict, received: int) -> None:
        """Do what a message asks for."""
        await self._handler.handle(Message("m", body, "r", received), receive_limit=None)

    async def sweep(self) -> None:
        """What the built-in sweeper does."""
        for job_id in await self.jobs.due():
            await self._handler.advance(job_id)

    async def _wake(self, job_id: str) -> None:
        await self._handler.advance(job_id)

    async def _sleep(self, seconds: float) -> None:
        await self._turns.gate()

"""The durable engine: one durable execution per job and run, which AWS owns, over the same `advance` as everywhere.

Deterministic and thin; it is run again from its start whenever AWS resumes it, with the answers of earlier operations.

1. advance, and read which step is open (a receipt, see `durable_receipts`)  2. a branch for each agent of the step that
has not settled: invoke its attempt, advance, and again while it has another attempt  3. from 1, until the run is over

An attempt belongs to the branch of its agent, so siblings retry while others run, as on the checkpoint engine, and
nothing that a crash interrupts is lost or started twice: what to do is read from the database, not remembered.
Branches are started in list order, ``max_concurrent_agents`` at a time: the order in which attempts are made.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from agent_framework.core.durable_limits import MAX_OPERATIONS, PER_WATCH, RESERVED
from agent_framework.core.durable_receipts import POLL_S, Receipts
from agent_framework.core.messages import perform_message
from agent_framework.errors import ConfigError
from agent_framework.types import AttemptKey, JSONDict

logger = logging.getLogger(__name__)

CarryOn = Callable[[str, str, int, int], Awaitable[str]]
"""Starts another part of a run: ``await carry_on(function_arn, job_id, run, part)`` gives the execution's name."""

_BEGUN = 2
"""Operations of an execution that has looked at its job once: itself, and the advance."""


class DurableContext(Protocol):
    """What the engine asks of a durable execution; `infrastructure.compute.durable_functions` provides it."""

    @property
    def function_arn(self) -> str:
        """The function that runs the execution, with its version."""
        ...

    def step(self, name: str, work: Callable[[], JSONDict]) -> JSONDict:
        """Run ``work``, tried again if it fails, and remember its answer."""
        ...

    def invoke(self, name: str, function: str, payload: JSONDict) -> str | None:
        """Invoke a function once and wait for its end; why it failed, or None."""
        ...

    def wait(self, name: str, seconds: float) -> None:
        """Wait, holding no process."""
        ...

    def parallel(
        self,
        name: str,
        branches: Sequence[tuple[str, Callable[[Self], int]]],
        *,
        at_once: int,
        watch: Callable[[Self], int] | None = None,
    ) -> list[int | None]:
        """Run branches, started in order, until all have ended or ``watch`` has; None for those that have not."""
        ...


@dataclass(frozen=True, slots=True)
class Start:
    """What an execution is started with: ``part`` counts the executions of one run."""

    job_id: str
    run: int
    part: int = 1

    @classmethod
    def read(cls, event: JSONDict) -> "Start":
        """Read the event.

        Raises:
            ConfigError: it is no start of a run.
        """
        match event:
            case {"job_id": str(job_id), "run": int(run)}:
                return cls(job_id, run, int(event.get("part", 1)))
            case _:
                raise ConfigError(
                    f"the durable function is started with a job_id and a run, not with {event}"[:200]
                    + "; send jobs to the queue, the orchestrator's function starts it"
                )


class DurableEngine:
    """Runs jobs as durable executions.

    Args:
        receipts: Advances jobs and tells what to do.
        wait_for: Runs a coroutine of the project's event loop, from any thread.
        function_of: The name of the function that runs an agent.
        carry_on: Starts another part of a run.
    """

    def __init__(
        self,
        receipts: Receipts,
        *,
        wait_for: Callable[[Awaitable[Any]], Any],
        function_of: Callable[[str], str],
        carry_on: CarryOn,
        max_operations: int = MAX_OPERATIONS,
    ) -> None:
        self._receipts = receipts
        self._wait_for = wait_for
        self._function_of = function_of
        self._carry_on = carry_on
        self._limit = max_operations - RESERVED

    def run(self, event: JSONDict, context: DurableContext) -> JSONDict:
        """The body of an execution, from its start to the end of the run, or of this part of it."""
        start = Start.read(event)

        def work() -> JSONDict:
            return self._wait_for(self._receipts.of_job(start.job_id, start.run))

        used = 1
        while True:
            receipt = context.step("advance", work)
            used += 1
            if "over" in receipt:
                return {"status": receipt["over"], "operations": used}
            if used > _BEGUN and used + receipt["operations"] > self._limit:
                return self._continue(context, start, used)
            used += self._step(context, start, receipt)

    def _continue(self, context: DurableContext, start: Start, used: int) -> JSONDict:
        def work() -> JSONDict:
            begun = self._carry_on(context.function_arn, start.job_id, start.run, start.part + 1)
            return {"execution": self._wait_for(begun)}

        return {"status": "continued", "operations": used + 1, **context.step("continue", work)}

    def _step(self, context: DurableContext, start: Start, receipt: JSONDict) -> int:
        """Run the open step to its end, or to the job's deadline; the operations that it took."""
        seq: int = receipt["seq"]
        branches = [
            (agent, _Branch(self, start, seq, agent, receipt["attempts"].get(agent)).run) for agent in receipt["agents"]
        ]
        watch = None
        if receipt["deadline_in_s"] is not None:
            watch = _Watch(self, start, seq, receipt["deadline_in_s"]).run
        counts = context.parallel(f"step {seq}", branches, at_once=receipt["at_once"], watch=watch)
        ended = [count for count in counts if count is not None]
        if len(ended) < len(counts):
            return int(receipt["operations"])
        return 1 + sum(ended) + (PER_WATCH if watch else 0)

    # -- what branches ask for -------------------------------------------------------------------------------

    def after(self, context: DurableContext, key: AttemptKey, failed: bool | None) -> JSONDict | None:
        """Advance, and the attempt that the agent of ``key`` has next."""

        def work() -> JSONDict:
            return self._wait_for(self._receipts.of_agent(key, failed=failed))

        return context.step(f"{key.agent}: advance", work)["attempt"]

    def invoke(self, context: DurableContext, key: AttemptKey, performer: str) -> bool:
        """Invoke the performer's function for the attempt; whether that failed."""
        function = self._function_of(performer)
        reason = context.invoke(f"{key.agent}: attempt {key.number}", function, perform_message(key))
        if reason is not None:
            logger.warning("the invocation of %s for attempt %s failed: %s", function, key, reason)
        return reason is not None

    def deadline(self, context: DurableContext, start: Start, seq: int) -> float | None:
        """Advance, and the seconds until the job's deadline; None once the step is over."""

        def work() -> JSONDict:
            return self._wait_for(self._receipts.deadline_in_s(start.job_id, start.run, seq))

        return context.step("deadline: advance", work)["deadline_in_s"]


@dataclass(frozen=True, slots=True)
class _Branch:
    """One agent of one step, through all its attempts."""

    engine: DurableEngine
    start: Start
    seq: int
    agent: str
    attempt: JSONDict | None

    def run(self, context: DurableContext) -> int:
        """Until the agent has settled; the operations that it took."""
        used, attempt = 0, self.attempt
        if attempt is None:
            attempt = self.engine.after(context, self._key(0), None)
            used += 1
        while attempt is not None:
            key, failed = self._key(attempt["number"]), None
            pause = self._pause(attempt)
            if pause > 0:
                context.wait(f"{self.agent}: attempt {key.number}", pause)
                used += 1
            if "left_s" not in attempt:
                failed = self.engine.invoke(context, key, attempt["performer"])
                used += 1
            attempt = self.engine.after(context, key, failed)
            used += 1
        return used

    @staticmethod
    def _pause(attempt: JSONDict) -> float:
        """Seconds until a retry may start, or until an attempt is looked at that another execution started."""
        return min(POLL_S, attempt["left_s"] + 1.0) if "left_s" in attempt else attempt["in_s"]

    def _key(self, number: int) -> AttemptKey:
        return AttemptKey(self.start.job_id, self.start.run, self.seq, self.agent, number)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Advances the job at its deadline, while agents run."""

    engine: DurableEngine
    start: Start
    seq: int
    deadline_in_s: float

    def run(self, context: DurableContext) -> int:
        """Until the deadline has passed; the operations that it took."""
        used = 0
        left: float | None = self.deadline_in_s
        while left is not None:
            context.wait("deadline", left)
            left = self.engine.deadline(context, self.start, self.seq)
            used += 2
        return used

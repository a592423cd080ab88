"""Performing one attempt: start it, run the agent within its time and budget, commit its outcome, wake the job.

Whatever an agent does ends as an outcome. Nothing here repeats anything: the engine alone decides about retries.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from agent_framework.core.alarms import Alarms
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.asking import ask
from agent_framework.core.crash import crash_point
from agent_framework.core.handover import Handover
from agent_framework.core.large_values import output_paths
from agent_framework.core.outputs import to_output
from agent_framework.core.pinned import GRACE_S, PinnedPlan
from agent_framework.core.progress import AttemptEnded, AttemptStarted, Listener, ignore
from agent_framework.core.work import StepView, Work
from agent_framework.errors import (
    AgentFrameworkError,
    AgentTimeoutError,
    ApprovalNeeded,
    BudgetExceededError,
    CircuitOpenError,
    ModelError,
    NeedsReviewError,
    OutputValidationError,
    ProviderError,
    RetryableError,
    SkipAgent,
    StoredObjectChangedError,
    StoredObjectMissingError,
)
from agent_framework.infrastructure.database.base import DatabaseProvider, DataTooLargeError
from agent_framework.observability.redaction import redact
from agent_framework.types import (
    AgentOutcome,
    Attempt,
    AttemptKey,
    AttemptState,
    ErrorKind,
    JSONDict,
    Usage,
    value,
)

logger = logging.getLogger(__name__)
_MAX_ERROR_CHARACTERS = 2000
_COMMIT_AGAIN_S = (0.1, 0.3, 1.0, 2.0, 4.0)


@value
class Done:
    """What an agent produced: its output, or the workers it asks for with its saved state."""

    value: Any
    structured: bool = False
    calls: Sequence[JSONDict] = ()
    saved: str | None = None


class AgentRunner(Protocol):
    """Runs an agent's code; ``runtime`` provides it."""

    def run(self, work: Work) -> Awaitable[tuple[Done, Usage]]:
        """Run ``work.performer``. Usage of a failed run is told by `usage_of`."""
        ...

    def usage_of(self, key: AttemptKey) -> Usage:
        """What the attempt's model calls have used so far."""
        ...


Run = Callable[[], Awaitable[AgentOutcome]]
Guard = Callable[[Work, Run], Awaitable[AgentOutcome]]
"""Stands around each attempt: runs it, or answers in its place."""


def unguarded(work: Work, run: Run) -> Awaitable[AgentOutcome]:
    """The guard that lets everything pass."""
    return run()


class Performer:
    """Performs attempts in this process. ``wake`` is told the job after each outcome.

    ``wake_early`` is told the job right before its outcome is handed to a database that carries out writes in order,
    which happens before anybody else's turn: the decision that follows then shares the outcome's transaction.
    ``clock`` and ``sleep`` are how long a run takes and how an outage of the database is waited for.
    """

    def __init__(
        self,
        db: DatabaseProvider,
        runner: AgentRunner,
        *,
        owner: str,
        wake: Callable[[str], Awaitable[None]],
        wake_early: Callable[[str], None] | None = None,
        guard: Guard = unguarded,
        listener: Listener = ignore,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._runner = runner
        self.owner = owner
        self._wake = wake
        self._wake_early = wake_early if db.in_order else None
        self._guard = guard
        self._listener = listener
        self._clock = clock
        self._sleep = sleep
        self._alarms = Alarms()
        self._handing_back = False
        self._approvals = ApprovalStore(db)

    def hand_back(self) -> None:
        """From now on a cancelled attempt is stored as crashed, so that somebody else takes it up at once."""
        self._handing_back = True

    async def perform(self, key: AttemptKey, *, time_left_s: float | None = None) -> AgentOutcome | None:
        """Perform one attempt; None if it was not ours to start.

        ``time_left_s`` ends it earlier than its policy does, for places that end at a moment of their own.
        """
        try:
            snapshot = await self._db.load(key.job_id)
        except (StoredObjectMissingError, StoredObjectChangedError) as exc:
            return await self._fail(key, exc)
        if snapshot is None or snapshot.job.plan is None:
            return None
        crash_point("attempt_loaded")
        plan = PinnedPlan.from_dict(snapshot.job.plan)
        attempt = next((a for a in snapshot.attempts if a.key == key), None)
        if attempt is None:
            return None
        timeout_s = plan.policy(attempt.performer).timeout_s
        if time_left_s is not None:
            timeout_s = min(timeout_s, max(0.0, time_left_s))
        started = await self._db.start_attempt(key, self.owner, timeout_s + GRACE_S)
        if started is None:
            return None
        return await self._carry_out(StepView(snapshot, plan, key.seq).work(started), timeout_s, _wakes)

    def carry_out(self, handover: Handover, attempt: Attempt) -> Awaitable[AgentOutcome]:
        """Perform an attempt that was stored as started, by this process, together with the decision about it."""
        crash_point("attempt_loaded")
        timeout_s = handover.plan.policy(attempt.performer).timeout_s
        return self._carry_out(handover.step.work(attempt), timeout_s, handover.ended)

    async def _carry_out(self, work: Work, timeout_s: float, wakes: Callable[[AgentOutcome], bool]) -> AgentOutcome:
        """Perform an attempt that is started; ``wakes`` tells by its outcome whether the job must be woken."""
        crash_point("attempt_started")
        if self._listener is not ignore:
            self._listener(AttemptStarted(work.key, work.performer))
        begun = self._clock()
        outcome = await self._guard(work, partial(self._run, work, timeout_s))
        if outcome.execution_time_ms is None:
            outcome = replace(outcome, execution_time_ms=self._ms_since(begun))
        crash_point("agent_returned")
        return await self._end(work.key, outcome, work.performer, wakes=wakes(outcome))

    async def _fail(self, key: AttemptKey, error: AgentFrameworkError) -> AgentOutcome | None:
        """End an attempt whose job cannot be read whole: without that, it would wait until its time is over."""
        started = await self._db.start_attempt(key, self.owner, GRACE_S)
        return None if started is None else await self._end(key, failure(error, Usage()), started.performer)

    async def _end(self, key: AttemptKey, outcome: AgentOutcome, performer: str, *, wakes: bool = True) -> AgentOutcome:
        """Store the outcome and wake the job; ``wakes`` is false where a sibling that still runs will."""
        if wakes and self._wake_early is not None:
            self._wake_early(key.job_id)  # who decides then comes to it when the outcome is on its way
        at_first = True
        try:
            stored = await self._db.commit_outcome(key, self.owner, outcome, produced_by=performer)
        except ProviderError as exc:
            at_first, stored = False, await self._commit_after(exc, key, outcome, performer)
        if not stored:
            logger.warning("the outcome of attempt %s came too late and was refused", key)
        if self._listener is not ignore:
            self._listener(AttemptEnded(key, performer, outcome, stored))
        crash_point("outcome_committed")
        if not (at_first and stored) or (wakes and self._wake_early is None):
            await self._wake(key.job_id)
        return outcome

    async def record_crash(self, key: AttemptKey, owner: str, reason: str) -> bool:
        """Settle an attempt whose ``owner`` is known to be gone; False if it is not that owner's, or settled.

        One that never started is started in the owner's name first, so it counts once either way.
        """
        await self._db.start_attempt(key, owner, GRACE_S)
        outcome = AgentOutcome(AttemptState.FAILED, error=_storable(reason), error_kind=ErrorKind.CRASH)
        return await self._db.commit_outcome(key, owner, outcome, produced_by=key.agent)

    async def _commit_after(self, error: ProviderError, key: AttemptKey, outcome: AgentOutcome, performer: str) -> bool:
        """Commit through a short outage of the database; an outcome that it does not take becomes a failed one."""
        for delay_s in _COMMIT_AGAIN_S:
            if isinstance(error, DataTooLargeError):
                outcome = failure(error, outcome.usage)
            else:
                logger.warning("the outcome of attempt %s cannot be stored now, trying again: %s", key, error)
                await self._sleep(delay_s)
            try:
                return await self._db.commit_outcome(key, self.owner, outcome, produced_by=performer)
            except ProviderError as exc:
                error = exc
        raise error

    def _ms_since(self, begun: float) -> int:
        return round((self._clock() - begun) * 1000)

    async def _run(self, work: Work, timeout_s: float) -> AgentOutcome:
        limit, begun = self._alarms.limit(timeout_s), self._clock()
        try:
            with limit:
                done, usage = await self._runner.run(work)
            return _success(work, done, usage, self._ms_since(begun))
        except ApprovalNeeded as exc:
            return await self._waits(work, exc)
        except (Exception, SystemExit) as exc:  # an agent's failure, of whatever kind, is an outcome
            usage = self._runner.usage_of(work.key)
            if isinstance(exc, TimeoutError) and limit.is_over:
                return failure(AgentTimeoutError(f"ran longer than {timeout_s:g} seconds (runtime.timeout)"), usage)
            return failure(exc, usage)
        except asyncio.CancelledError as exc:
            return self._cancelled(exc, self._runner.usage_of(work.key))

    async def _waits(self, work: Work, needed: ApprovalNeeded) -> AgentOutcome:
        """The outcome of an agent that waits for people: they are asked, and its saved run is kept."""
        usage = self._runner.usage_of(work.key)
        try:
            detail = await ask(self._approvals, self._db, work, needed)
        except AgentFrameworkError as exc:
            return failure(exc, usage)
        crash_point("approval_asked")
        return AgentOutcome(AttemptState.WAITING, usage=usage, detail=detail)

    def _cancelled(self, error: asyncio.CancelledError, usage: Usage) -> AgentOutcome:
        """The outcome of an agent that cancelled itself, or is handed back; any other cancellation goes on."""
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            return failure(error, usage)
        if not self._handing_back:
            raise error
        task.uncancel()
        reason = "its worker was stopped"
        return AgentOutcome(AttemptState.FAILED, error=reason, error_kind=ErrorKind.CRASH, usage=usage)


def _wakes(outcome: AgentOutcome) -> bool:
    """An attempt that is performed by itself always wakes its job."""
    return True


def _success(work: Work, done: Done, usage: Usage, ms: int) -> AgentOutcome:
    if done.saved is not None:
        detail: JSONDict = {"calls": list(done.calls), "saved": done.saved}
        return AgentOutcome(AttemptState.INTERRUPTED, execution_time_ms=ms, usage=usage, detail=detail)
    output = to_output(done.value, agent=work.key.agent, structured=done.structured)
    inline = output_paths(work.plan.conditions, work.key.agent)
    return AgentOutcome(AttemptState.SUCCEEDED, output, execution_time_ms=ms, usage=usage, inline=inline)


def failure(error: BaseException, usage: Usage) -> AgentOutcome:
    """The outcome of an agent that raised ``error``: skipped for `SkipAgent`, otherwise failed."""
    known = _own_error(error)
    if isinstance(known, SkipAgent):
        reason = _storable(str(known))[:_MAX_ERROR_CHARACTERS]
        return AgentOutcome(AttemptState.SKIPPED, error=reason or "nothing to do", usage=usage)
    text = str(known) if isinstance(known, AgentFrameworkError) else f"{type(error).__name__}: {error}"
    if not isinstance(known, AgentFrameworkError):
        logger.info("an agent failed", exc_info=error)
    return AgentOutcome(
        AttemptState.FAILED,
        error=_storable(text)[:_MAX_ERROR_CHARACTERS],
        error_kind=_kind(known),
        retry_after_s=known.retry_after_s if isinstance(known, (ModelError, CircuitOpenError)) else None,
        usage=usage,
        detail={"error_code": type(known).__name__},
    )


def _storable(text: str) -> str:
    """The text as every database takes it: valid Unicode without NUL; and without secrets."""
    return redact(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _own_error(error: BaseException) -> BaseException:
    """The first deliberate error in the chain of causes (a library may have wrapped it), or the error itself."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            break
        if isinstance(current, AgentFrameworkError):
            return current
        current = current.__cause__ or current.__context__
    return error


_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (BudgetExceededError, ErrorKind.BUDGET),
    (NeedsReviewError, ErrorKind.REVIEW),
    (AgentTimeoutError, ErrorKind.TIMEOUT),
    (OutputValidationError, ErrorKind.INVALID_OUTPUT),
    (RetryableError, ErrorKind.TRANSIENT),
    (CircuitOpenError, ErrorKind.TRANSIENT),
    (ConnectionError, ErrorKind.TRANSIENT),
)


def _kind(error: BaseException) -> ErrorKind:
    if isinstance(error, ProviderError):
        return ErrorKind.TRANSIENT if error.retryable else ErrorKind.ERROR
    return next((kind for cls, kind in _KINDS if isinstance(error, cls)), ErrorKind.ERROR)


class InProcessDispatcher:
    """Runs attempts as tasks of this event loop."""

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self.owner = performer.owner
        self._tasks: dict[str, dict[AttemptKey, asyncio.Task[Any]]] = {}

    async def dispatch(self, attempts: Sequence[Attempt]) -> None:
        """Start a task for each attempt that has none."""
        for attempt in attempts:
            if attempt.key not in self._tasks.get(attempt.key.job_id, ()):
                self._start(attempt.key, partial(self._performer.perform, attempt.key))

    def begin(self, handover: Handover) -> None:
        """Start a task for each attempt that was committed as started by this process."""
        for attempt in handover.attempts:
            self._start(attempt.key, partial(self._performer.carry_out, handover, attempt))

    def _start(self, key: AttemptKey, work: Callable[[], Awaitable[Any]]) -> None:
        task = asyncio.create_task(self._carry(key, work), name=key.agent)
        self._tasks.setdefault(key.job_id, {})[key] = task

    async def _carry(self, key: AttemptKey, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except AgentFrameworkError:
            logger.exception("attempt %s could not be performed", key)
        finally:
            tasks = self._tasks.get(key.job_id, {})
            tasks.pop(key, None)
            if not tasks:
                self._tasks.pop(key.job_id, None)

    async def job_ended(self, job_id: str) -> None:
        """Cancel what still runs for the job."""
        await self._cancel(self._tasks.get(job_id, {}).values())

    async def close(self) -> None:
        """Cancel everything; attempts that were started count as crashed and are taken up by others."""
        await self._cancel([task for tasks in self._tasks.values() for task in tasks.values()])

    @staticmethod
    async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
        current = asyncio.current_task()
        waiting = [task for task in tasks if task is not current]
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.gather(*waiting, return_exceptions=True)

"""What a durable execution knows of its job: small receipts, read from the database after an `advance`.

A receipt names steps, agents and attempts, never an input, an output or an error: those stay in the database.
"""

import asyncio
import logging
from collections.abc import Sequence

from agent_framework.core.cursor import OpenStep
from agent_framework.core.decide import deadline_of, unsettled
from agent_framework.core.durable_limits import operations
from agent_framework.core.engine import Engine
from agent_framework.core.message_handler import advance_fully
from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.state import JobState, fold
from agent_framework.errors import JobBusyError, JobNotFoundError
from agent_framework.types import Attempt, AttemptKey, AttemptState, JobStatus, JSONDict, Snapshot

logger = logging.getLogger(__name__)

POLL_S = 60.0
"""How often an attempt is looked at that another execution started."""


ASKED_POLL_S = 9.0
"""How often an agent is looked at that waits for an approval while others of its step run."""


class UnstartedAttempts:
    """The dispatcher of the durable engine: its execution reads from the database which attempts to start."""

    async def dispatch(self, attempts: Sequence[Attempt]) -> None:
        """Nothing: the receipt says it."""

    async def job_ended(self, job_id: str) -> None:
        """Nothing to stop: what still runs somewhere is refused when it comes."""


class Receipts:
    """Advances a job and says, in a receipt, what its execution has to do next. ``engine`` dispatches nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._db = engine.jobs.db
        self._one_at_a_time = asyncio.Lock()

    async def of_job(self, job_id: str, run: int) -> JSONDict:
        """Where the run stands: ``{"over": status}``, or its open step with the attempts to start.

        A run that waits for an approval is over for its execution; the decision's wake starts the next part.

        Raises:
            JobBusyError: somebody else is advancing the job; it may be tried again at once.
        """
        snapshot = await self._advanced(job_id, run)
        if snapshot.job.run != run or snapshot.job.status.is_final:
            return {"over": snapshot.job.status.value if snapshot.job.run == run else "superseded"}
        if snapshot.job.status is JobStatus.WAITING_FOR_APPROVAL:
            return {"over": snapshot.job.status.value}
        state = _state_of(snapshot)
        step = state.cursor.open
        agents = unsettled(state)
        if step is None or not agents:
            raise JobBusyError(job_id)
        attempts = {agent: _receipt(snapshot, step, agent) for agent in agents}
        if not any(attempts.values()):
            raise JobBusyError(job_id)
        foreign = sum(1 for attempt in attempts.values() if attempt and "left_s" in attempt)
        deadline = deadline_of(state.cursor, state.plan, snapshot)
        return {
            "seq": step.seq,
            "agents": agents,
            "attempts": {agent: attempt for agent, attempt in attempts.items() if attempt},
            "at_once": state.plan.max_concurrent_agents,
            "operations": operations(state.plan, agents, foreign=foreign),
            "deadline_in_s": None if deadline is None else max(0.0, round(deadline - snapshot.now, 3)),
        }

    async def of_agent(self, key: AttemptKey, *, failed: bool | None = None) -> JSONDict:
        """What ``key.agent`` has to do next in its step: ``{"attempt": {...} | None}``.

        ``failed`` says how the invocation of ``key`` ended, if it was invoked. A failed one is over, whatever it had
        begun; after one that ended well its attempt cannot be waiting to start: both then count as crashed.

        Raises:
            JobBusyError: somebody else is advancing the job; it may be tried again at once.
        """
        snapshot = await self._advanced(key.job_id, key.run, lost=(key,) if failed else ())
        if failed is False and _is_pending(snapshot, key):
            logger.warning("attempt %s was invoked and did not start", key)
            snapshot = await self._advanced(key.job_id, key.run, lost=(key,))
        if snapshot.job.run != key.run or snapshot.job.status.is_final:
            return {"attempt": None}
        step = _state_of(snapshot).cursor.open
        if step is None or step.seq != key.seq or snapshot.job.status is JobStatus.WAITING_FOR_APPROVAL:
            return {"attempt": None}
        return {"attempt": _receipt(snapshot, step, key.agent) or _asked(snapshot, key)}

    async def deadline_in_s(self, job_id: str, run: int, seq: int) -> JSONDict:
        """Seconds until the job's deadline, after an advance; None once the step ``seq`` is over."""
        snapshot = await self._advanced(job_id, run)
        if snapshot.job.run != run or snapshot.job.status.is_final:
            return {"deadline_in_s": None}
        state = _state_of(snapshot)
        deadline = deadline_of(state.cursor, state.plan, snapshot)
        if deadline is None or state.cursor.open is None or state.cursor.open.seq != seq:
            return {"deadline_in_s": None}
        return {"deadline_in_s": max(0.0, round(deadline - snapshot.now, 3))}

    async def _advanced(self, job_id: str, run: int, *, lost: Sequence[AttemptKey] = ()) -> Snapshot:
        """The job after every decision that can be made now; branches of one execution take turns."""
        async with self._one_at_a_time:
            advanced = await advance_fully(self._engine, job_id, lost=lost)
            snapshot = await self._db.load(job_id)
        if snapshot is None:
            raise JobNotFoundError(job_id)
        if advanced is None and snapshot.job.run == run and not snapshot.job.status.is_final:
            raise JobBusyError(job_id)
        return snapshot


def _state_of(snapshot: Snapshot) -> JobState:
    return fold(PinnedPlan.from_dict(snapshot.job.plan or {}), snapshot)


def _asked(snapshot: Snapshot, key: AttemptKey) -> JSONDict | None:
    """What stands for an agent that waits for an approval while others of its step run: look again later."""
    waits = key.agent in _state_of(snapshot).asks().values()
    return {"number": key.number, "performer": "", "left_s": ASKED_POLL_S} if waits else None


def _is_pending(snapshot: Snapshot, key: AttemptKey) -> bool:
    return any(a.key == key and a.state is AttemptState.PENDING for a in snapshot.attempts)


def _receipt(snapshot: Snapshot, step: OpenStep, agent: str) -> JSONDict | None:
    """The agent's open attempt. ``left_s``: somebody started it, and it is given up after so many seconds."""
    run = snapshot.job.run
    for attempt in snapshot.attempts:
        key = attempt.key
        if (key.run, key.seq, key.agent) == (run, step.seq, agent) and attempt.state.is_open:
            receipt: JSONDict = {"number": key.number, "performer": attempt.performer}
            if attempt.state is AttemptState.STARTED:
                return {**receipt, "left_s": max(0.0, round(attempt.not_after - snapshot.now, 3))}
            return {**receipt, "in_s": max(0.0, round(attempt.not_before - snapshot.now, 3))}
    return None

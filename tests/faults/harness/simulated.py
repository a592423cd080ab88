"""One schedule in this process: virtual processes take turns, and a seed chooses who is next and what goes wrong.

1. submit  2. turns, deliveries, sweeps and faults, at random  3. no more faults: healthy processes must
bring it to an end  4. stopped processes go on, and try to write what they were about to  5. the promises are checked
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent_framework.core.crash import arm
from agent_framework.core.job_manager import LEASE_S, JobManager
from agent_framework.core.messages import advance_message
from agent_framework.core.pinned import GRACE_S
from agent_framework.errors import AgentFrameworkError, IllegalTransitionError
from agent_framework.types import JobStatus
from tests.faults.harness.audit import Audit, Finding, Outage, Watched
from tests.faults.harness.backends import Backend
from tests.faults.harness.checks import check
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import POINTS
from tests.faults.harness.process import Messages, Process
from tests.faults.harness.shapes import SHAPES, TIMEOUT_S, Shape
from tests.faults.harness.turns import SimulatedCrash, Turns, Work

SWEEP_S = 5.0
JUMP_S = 600.0
MOST_FAULTS = 6
MOST_MOVES = 5000
PROMISED_S = TIMEOUT_S + GRACE_S + LEASE_S + 2 * SWEEP_S
"""Seconds within which something happens to a job that is not at rest: an attempt's limit, the lease, the sweep."""


@dataclass(frozen=True)
class Parts:
    """What a schedule is made of; a mutation replaces one of them by something broken."""

    jobs: type[JobManager] = JobManager
    ledger: type[Ledger] = Ledger


@dataclass
class Told:
    """What happened in one schedule."""

    shape: str
    findings: list[Finding] = field(default_factory=list[Finding])
    counts: Counter[str] = field(default_factory=Counter[str])
    story: list[str] = field(default_factory=list[str])


class Schedule:
    """One job with its faults; the same ``seed`` does the same again."""

    def __init__(self, backend: Backend, seed: int, *, parts: Parts | None = None) -> None:
        self._parts = parts or Parts()
        self._backend = backend
        self._random = random.Random(seed)
        self._shape: Shape = self._random.choice(SHAPES)
        self._told = Told(self._shape.name)
        self._turns, self._audit, self._messages = Turns(), Audit(), Messages()
        self._ledger = self._parts.ledger()
        self._outages: list[Outage] = []
        self._processes: list[Process] = []
        self._dead: set[str] = set()
        self._knows_dead = self._random.random() < 0.5
        self._most_skew = JUMP_S if backend.own_clocks and self._random.random() < 0.3 else 0.0
        self._jumped = 2 * self._most_skew
        self._faults = self._random.randint(0, MOST_FAULTS)
        self._cancelled = self._retried = self._long_stop = False
        self._job = str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    async def run(self) -> Told:
        """Run it to the end, and check what must hold then."""
        try:
            await self._begin()
            await self._play()
            await self._recover()
            await self._wake_stopped()
            await self._check()
        finally:
            arm(None)
            await self._end_all()
            self._ledger.close()
        return self._told

    # -- 1: the beginning ------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            self._new_process()
        if self._random.random() < 0.1:
            await self._random.choice((Schedule._break_a_write, Schedule._crash_at_a_point))(self)
        submitted = False
        while not submitted:  # whoever was told nothing submits again, under the same id
            client = self._awake()[0]
            work = client.start("submit", client.jobs.submit(dict(self._shape.input), job_id=self._job))
            while not work.over:
                await self._step(work)
            submitted = work.error is None
        self._messages.waiting.append((advance_message(self._job), 0))

    def _new_process(self) -> Process:
        name = f"process-{len(self._dead) + len(self._processes)}-{self._job}"
        raw = self._backend.database(self._random.uniform(-self._most_skew, self._most_skew))
        process = Process(
            name,
            Watched(raw, self._turns, self._audit, self._outages, at_once=self._random.random() < 0.5),
            raw_db=raw,
            shape=self._shape,
            ledger=self._ledger,
            turns=self._turns,
            messages=self._messages,
            jobs=self._parts.jobs,
            is_dead=lambda owner: self._knows_dead and owner in self._dead,
        )
        self._processes.append(process)
        return process

    # -- 2: anything may happen ------------------------------------------------------------------------------

    async def _play(self) -> None:
        faults = (*_FAULTS, *((Schedule._hurt_backend,) if self._backend.faults else ()))
        for _ in range(MOST_MOVES):
            await self._go_on()
            if self._faults and self._random.random() < 0.12:
                self._faults -= 1
                await self._random.choice(faults)(self)
            elif not self._faults and self._random.random() < 0.1:
                return
            else:
                await self._move()
            if self._audit.final and not await self._retry():
                return

    async def _move(self) -> None:
        """A work goes on, a message is delivered, or time goes by and somebody sweeps."""
        works = [work for process in self._awake() for work in process.works]
        if works and (not self._messages.waiting or self._random.random() < 0.7):
            await self._step(self._random.choice(works))
        elif self._messages.waiting:
            self._deliver(self._random.randrange(len(self._messages.waiting)))
        else:
            await self._backend.pass_(SWEEP_S)
            for process in self._awake():
                if self._random.random() < 0.6:
                    process.start("sweep", process.sweep())

    def _awake(self) -> list[Process]:
        awake = [process for process in self._processes if not process.paused]
        return awake or [self._new_process()]

    def _deliver(self, number: int, *, keep: bool = False) -> None:
        body, received = self._messages.waiting[number]
        if not keep:
            del self._messages.waiting[number]
        process = self._random.choice(self._awake())
        work = process.start(f"handle {body.get('type')}", process.handle(body, received + 1))
        work.message = (body, received + 1)

    async def _step(self, work: Work) -> None:
        await self._turns.step(work)
        if not work.over:
            return
        process: Process = work.process
        if process.alive:
            process.works.remove(work)
        error = work.error
        if isinstance(error, SimulatedCrash):
            self._told.counts["crashes"] += 1
            await self._kill(process)
        elif isinstance(error, AgentFrameworkError):
            self._told.counts["refused"] += 1
            self._come_back(work)
        elif error is not None:
            raise error

    def _come_back(self, work: Work) -> None:
        """A message whose work failed comes back, unless it was lost."""
        if work.message is not None and self._random.random() < 0.5:
            self._messages.waiting.append(work.message)

    async def _kill(self, process: Process) -> None:
        """All that the process was doing ends where it stands."""
        process.alive = False
        self._dead.add(process.name)
        self._processes.remove(process)
        for work in process.works:
            await self._turns.step(work, crash=True)
            self._come_back(work)
        process.works.clear()
        if not self._processes:
            self._new_process()

    # -- faults ----------------------------------------------------------------------------------------------

    async def _crash_at_a_point(self) -> None:
        """The next process that passes the point for the n-th time dies there."""
        point, n = self._random.choice(POINTS), self._random.randint(1, 3)
        self._told.story.append(f"crash at {point}:{n}")
        arm(f"{point}:{n}", death=_crash)

    async def _stop_at_a_point(self) -> None:
        """The next process that passes the point is stopped there, until its claim and its attempts are over."""
        point = self._random.choice(POINTS)
        self._told.story.append(f"stop at {point}")
        arm(point, death=self._stop_whoever_runs)

    def _stop_whoever_runs(self) -> None:
        process = self._turns.running.process
        if process is not None:
            process.paused = True
            self._told.counts["pauses"] += 1
            self._long_stop = True

    async def _kill_one(self) -> None:
        self._told.counts["crashes"] += 1
        self._told.story.append("kill")
        await self._kill(self._random.choice(self._processes))

    async def _stop_one(self) -> None:
        """SIGSTOP: the process holds what it holds until it is told to go on, and time goes by."""
        process = self._random.choice(self._awake())
        process.paused = True
        self._told.counts["pauses"] += 1
        self._told.story.append(f"stop with {[work.what for work in process.works]}")
        if self._random.random() < 0.7:
            await self._backend.pass_(LEASE_S + TIMEOUT_S + GRACE_S)

    async def _go_on(self) -> None:
        """The time of a stop at a point passes; now and then a stopped process goes on in the middle of things."""
        if self._long_stop:
            self._long_stop = False
            await self._backend.pass_(LEASE_S + TIMEOUT_S + GRACE_S)
            await self._sweep_twice()
        for process in self._processes:
            process.paused = process.paused and self._random.random() < 0.9

    async def _repeat_a_message(self) -> None:
        if self._messages.waiting:
            self._told.story.append("duplicate")
            self._deliver(self._random.randrange(len(self._messages.waiting)), keep=True)

    async def _lose_a_message(self) -> None:
        if self._messages.waiting:
            self._told.story.append("lose")
            del self._messages.waiting[self._random.randrange(len(self._messages.waiting))]

    async def _sweep_twice(self) -> None:
        for process in self._awake() * 2:
            process.start("sweep", process.sweep())

    async def _cancel(self) -> None:
        if self._random.random() < 0.4:
            self._told.story.append("cancel")
            client = JobManager(self._backend.database(0.0), owner="client")
            try:
                await client.cancel(self._job)
            except IllegalTransitionError:
                return
            self._cancelled = True

    async def _jump(self) -> None:
        seconds = self._random.choice((-JUMP_S, JUMP_S))
        self._told.story.append(f"jump {seconds:+g}")
        self._jumped += JUMP_S
        await self._backend.pass_(seconds)

    async def _break_a_write(self) -> None:
        applied = self._random.random() < 0.7
        self._told.story.append(f"outage, applied={applied}")
        self._outages.append(Outage(applied))

    async def _hurt_backend(self) -> None:
        what = self._random.choice(self._backend.faults)
        self._told.story.append(what)
        self._told.counts[await self._backend.hurt(what)] += 1

    # -- 3: recovery -----------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """No more faults. Sweeps alone must bring the job to rest, and keep within the promised time."""
        arm(None)
        self._backend.calm()
        self._outages.clear()
        self._messages.waiting.clear()
        quiet_s, writes = 0.0, self._audit.writes
        while not (self._audit.final and not await self._retry()):
            works = [work for process in self._awake() for work in process.works]
            if works or self._messages.waiting:
                await self._move()
                continue
            if self._audit.writes != writes:
                quiet_s, writes = 0.0, self._audit.writes
            if quiet_s > PROMISED_S + self._jumped:
                return  # the check finds it stuck
            await self._backend.pass_(SWEEP_S)
            quiet_s += SWEEP_S
            process = self._random.choice(self._awake())
            process.start("sweep", process.sweep())

    async def _retry(self) -> bool:
        """Start the job again, where its shape says so."""
        if self._retried or not self._shape.retried:
            return False
        client = JobManager(Watched(self._backend.database(0.0), self._turns, self._audit, []), owner="client")
        job = await client.db._db.get_job(self._job)
        if job is None or job.status is not JobStatus.FAILED:
            return False
        process = self._awake()[0]
        retrying = process.start("retry", client.retry(self._job))
        await self._turns.step(retrying)
        await self._step(retrying)
        self._retried = True
        return True

    # -- 4 and 5: the end ------------------------------------------------------------------------------------

    async def _wake_stopped(self) -> None:
        """Stopped processes go on; whatever they write now comes too late."""
        for process in self._processes:
            process.paused = False
        while works := [work for process in self._processes for work in process.works]:
            await self._step(self._random.choice(works))

    async def _check(self) -> None:
        snapshot = await self._backend.database(0.0).load(self._job)
        found = check(self._shape, snapshot, self._ledger.effects(self._job), cancelled=self._cancelled)
        self._told.findings = [*self._audit.findings, *found]

    async def _end_all(self) -> None:
        for process in list(self._processes):
            for work in process.works:
                if not work.over:
                    await self._turns.step(work, crash=True)


def _crash() -> None:
    raise SimulatedCrash


Fault = Callable[[Schedule], Any]
_FAULTS: tuple[Fault, ...] = (
    Schedule._crash_at_a_point,
    Schedule._crash_at_a_point,
    Schedule._crash_at_a_point,
    Schedule._kill_one,
    Schedule._stop_at_a_point,
    Schedule._stop_at_a_point,
    Schedule._stop_one,
    Schedule._repeat_a_message,
    Schedule._lose_a_message,
    Schedule._sweep_twice,
    Schedule._cancel,
    Schedule._jump,
    Schedule._break_a_write,
)

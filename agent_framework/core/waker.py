"""Wakes within a process: whoever drives a job hears that something happened to it."""

import asyncio
from functools import partial

from agent_framework.core.alarms import Alarms


class Bell:
    """Rings when something happened to a job, for all that wait for it; it stays rung until it is cleared."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._is_rung = False
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Something happened."""
        self._is_rung = True
        for waiter in self._waiting:
            _let_go(waiter)

    def clear(self) -> None:
        """What happened so far was seen."""
        self._is_rung = False

    async def wait(self, seconds: float) -> bool:
        """Whether it rang, or rings within so many seconds."""
        if self._is_rung:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        alarm = self._alarms.set(seconds, partial(_let_go, waiter))
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            alarm.clear()
            self._waiting.remove(waiter)
        return self._is_rung


def _let_go(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class Waker:
    """The bells of the jobs that are driven in this process."""

    def __init__(self) -> None:
        self._bells: dict[str, Bell] = {}
        self._alarms = Alarms()

    def bell(self, job_id: str) -> Bell:
        """The bell of one job, made on first use."""
        bell = self._bells.get(job_id)
        if bell is None:
            bell = self._bells[job_id] = Bell(self._alarms)
        return bell

    async def wake(self, job_id: str) -> None:
        """Something happened to the job."""
        self.wake_now(job_id)

    def wake_now(self, job_id: str) -> None:
        """The same, where nothing can be awaited."""
        bell = self._bells.get(job_id)
        if bell is not None:
            bell.ring()

    def forget(self, job_id: str) -> None:
        """Nobody drives the job here any more."""
        self._bells.pop(job_id, None)

"""Works that take turns: coroutines of which one goes on at a time, from gate to gate, as somebody chooses.

So the order of everything is that of the chooser's random numbers, and a seed replays it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


class SimulatedCrash(BaseException):
    """The process that ran this is dead: no `except Exception` may hear of it."""


class Work:
    """One coroutine in a process; `over` once it came to an end, with its ``error`` if it had one."""

    def __init__(self, process: Any, what: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.process, self.what = process, what
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.message: tuple[Any, int] | None = None
        self._coroutine = coroutine
        self.task = asyncio.create_task(self._run(), name=what)

    async def _run(self) -> None:
        try:
            await self.turn
        except BaseException:
            self._coroutine.close()
            raise
        await self._coroutine

    @property
    def over(self) -> bool:
        """It ended."""
        return self.task.done()

    @property
    def error(self) -> BaseException | None:
        """What it ended with."""
        return self.task.exception() if self.task.done() else None


class Turns:
    """Lets works go on, one at a time."""

    def __init__(self) -> None:
        self._current: Work | None = None
        self._back: asyncio.Future[None] | None = None

    @property
    def running(self) -> Work:
        """The work that has the turn."""
        assert self._current is not None
        return self._current

    async def gate(self) -> None:
        """Called by the work that has the turn: wait for the next one."""
        work = self.running
        work.turn = asyncio.get_running_loop().create_future()
        self._give_back()
        await work.turn

    async def step(self, work: Work, *, crash: bool = False) -> None:
        """Let ``work`` go on to its next gate or its end; with ``crash`` it dies where it stands."""
        self._current = work
        back = self._back = asyncio.get_running_loop().create_future()
        work.task.add_done_callback(self._ended)
        if crash:
            work.turn.set_exception(SimulatedCrash(work.what))
        else:
            work.turn.set_result(None)
        await back
        work.task.remove_done_callback(self._ended)
        self._current = None
        _ = work.error  # asked for, so that the loop does not report a crash that was meant

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._give_back()

    def _give_back(self) -> None:
        if self._back is not None and not self._back.done():
            self._back.set_result(None)

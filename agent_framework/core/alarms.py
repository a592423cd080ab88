"""Time limits of many agents and jobs at once, with one timer of the event loop for all of them.

Nearly all are cleared long before their time: setting and clearing one is cheap.
"""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Self

_MANY = 64
"""Cleared alarms that are kept in any case, instead of looking for them."""


class Alarm:
    """One moment; ``ring`` is called then, unless it was cleared."""

    __slots__ = ("_alarms", "ring")

    def __init__(self, ring: Callable[[], object], alarms: "_LoopAlarms") -> None:
        self.ring: Callable[[], object] | None = ring
        self._alarms = alarms

    def clear(self) -> None:
        """It is not wanted any more; harmless when it has rung."""
        if self.ring is not None:
            self.ring = None
            self._alarms.cleared += 1


class Alarms:
    """Alarms of whatever event loop asks."""

    def __init__(self) -> None:
        self._of: dict[asyncio.AbstractEventLoop, _LoopAlarms] = {}

    def set(self, after_s: float, ring: Callable[[], object]) -> Alarm:
        """Call ``ring`` on the running event loop, after so many seconds."""
        loop = asyncio.get_running_loop()
        alarms = self._of.get(loop)
        if alarms is None:
            self._of = {other: its for other, its in self._of.items() if not other.is_closed()}
            alarms = self._of[loop] = _LoopAlarms(loop)
        return alarms.set(loop.time() + after_s, ring)

    def limit(self, seconds: float) -> "Limit":
        """From now on the running task has so many seconds for what stands in the limit's ``with``."""
        return Limit(self, seconds)


class Limit:
    """What ``asyncio.timeout`` is, on an alarm: past its time the task is cancelled, which ends as `TimeoutError`.

    ``is_over`` tells whether it was this limit that did it.
    """

    __slots__ = ("_alarm", "_cancelling", "_task", "is_over")

    def __init__(self, alarms: Alarms, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is set by the task that it is for")
        self.is_over = False
        self._task = task
        self._cancelling = task.cancelling()
        self._alarm = alarms.set(seconds, self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._alarm.clear()
        if self.is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self.is_over = True
        self._task.cancel()


class _LoopAlarms:
    """The alarms of one event loop, by their moments."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.cleared = 0
        self._loop = loop
        self._heap: list[tuple[float, int, Alarm]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float, ring: Callable[[], object]) -> Alarm:
        alarm = Alarm(ring, self)
        heapq.heappush(self._heap, (at, next(self._numbers), alarm))
        if self._timer is None or at < self._timer.when():
            self._wait_until(at)
        elif self.cleared > _MANY and self.cleared > len(self._heap) // 2:
            self._heap = [one for one in self._heap if one[2].ring is not None]
            heapq.heapify(self._heap)
            self.cleared = 0
        return alarm

    def _wait_until(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due: list[Alarm] = []
        while self._heap and (self._heap[0][0] <= self._loop.time() or self._heap[0][2].ring is None):
            alarm = heapq.heappop(self._heap)[2]
            if alarm.ring is None:
                self.cleared -= 1
            else:
                due.append(alarm)
        if self._heap:
            self._wait_until(self._heap[0][0])
        for alarm in due:
            ring, alarm.ring = alarm.ring, None
            if ring is not None:
                ring()

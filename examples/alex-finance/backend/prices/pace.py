"""A rate limit: at most so many calls in any so many seconds. Clock and sleep are passed in."""

import threading
from collections import deque
from collections.abc import Callable


class Pace:
    """Waits before a call that would be too many; serves threads of one process."""

    def __init__(
        self, calls: int, seconds: float, *, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._seconds = seconds
        self._made: deque[float] = deque(maxlen=calls)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when one more call is allowed, and count it."""
        with self._lock:
            if len(self._made) == self._made.maxlen:
                left = self._made[0] + self._seconds - self._clock()
                if left > 0:
                    self._sleep(left)
            self._made.append(self._clock())

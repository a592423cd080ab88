"""A clock that goes on only when it is told to."""


class FakeClock:
    """``clock()`` is the time in seconds; `pass_` lets some go by."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let ``seconds`` go by."""
        self.now += seconds

"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """``tiny`` is for trying the benchmark itself: the least of everything, which measures nothing."""

    rounds: int = 5
    tiny: bool = False

    def size(self, normal: int, tiny: int = 1) -> int:
        """A number of repetitions."""
        return tiny if self.tiny else normal

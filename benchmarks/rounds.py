"""Rounds: contestants take turns (A B C, A B C, ...), each time in a fresh process that reports what it measured.

So a machine that is slow for a while is slow for all of them. The peers live in an environment of their own, because
their dependencies and ours exclude each other.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.options import Options

REPOSITORY = Path(__file__).parents[1]
PEERS = REPOSITORY / ".venvs" / "bench" / "bin" / "python"
"""The peers' Python: ``make bench`` makes it from requirements/bench.txt."""

TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Contestant:
    """One of those that are compared: ``python -m benchmarks.contestants.<module> <order as JSON>``.

    The process prints one line of JSON: numbers by name, and under ``facts`` what must be known to judge them.
    """

    name: str
    module: str
    order: Mapping[str, Any] = field(default_factory=dict[str, Any])
    peer: bool = False

    @property
    def python(self) -> Path:
        """The interpreter that it runs with."""
        return PEERS if self.peer else Path(sys.executable)

    def run(self) -> dict[str, Any]:
        """One turn.

        Raises:
            RuntimeError: its process failed; the message holds the end of what it said.
        """
        ran = subprocess.run(
            [str(self.python), "-m", f"benchmarks.contestants.{self.module}", json.dumps(dict(self.order))],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PYTHONPATH": str(REPOSITORY),
                "PYTHONWARNINGS": "ignore",
                "PYTHONDONTWRITEBYTECODE": "",  # our modules would be compiled in each turn, the peers' are already
            },
            check=False,
        )
        if ran.returncode != 0:
            raise RuntimeError(f"{self.name} failed: {ran.stderr[-2000:]}")
        return json.loads(ran.stdout.splitlines()[-1])


@dataclass(frozen=True)
class Measured:
    """All turns of one contestant."""

    contestant: Contestant
    turns: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """What the contestant is called."""
        return self.contestant.name

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it told about itself."""
        return self.turns[-1].get("facts", {})

    def values(self, key: str) -> list[float]:
        """One number of each turn."""
        return [float(turn[key]) for turn in self.turns]

    def median(self, key: str) -> float:
        """The median of its turns."""
        return statistics.median(self.values(key))

    def shown(self, key: str, form: str = ",.0f") -> str:
        """The median with the lowest and the highest turn."""
        low, high = min(self.values(key)), max(self.values(key))
        return f"{self.median(key):{form}} ({low:{form}} to {high:{form}})"


def ratio(one: Measured, other: Measured, key: str) -> float:
    """The median of the ratios within each round, so that both were measured under the same conditions."""
    return statistics.median(a / b for a, b in zip(one.values(key), other.values(key), strict=True))


def take_turns(contestants: Sequence[Contestant], options: Options) -> dict[str, Measured]:
    """Let all take turns; peers are left out of a tiny run, and where their environment is missing."""
    invited = [contestant for contestant in contestants if not (options.tiny and contestant.peer)]
    present = [contestant for contestant in invited if contestant.python.exists()]
    for missing in (contestant for contestant in invited if contestant not in present):
        print(f"{missing.name}: not installed here ('make bench' does it), left out", file=sys.stderr)
    turns: dict[str, list[dict[str, Any]]] = {contestant.name: [] for contestant in present}
    for _ in range(options.rounds):
        for contestant in present:
            turns[contestant.name].append(contestant.run())
    return {contestant.name: Measured(contestant, turns[contestant.name]) for contestant in present}

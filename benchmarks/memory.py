"""``python -m benchmarks.memory``: resident memory with many jobs at once, and after many jobs."""

import sys
from dataclasses import replace

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, take_turns
from benchmarks.table import Goal, Table

TOGETHER, MARKS = 1000, (5_000, 50_000)


def measure(options: Options) -> Table:
    """The jobs at once in each round; the long run once, because it takes minutes and hardly varies."""
    jobs = options.size(TOGETHER, 3)
    marks = [options.size(mark, n) for n, mark in enumerate(MARKS, start=1)]
    at_once = take_turns([Contestant("at once", "resident", {"together": jobs})], options)["at once"]
    long = take_turns([Contestant("long", "resident", {"marks": marks})], replace(options, rounds=1))["long"]
    first, last = (long.median(f"after_{mark}_mb") for mark in marks)
    return Table(
        "Resident memory of one process",
        ["jobs of four agents", "MB"],
        [
            ["none yet", at_once.shown("before_mb")],
            [f"{jobs:,} at the same time", at_once.shown("most_mb")],
            *([f"after {mark:,}", long.shown(f"after_{mark}_mb")] for mark in marks),
        ],
        [
            Goal(f"MB with {jobs:,} jobs at the same time", at_once.median("most_mb"), 300, form=".0f"),
            Goal(f"from job {marks[0]:,} to job {marks[1]:,}, times", last / first, 1.05),
        ],
    )


if __name__ == "__main__":
    sys.exit(main("memory", measure))

"""``python -m benchmarks.growth``: how the time of a job grows with the table, the fan-out and the input.

There are no goals here: the curves are to be looked at, and a bend in one of them is a bug.
"""

import sys

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, Measured, take_turns
from benchmarks.table import Table

ORDINARY = {"table": 1, "agents": 4, "bytes": 100, "jobs": 20}
TABLES = (10, 100, 1_000, 10_000, 100_000)
FANS = (1, 10, 100, 1_000)
INPUTS = (1_000, 10_000, 100_000, 1_000_000)
_BAR = 40


def measure(options: Options) -> Table:
    """All points of all curves take turns."""
    ordinary = {**ORDINARY, "jobs": options.size(20)}
    curves = {
        "jobs in the table": [("table", n, ordinary) for n in TABLES[: options.size(len(TABLES))]],
        "agents at once": [
            ("agents", n, {**ordinary, "jobs": options.size(max(2, 20 // n))}) for n in FANS[: options.size(len(FANS))]
        ],
        "bytes of input": [("bytes", n, ordinary) for n in INPUTS[: options.size(len(INPUTS))]],
    }
    points = {
        f"{curve}: {n:,}": Contestant(f"{curve}: {n:,}", "growing", {**order, key: n})
        for curve, values in curves.items()
        for key, n, order in values
    }
    found = take_turns(list(points.values()), options)
    rows: list[list[str]] = []
    for curve, values in curves.items():
        of_curve = [(n, found[f"{curve}: {n:,}"]) for _, n, _ in values]
        most = max(one.median("job_us") for _, one in of_curve)
        rows += [[curve, f"{n:,}", one.shown("job_us"), _bar(one, most)] for n, one in of_curve]
    return Table(
        "Growth: jobs one after another",
        ["what grows", "to", "us a job", "curve"],
        rows,
        notes=[f"elsewhere {ORDINARY['agents']} agents at once and {ORDINARY['bytes']} bytes of input"],
    )


def _bar(one: Measured, most: float) -> str:
    return "#" * max(1, round(_BAR * one.median("job_us") / most))


if __name__ == "__main__":
    sys.exit(main("growth", measure))

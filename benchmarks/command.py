"""What all benchmarks share: measure, print, write the page, and say by the exit code what was missed."""

import argparse
from collections.abc import Callable

from benchmarks import machine, page
from benchmarks.options import Options
from benchmarks.table import Table


def main(name: str, measure: Callable[[Options], Table]) -> int:
    """Run one benchmark; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant (default 5)")
    parser.add_argument(
        "--tiny", action="store_true", help="try the benchmark itself: one small round of ours, no goals"
    )
    parser.add_argument("--keep", action="store_true", help="leave docs/performance.md as it is")
    given = parser.parse_args()
    options = Options(1 if given.tiny else given.rounds, given.tiny)
    table = measure(options)
    measured = f"Measured {machine.described()}; median of {options.rounds} interleaved rounds (lowest to highest)."
    print(f"{table.as_text()}\n{measured}")
    if given.tiny:
        return 0
    if not given.keep:
        page.write(name, f"{table.as_markdown()}\n{measured}")
    return 0 if all(goal.is_met for goal in table.goals) else 1

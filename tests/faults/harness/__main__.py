"""The fault harness: ``python -m tests.faults.harness --backend sqlite --count 1000 --seed 1``, or ``make faults``.

A schedule is one job and what goes wrong with it, all from one seed. `simulated` runs it in this process with virtual
processes that take turns (`turns`, `process`), `killed` with real ones (`child`). `shapes` are the jobs, `ledger` is
what they act on, `audit` keeps the books, `reference` knows the right end, `checks` compares, and `mutations` prove
that the harness finds what it is there for.
"""

import argparse
import logging
import signal
import sys

from tests.faults.harness.runner import BACKENDS, Runner


def main() -> int:
    """Run the schedules, print the table; 1 if a promise was broken. Interrupted, it prints what it has come to."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.harness", description="Random faults by seed.")
    parser.add_argument("--backend", choices=sorted(BACKENDS), default="sqlite")
    parser.add_argument("--count", type=int, default=1000, help="schedules")
    parser.add_argument("--seed", type=int, default=1, help="the first schedule's seed; the others count up from it")
    chosen = parser.parse_args()
    logging.disable(logging.ERROR)  # refused writes and cut connections are what this is about
    runner = Runner(BACKENDS[chosen.backend](), say=lambda line: print(line, flush=True))
    signal.signal(signal.SIGINT, lambda number, frame: runner.stop())
    report = runner.run(chosen.count, chosen.seed)
    cut_off = report.counts["schedules"] < chosen.count
    last, after = chosen.seed + report.counts["schedules"] - 1, "cut off after" if cut_off else "done in"
    print(f"backend {chosen.backend}, seeds {chosen.seed} to {last}, {after} {report.seconds:,.0f} s")
    print(report.table())
    print(report.last_line())
    return 1 if report.failed else 130 if cut_off else 0


if __name__ == "__main__":
    sys.exit(main())

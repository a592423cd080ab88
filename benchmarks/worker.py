"""``python -m benchmarks.worker``: what running an agent costs above a bare ``Runner.run``, with a stub model."""

import statistics
import sys
from collections.abc import Mapping

from benchmarks.command import Options, main
from benchmarks.rounds import Contestant, Measured, take_turns
from benchmarks.table import Goal, Table

BARE, OURS = "Agents SDK, Runner.run", "agent_framework"
AT_ONCE = (1, 50)
LIMIT_US = 100.0


def measure(options: Options) -> Table:
    """Let both take turns, one run at a time and fifty."""
    found = {at_once: _turns(at_once, options) for at_once in AT_ONCE}
    overheads = {at_once: _overhead_us(found[at_once]) for at_once in AT_ONCE}
    rows = [[name, *(found[at_once][name].shown("run_us") for at_once in AT_ONCE)] for name in (BARE, OURS)]
    return Table(
        "Worker runtime: one agent with a stub model",
        ["runner", *(f"us a run, {at_once} at once" for at_once in AT_ONCE)],
        rows,
        [Goal(f"us above Runner.run, {n} at once", overheads[n], LIMIT_US, form=".0f") for n in AT_ONCE],
        [f"openai-agents {found[1][BARE].facts['versions']['openai-agents']}; without the database"],
    )


def _turns(at_once: int, options: Options) -> Mapping[str, Measured]:
    order = {"at_once": at_once, "times": options.size(1000, at_once)}
    kinds = {BARE: "bare", OURS: "ours"}
    return take_turns(
        [Contestant(name, "worker_runtime", {**order, "kind": kind}) for name, kind in kinds.items()], options.rounds
    )


def _overhead_us(found: Mapping[str, Measured]) -> float:
    pairs = zip(found[OURS].values("run_us"), found[BARE].values("run_us"), strict=True)
    return statistics.median(ours - bare for ours, bare in pairs)


if __name__ == "__main__":
    sys.exit(main("worker", measure))

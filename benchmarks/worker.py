"""``python -m benchmarks.worker``: what running an agent costs above a bare ``Runner.run``, with a stub model."""

import sys

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, take_turns
from benchmarks.table import Goal, Table

AT_ONCE = (1, 50)
LIMIT_US = 100.0


def measure(options: Options) -> Table:
    """One run at a time and fifty; both runners take turns within each process."""
    orders = {f"{n} at once": {"at_once": n, "times": options.size(1000)} for n in AT_ONCE}
    found = take_turns([Contestant(name, "worker_runtime", order) for name, order in orders.items()], options)
    return Table(
        "Worker runtime: one agent with a stub model, us of CPU time a run",
        ["runs", "Agents SDK, Runner.run", "agent_framework", "difference"],
        [[name, *(one.shown(key) for key in ("bare_us", "ours_us", "above_us"))] for name, one in found.items()],
        [
            Goal(f"us above Runner.run, {name}", one.median("above_us"), LIMIT_US, form=".0f")
            for name, one in found.items()
        ],
        [f"openai-agents {one.facts['versions']['openai-agents']}; without the database" for one in found.values()][:1],
    )


if __name__ == "__main__":
    sys.exit(main("worker", measure))

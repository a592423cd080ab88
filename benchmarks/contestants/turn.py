"""What contestants share: the order they are given, the workloads of the engines, and the answer they print."""

import gc
import json
import sys
import time
from typing import Any

CHAIN = tuple(f"link_{n}" for n in range(10))
FAN = tuple(f"part_{n}" for n in range(100))
FIRST, THEN = "first", ("left", "middle", "right")
"""Workloads: ten agents one after another; a hundred at once; one and then three at once."""


def steps_of(workload: str) -> int:
    """How many agents one job of a workload runs."""
    return {"chain": len(CHAIN), "fan": len(FAN), "jobs": 1 + len(THEN)}[workload]


def order() -> dict[str, Any]:
    """What this process is to do."""
    return json.loads(sys.argv[1])


def clock_starts() -> float:
    """The moment of it, once the garbage collector has been told to leave alone what is loaded by then.

    Our workers and functions do so too, as a server should: full collections walk through all modules otherwise, and
    how many of them fall into a turn is chance.
    """
    gc.collect()
    gc.freeze()
    return time.perf_counter()


def answer(given: dict[str, Any], seconds: float, **facts: Any) -> None:
    """Print what was measured: microseconds of a step, jobs a second."""
    jobs = given["jobs"]
    steps = jobs * steps_of(given["workload"])
    print(json.dumps({"step_us": seconds / steps * 1e6, "jobs_s": jobs / seconds, "facts": facts}))

"""Importing modules, timed by the very probe that ``agent-framework package`` runs with Lambda's Python.

CPU time is told too: on a machine that others use, it is what can be compared.
"""

import json
import resource
import runpy
import time

from benchmarks.contestants.turn import order
from benchmarks.machine import versions
from benchmarks.rounds import REPOSITORY

PROBE = REPOSITORY / "agent_framework" / "cli" / "deployment" / "packaging" / "probe.py"


def main() -> None:
    """One turn."""
    given = order()
    import_all = runpy.run_path(str(PROBE))["main"]
    begun = time.process_time()
    told = import_all("", "", *given["modules"])
    cpu_ms = (time.process_time() - begun) * 1000
    if "ms" not in told:
        raise RuntimeError(str(told))
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts = {"versions": versions(given.get("distributions", ()))}
    print(json.dumps({"ms": told["ms"], "cpu_ms": cpu_ms, "rss_mb": rss_mb, "facts": facts}))


if __name__ == "__main__":
    main()

"""Importing modules, timed by the very probe that ``agent-framework package`` runs with Lambda's Python."""

import json
import resource
import runpy

from benchmarks.contestants.turn import order
from benchmarks.machine import versions
from benchmarks.rounds import REPOSITORY

PROBE = REPOSITORY / "agent_framework" / "cli" / "deployment" / "packaging" / "probe.py"


def main() -> None:
    """One turn."""
    given = order()
    import_all = runpy.run_path(str(PROBE))["main"]
    told = import_all("", "", *given["modules"])
    if "ms" not in told:
        raise RuntimeError(str(told))
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts = {"versions": versions(given.get("distributions", ()))}
    print(json.dumps({"ms": told["ms"], "rss_mb": rss_mb, "facts": facts}))


if __name__ == "__main__":
    main()

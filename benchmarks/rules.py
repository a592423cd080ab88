"""``python -m benchmarks.rules``: evaluations of one condition a second."""

import sys

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, ratio, take_turns
from benchmarks.table import Goal, Table

OURS, EVAL = "agent_framework", "eval (unsafe)"
LIBRARIES = ("simpleeval", "jmespath", "common-expression-language")


def _contestant(name: str, kind: str, times: int, distribution: str = "", *, peer: bool = False) -> Contestant:
    return Contestant(
        name, "rules", {"kind": kind, "times": times, "distributions": [distribution] if distribution else []}, peer
    )


def measure(options: Options) -> Table:
    """Let all take turns."""
    many, few = options.size(500_000, 10), options.size(20_000, 10)
    found = take_turns(
        [
            _contestant(OURS, "ours", many, "serverless-agent-framework"),
            _contestant("agent_framework, explained", "explained", many // 4 + 1, "serverless-agent-framework"),
            _contestant(EVAL, "eval", many),
            _contestant("simpleeval", "simpleeval", few, "simpleeval", peer=True),
            _contestant("jmespath", "jmespath", few, "jmespath", peer=True),
            _contestant("common-expression-language", "cel", few, "common-expression-language", peer=True),
        ],
        options,
    )
    ours = found[OURS]
    libraries = [found[name] for name in LIBRARIES if name in found]
    best = max(libraries, key=lambda library: library.median("a_second"), default=None)
    rows = [
        [name, one.shown("a_second"), one.shown("compile_us"), "".join(one.facts["versions"].values())]
        for name, one in found.items()
    ]
    return Table(
        "Rules: `input.amount > 100 and input.country == 'DE' and results.check.score >= 0.8`",
        ["language", "evaluations a second", "us to compile", "version"],
        rows,
        [
            Goal("times the best library", ratio(ours, best, "a_second") if best else None, 10, at_least=True),
            Goal("of eval", ratio(ours, found[EVAL], "a_second"), 0.6, at_least=True),
        ],
    )


if __name__ == "__main__":
    sys.exit(main("rules", measure))

"""``python -m benchmarks.engine``: what an engine costs with agents that do nothing, durable on SQLite."""

import sys
from collections.abc import Mapping

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, Measured, ratio, take_turns
from benchmarks.table import Goal, Table

OURS, PEER, GROUP = "agent_framework", "langgraph, default", "sqlite3, group commit"
TASKS = "sqlite3 and asyncio, a task for each agent"
WORKLOADS = {"chain": (60, 1), "fan": (15, 1), "jobs": (1200, 50)}
"""How many jobs, and how many at once: chains of 10, fans of 100, and jobs of 1 and then 3 side by side."""
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def contestants(workload: str, options: Options) -> list[Contestant]:
    """Who takes part in a workload."""
    jobs, at_once = WORKLOADS[workload]
    order = {"workload": workload, "jobs": options.size(jobs), "at_once": at_once}
    slow = {**order, "jobs": options.size(max(1, jobs // 4))}
    return [
        Contestant(OURS, "ours", order),
        Contestant(PEER, "langgraph_sqlite", {**slow, "durability": "async"}, peer=True),
        Contestant("langgraph, sync", "langgraph_sqlite", {**slow, "durability": "sync"}, peer=True),
        Contestant("dbos", "dbos_engine", {**slow, "jobs": options.size(max(1, jobs // 8))}, peer=True),
        Contestant("sqlite3, commit per step", "raw_sqlite", {**order, "commit": "step"}),
        Contestant(TASKS, "raw_tasks", order),
        Contestant(GROUP, "raw_sqlite", {**order, "commit": "group"}),
    ]


def measure(options: Options) -> Table:
    """Let all take turns in each workload."""
    found = {name: take_turns(contestants(name, options), options) for name in WORKLOADS}
    rows = [
        [name, found["chain"][name].shown("step_us"), found["fan"][name].shown("step_us"),
         found["jobs"][name].shown("jobs_s"), _settings(found["jobs"][name])]
        for name in found["jobs"]
    ]  # fmt: skip
    return Table(
        "Engine on SQLite, agents that do nothing",
        [
            "engine",
            "chain of 10, us a step",
            "fan of 100, us a step",
            "jobs of 1 then 3, a second",
            "settings read back",
        ],
        rows,
        [
            Goal("jobs a second, times langgraph's default", _ratio(found, "jobs", PEER, "jobs_s"), 10, at_least=True),
            Goal("chain, of langgraph's time", _ratio(found, "chain", PEER, "step_us"), 0.4),
            Goal("fan, of langgraph's time", _ratio(found, "fan", PEER, "step_us"), 0.16),
            Goal("fan, times the group-commit limit", _ratio(found, "fan", GROUP, "step_us"), 3.1),
        ],
        [
            "every engine is acknowledged after its commit, except langgraph's default, which writes behind its steps",
            _least(found),
        ],
    )


def _least(found: Mapping[str, Mapping[str, Measured]]) -> str:
    """How near the least that an engine with a task for each agent does is to the group-commit limit."""
    least = ratio(found["fan"][TASKS], found["fan"][GROUP], "step_us")
    return f"fan with nothing but a task, a time limit and its records for each agent, times that limit: {least:.2f}"


def _ratio(found: Mapping[str, Mapping[str, Measured]], workload: str, other: str, key: str) -> float | None:
    measured = found[workload]
    return ratio(measured[OURS], measured[other], key) if other in measured else None


def _settings(measured: Measured) -> str:
    facts = measured.facts
    settings = {name: SYNCHRONOUS.get(value, value) for name, value in facts.get("settings", {}).items()}
    told = [f"{name} {version}" for name, version in facts.get("versions", {}).items()]
    return ", ".join([*told, *(f"{name}={value}" for name, value in settings.items())])


if __name__ == "__main__":
    sys.exit(main("engine", measure))

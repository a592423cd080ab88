"""``python -m benchmarks.imports``: what a cold start loads, each in a fresh process with bytecode present.

The goals compare CPU time, which others on the machine disturb least.
"""

import sys
from collections.abc import Mapping

from benchmarks.command import main
from benchmarks.options import Options
from benchmarks.rounds import Contestant, Measured, ratio, take_turns
from benchmarks.table import Goal, Table

PYDANTIC, OURS, PROJECT = "pydantic", "agent_framework", "Project (run and test)"
ORCHESTRATOR, WORKER = "orchestrator's handler", "Bedrock worker"
FIRST_EVENT = "orchestrator's handler, and a job advanced"
STRANDS, LITELLM, SDK = "strands Agent + BedrockModel", "Agents SDK + LitellmModel", "Agents SDK alone"
HANDLER = "agent_framework.core.base_handler"
"""What a function's module imports; making the handler there imports its role too."""
RUNS_AN_AGENT = (
    "agent_framework.core.lambda_worker",
    "agent_framework.core.agent_runner",
    "agent_framework.infrastructure.llm.runner",
    "agent_framework.infrastructure.llm.converse",
)
SDK_VERSIONS = ("openai-agents", "litellm")


def _imports(name: str, modules: list[str], distributions: tuple[str, ...], *, peer: bool = False) -> Contestant:
    return Contestant(name, "imports", {"modules": modules, "distributions": distributions}, peer)


CONTESTANTS = (
    _imports(PYDANTIC, ["pydantic.main"], ("pydantic",)),
    _imports(OURS, ["agent_framework"], ("serverless-agent-framework",)),
    _imports(PROJECT, ["agent_framework.core.runtime"], ("serverless-agent-framework",)),
    _imports(ORCHESTRATOR, [HANDLER, "agent_framework.core.lambda_orchestrator"], ("serverless-agent-framework",)),
    Contestant(FIRST_EVENT, "first_event"),
    _imports(STRANDS, ["strands", "strands.models.bedrock"], ("strands-agents",), peer=True),
    _imports("langgraph StateGraph", ["langgraph.graph"], ("langgraph",), peer=True),
    _imports("pydantic-graph", ["pydantic_graph"], ("pydantic-graph",), peer=True),
    _imports(SDK, ["agents"], ("openai-agents",)),
    _imports(
        WORKER,
        [HANDLER, *RUNS_AN_AGENT, "boto3"],
        ("openai-agents", "boto3"),
    ),
    _imports(LITELLM, ["agents.extensions.models.litellm_model"], SDK_VERSIONS),
)


def measure(options: Options) -> Table:
    """Let all take turns."""
    found = take_turns(CONTESTANTS, options)
    rows = [
        [name, one.shown("cpu_ms"), one.shown("ms"), f"{one.median('rss_mb'):.0f}", _versions(one)]
        for name, one in found.items()
    ]
    above = found[OURS].median("cpu_ms") - found[PYDANTIC].median("cpu_ms")
    with_project = found[PROJECT].median("cpu_ms") - found[PYDANTIC].median("cpu_ms")
    return Table(
        "Cold start: imports",
        ["import", "ms of CPU", "ms", "peak memory, MB", "versions"],
        rows,
        [
            Goal("agent_framework, ms above pydantic", above, 50, form=".0f"),
            Goal("orchestrator's handler, of strands + BedrockModel", _ratio(found, ORCHESTRATOR, STRANDS), 0.6),
            Goal("Bedrock worker, of LitellmModel", _ratio(found, WORKER, LITELLM), 0.5),
        ],
        [f"`import agent_framework` loads things when used; `Project`: {with_project:.0f} ms of CPU above pydantic"],
    )


def _ratio(found: Mapping[str, Measured], one: str, other: str) -> float | None:
    return ratio(found[one], found[other], "cpu_ms") if other in found else None


def _versions(one: Measured) -> str:
    return ", ".join(f"{name} {version}" for name, version in one.facts["versions"].items())


if __name__ == "__main__":
    sys.exit(main("imports", measure))

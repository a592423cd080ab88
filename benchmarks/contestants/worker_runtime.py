"""One agent run again and again with a stub model: by the bare Agents SDK, or by the package's runner.

What the database costs is the engine's benchmark; here the job is in memory.
"""

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agents import Agent, RunConfig, Runner
from agents.testing import ScriptedModel, assistant_message

from agent_framework import AgentConfig, BaseAgent, Job, Project
from agent_framework.core.execution import Work
from agent_framework.core.pinned import without_rules
from agent_framework.core.state import Mode
from agent_framework.types import AttemptKey, JobStatus
from benchmarks.contestants.turn import order
from benchmarks.machine import versions

INSTRUCTIONS = "Answer with one word."


def model() -> Any:
    """A model that answers at once."""
    return ScriptedModel([[assistant_message("done")]])


class Stubbed(BaseAgent):
    """An agent of the package with that model."""

    instructions = INSTRUCTIONS

    def build_model(self) -> Any:
        return model()


async def bare() -> None:
    """The SDK alone."""
    agent = Agent(name="worker", instructions=INSTRUCTIONS, model=model())
    result = await Runner.run(agent, "Input:\n{}", run_config=RunConfig(tracing_disabled=True))
    assert result.final_output == "done"


def runner_of(project: Project) -> Callable[[], Awaitable[None]]:
    """The same through the runner of a project."""
    plan = without_rules(project.config)
    job = Job("job", "user", "default", JobStatus.RUNNING, {})

    async def run() -> None:
        key = AttemptKey("job", 1, 1, "worker", next(numbers))
        done, _ = await project.runner.run(Work(key, "worker", Mode.RULE, plan, {}, job=job))
        assert done.value == {"result": "done"}

    numbers = iter(range(10**9))
    return run


async def seconds(run: Callable[[], Awaitable[None]], times: int, at_once: int) -> float:
    """How long ``times`` runs take, ``at_once`` of them at a time."""
    for _ in range(5):
        await run()
    gc.collect()
    begun = time.perf_counter()
    for _ in range(times // at_once):
        await asyncio.gather(*(run() for _ in range(at_once)))
    return time.perf_counter() - begun


async def main() -> None:
    """One turn."""
    given = order()
    times = given["times"] // given["at_once"] * given["at_once"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "agents.yaml").write_text("project: {name: bench}\nagents:\n  worker: {}\n", "utf-8")
        project = Project.open(folder, environ={})
        project.registry.register("worker", Stubbed, AgentConfig(name="worker"))
        took = await seconds(bare if given["kind"] == "bare" else runner_of(project), times, given["at_once"])
    facts = {"versions": versions(["openai-agents"])}
    print(json.dumps({"run_us": took / times * 1e6, "facts": facts}))


if __name__ == "__main__":
    asyncio.run(main())

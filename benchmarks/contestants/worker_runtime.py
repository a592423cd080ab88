"""One agent run again and again with a stub model: by the bare Agents SDK and by the package's runner, in turns.

Both take turns in one process and CPU time is what counts, since the difference is a small part of either. What the
database costs is the engine's benchmark; here the job is in memory.
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
from agent_framework.core.cursor import Mode
from agent_framework.core.pinned import without_rules
from agent_framework.core.work import Work
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


CHUNKS = 20


async def cpu_us(run: Callable[[], Awaitable[None]], times: int, at_once: int) -> float:
    """CPU microseconds of ``times`` runs, ``at_once`` of them at a time."""
    begun = time.process_time()
    for _ in range(times // at_once):
        await asyncio.gather(*(run() for _ in range(at_once)))
    return (time.process_time() - begun) * 1e6


async def main() -> None:
    """One turn."""
    given = order()
    at_once = given["at_once"]
    times = max(1, given["times"] // CHUNKS // at_once) * at_once
    spent = {"bare_us": 0.0, "ours_us": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "agents.yaml").write_text("project: {name: bench}\nagents:\n  worker: {}\n", "utf-8")
        project = Project.open(folder, environ={})
        project.registry.register("worker", Stubbed, AgentConfig(name="worker"))
        runs = {"bare_us": bare, "ours_us": runner_of(project)}
        for run in runs.values():
            await cpu_us(run, 5, 1)
        gc.collect()
        for _ in range(CHUNKS):
            for name, run in runs.items():
                spent[name] += await cpu_us(run, times, at_once) / times / CHUNKS
    facts = {"versions": versions(["openai-agents"])}
    print(json.dumps({**spent, "above_us": spent["ours_us"] - spent["bare_us"], "facts": facts}))


if __name__ == "__main__":
    asyncio.run(main())

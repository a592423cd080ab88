"""Row 29: a model that calls tools without end is stopped by its turns, by the job's tokens, or by its price."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent_framework import JobStatus, Project
from tests.support.model_servers import ModelServer, calls
from tests.support.projects import write_agent_file, yaml_of

AGENT = """
from pathlib import Path
from agent_framework import BaseAgent, agent, tool

@tool
def look(page: int) -> str:
    "Looks at a page."
    with Path({log!r}).open("a") as log:
        log.write("looked\\n")
    return "see the next page"

@agent("reads")
class Reads(BaseAgent):
    instructions = "Read."
    tools = [look]
"""


def endless(folder: Path, agent: dict[str, Any], orchestration: dict[str, Any]) -> tuple[Any, Any, int, int]:
    """Job, report, model calls and tool calls of an agent whose model never comes to an end."""
    log = folder / "looked.log"
    with ModelServer(*[calls("look", page=number) for number in range(500)]) as server:
        llm = f"llm: {{provider: openai, client: chat, model: m, base_url: '{server.url}/v1', max_output_tokens: 50,"
        more = f"{llm} prices: {{m: {{input: 1000, output: 1000}}}}}}"
        settings = {"retry": {"initial_seconds": 0.01, "jitter": False}, **agent}
        (folder / "agents.yaml").write_text(yaml_of({"reads": settings}, orchestration, more=more))
        write_agent_file(folder, "reads", AGENT.format(log=str(log)))

        async def story() -> tuple[Any, Any]:
            async with Project.open(folder, environ={"OPENAI_API_KEY": "test"}) as project:
                job = await project.run({})
                return job, await project.failure_report(job.id)

        job, report = asyncio.run(story())
        asked = len(server.requests)
    return job, report, asked, len(log.read_text().splitlines()) if log.exists() else 0


@pytest.mark.parametrize("turns", [1, 5, 20])
def test_turns_end_it_and_it_is_not_tried_again(tmp_path: Path, turns: int) -> None:
    job, report, asked, looked = endless(tmp_path, {"max_turns": turns}, {})
    assert (job.status, asked) == (JobStatus.FAILED, turns)
    assert looked <= turns
    assert f"did not come to an answer in {turns} turns" in report["error"]


@pytest.mark.parametrize("budget", [{"tokens": 2000}, {"usd": 2.0}])
def test_the_jobs_budget_ends_it_before_it_is_passed(tmp_path: Path, budget: dict[str, float]) -> None:
    job, report, asked, looked = endless(tmp_path, {"max_turns": 200}, {"budget": budget})
    assert (job.status, report["error_code"]) == (JobStatus.FAILED, "BudgetExceededError")
    assert 0 < asked < 60
    assert looked == asked

"""What an agent is given is its own: whatever it does with it, nobody else sees that."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent_framework import BaseAgent, Job, JobStatus
from tests.support.projects import open_project

RULES = """
    selection_rules:
      - {name: first, agents: [spoil, {parallel: [left, right]}]}
      - {name: rich, condition: input.amounts.first > 100, agents: [never]}
      - {name: poor, condition: input.amounts.first == 1 and results.spoil.list.n == 1, agents: [last]}
"""


def spoil(job: Job) -> dict[str, Any]:
    """Changes what it was given, and what it gives, as careless code does."""
    job.request_payload["amounts"]["first"] = 1000
    return {"list": {"n": 1}}


def look(job: Job) -> dict[str, Any]:
    """Tells what it was given, and spoils that too."""
    seen = {"first": job.request_payload["amounts"]["first"], "n": job.agent_results["spoil"]["list"]["n"]}
    job.request_payload["amounts"]["first"] = 2000
    job.agent_results["spoil"]["list"]["n"] = 3000
    return seen


class Looks(BaseAgent):
    """The same in the form of a class."""

    async def run(self, job_id: str) -> dict[str, Any]:
        return look(await self.load(job_id))


@pytest.mark.parametrize("form", [look, Looks], ids=["function", "class"])
def test_an_agent_that_changes_its_input_changes_nothing_for_others(tmp_path: Path, form: Any) -> None:
    agents = {"spoil": spoil, "left": form, "right": form, "last": form, "never": look}

    async def go() -> Job:
        async with open_project(tmp_path, agents, RULES) as project, asyncio.timeout(20):
            job = await project.run({"amounts": {"first": 1}})
            stored = await project.jobs.get(job.id)
            assert (stored.request_payload, stored.agent_results) == (job.request_payload, job.agent_results)
            return job

    job = asyncio.run(go())
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.request_payload == {"amounts": {"first": 1}}
    seen = {"first": 1, "n": 1}
    assert job.agent_results == {"spoil": {"list": {"n": 1}}, "left": seen, "right": seen, "last": seen}

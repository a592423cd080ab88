"""A job that one process submits and follows, and another works on."""

import asyncio
import sys
from pathlib import Path

import pytest

from agent_framework import JobStatus, ModelChoice, Project
from agent_framework.core.progress import Decided, Progress
from agent_framework.errors import JobNotFoundError
from tests.support.projects import write_agent_file, yaml_of

CLASS = """
from agent_framework import BaseAgent, OfflineTurn, agent

@agent("writer")
class Writer(BaseAgent):
    async def run(self, job_id):
        return {"offline": self.is_offline}
"""


def test_a_submitted_job_is_told_to_workers_and_followed_to_its_end(tmp_path: Path):
    (tmp_path / "agents.yaml").write_text(yaml_of({"writer": {}}), "utf-8")
    write_agent_file(tmp_path, "writer", CLASS)
    heard: list[Progress] = []

    async def scenario() -> None:
        async with (
            Project.open(tmp_path, environ={}, models=ModelChoice(offline=True)) as at_work,
            Project.open(tmp_path, environ={}, listener=heard.append) as asks,
        ):
            worker = at_work.worker(sweep_s=60)
            working = asyncio.create_task(worker.run())
            first = await asks.submit({"a": 1}, user_id="ann", client_key="k1")
            assert await asks.submit({"a": 1}, user_id="ann", client_key="k1") == first
            job = await asks.wait_for(first, poll_s=0.02)
            assert (job.status, job.user_id) == (JobStatus.COMPLETED, "ann")
            assert job.agent_results["writer"] == {"offline": True}
            with pytest.raises(JobNotFoundError):
                await asks.wait_for("nobody-knows")
            worker.stop()
            await working

    asyncio.run(scenario())
    assert [progress.status for progress in heard if isinstance(progress, Decided)][-1] is JobStatus.COMPLETED


def test_what_offline_answers_get_to_see_needs_no_sdk():
    from agent_framework import OfflineTurn

    module = sys.modules[OfflineTurn.__module__]
    assert module.__name__ == "agent_framework.infrastructure.llm.base"
    assert OfflineTurn("a task").tool_results == {}

"""The last turn of ``strategy: agent`` ends as any run of an agent does: with `finish`."""

import asyncio
from pathlib import Path

from agent_framework import JobStatus, ModelChoice, Project
from tests.support.projects import write_agent_file, yaml_of

CHIEF = """
from agent_framework import BaseAgent, agent

@agent("chief")
class Chief(BaseAgent):
    instructions = "Coordinate."

    async def prepare(self, job):
        return {"facts": [1, 2]}

    def offline_answer(self, turn):
        return "All was made."

    async def finish(self, output, context):
        made = sorted(set(context.results) - {"chief"})
        return {**context.results["chief"], "summary": output["result"], "made": made}
"""
WORKER = """
from agent_framework import agent

@agent("writer")
async def work(job, context):
    return {"text": "words"}
"""


def test_the_answer_of_the_last_turn_is_finished_with_the_facts_and_the_results_in_sight(tmp_path: Path):
    agents = {"chief": {"type": "orchestrator"}, "writer": {}}
    (tmp_path / "agents.yaml").write_text(yaml_of(agents, {"strategy": "agent"}), "utf-8")
    write_agent_file(tmp_path, "chief", CHIEF)
    write_agent_file(tmp_path, "writer", WORKER)

    async def scenario() -> None:
        async with Project.open(tmp_path, environ={}, models=ModelChoice(offline=True)) as project:
            job = await project.run({})
            assert job.status is JobStatus.COMPLETED, job.error_message
            assert job.agent_results["chief"] == {"facts": [1, 2], "summary": "All was made.", "made": ["writer"]}

    asyncio.run(scenario())

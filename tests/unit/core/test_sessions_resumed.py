"""Sessions of runs that wait in between: for workers, or for a person. What was said is added once, at the end."""

import asyncio
from pathlib import Path
from typing import Any

from agent_framework import JobStatus, Project
from tests.support.model_servers import ModelServer, calls, says
from tests.support.projects import write_agent_file, yaml_of

BOSS = """
from agent_framework import BaseAgent, agent

@agent("boss")
class Boss(BaseAgent):
    instructions = "Coordinate."

    async def task(self, job):
        return job.request_payload["say"]
"""
WORKER = """
from agent_framework import agent

@agent("worker")
def work(job):
    return {"done": True}
"""
SENDS = """
from agent_framework import BaseAgent, agent, tool

@tool(needs_approval=True)
def send(to: str) -> str:
    "Sends."
    return f"sent to {to}"

@agent("sends")
class Sends(BaseAgent):
    instructions = "Send."
    tools = [send]

    async def task(self, job):
        return job.request_payload["say"]
"""


def kinds(items: list[dict[str, Any]]) -> list[str]:
    return [item.get("role") or item["type"] for item in items]


def told(server: ModelServer) -> list[str]:
    return [message["role"] for message in server.requests[-1].body["messages"] if message["role"] != "system"]


def write(folder: Path, server: ModelServer, agents: dict[str, Any], orchestration: dict[str, Any]) -> None:
    llm = f"llm: {{provider: openai, client: chat, model: m, base_url: '{server.url}/v1'}}"
    (folder / "agents.yaml").write_text(yaml_of(agents, orchestration, more=llm))


def test_an_orchestrators_turns_are_one_run_of_the_conversation(tmp_path: Path) -> None:
    async def story() -> None:
        async with Project.open(tmp_path, environ={"OPENAI_API_KEY": "test"}) as project:
            first = await project.run({"say": "one"})
            assert first.status is JobStatus.COMPLETED, first.error_message
            items = await project.sessions.items("local", first.id)
            assert kinds(items) == ["user", "function_call", "function_call_output", "assistant"]
            second = await project.run({"say": "two", "session_id": first.id})
            assert second.status is JobStatus.COMPLETED, second.error_message
            assert kinds(await project.sessions.items("local", first.id)) == [*kinds(items), *kinds(items)]

    turn = [calls("invoke_worker"), says("all done")]
    with ModelServer(*turn, *turn) as server:
        agents = {"boss": {"type": "orchestrator", "session": True}, "worker": {}}
        write(tmp_path, server, agents, {"strategy": "agent"})
        write_agent_file(tmp_path, "boss", BOSS)
        write_agent_file(tmp_path, "worker", WORKER)
        asyncio.run(story())
        assert told(server) == ["user", "assistant", "tool", "assistant", "user", "assistant", "tool"]


def test_a_run_that_waited_for_a_person_is_added_once_when_it_is_over(tmp_path: Path) -> None:
    async def story() -> None:
        async with Project.open(tmp_path, environ={"OPENAI_API_KEY": "test"}) as project:
            job_id = await project.jobs.submit({"say": "send it"})
            waiting = await project.orchestrator.drive(job_id)
            assert waiting.status is JobStatus.WAITING_FOR_APPROVAL
            assert (await project.sessions.info("local", job_id)).state == "active"
            assert await project.sessions.items("local", job_id) == []
            (approval,) = await project.approvals.of_job(job_id)
            await project.approvals.approve(approval.id, by="ada")
            assert (await project.orchestrator.drive(job_id)).status is JobStatus.COMPLETED
            items = await project.sessions.items("local", job_id)
            assert kinds(items) == ["user", "function_call", "function_call_output", "assistant"]
            assert (await project.sessions.info("local", job_id)).state == "completed"

    with ModelServer(calls("send", to="bob"), says("sent")) as server:
        write(tmp_path, server, {"sends": {"session": True}}, {})
        write_agent_file(tmp_path, "sends", SENDS)
        asyncio.run(story())

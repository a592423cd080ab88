"""Sessions that several processes use at once, and one that is killed between its answer and its outcome."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from agent_framework import ModelChoice, Project
from tests.support import commands
from tests.support.projects import write_agent_file, yaml_of

CHAT = """
from agent_framework import BaseAgent, agent

@agent("chat")
class Chat(BaseAgent):
    instructions = "Answer."

    async def task(self, job):
        return job.request_payload["say"]
"""
PROCESS = """
import asyncio, sys
from agent_framework import ModelChoice, Project

async def main(folder, name, count):
    async with Project.open(folder, environ=None, models=ModelChoice(offline=True)) as project:
        for number in range(int(count)):
            job = await project.run({"say": f"{name}{number}", "session_id": "s1"})
            assert job.status == "completed", job.error_message

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    retry = {"initial_seconds": 0.01, "jitter": False}
    (tmp_path / "agents.yaml").write_text(yaml_of({"chat": {"session": True, "retry": retry}}), "utf-8")
    write_agent_file(tmp_path, "chat", CHAT)

    async def start() -> None:
        async with Project.open(tmp_path, environ={}) as project:
            await project.sessions.start("local", "s1")

    asyncio.run(start())
    return tmp_path


def process(folder: Path, name: str, count: int, **environ: str) -> commands.Running:
    works = commands.script(PROCESS, str(folder), name, str(count))
    return commands.Running(works, log=folder / "processes.log", env={**os.environ, **environ})


def said(folder: Path) -> list[str]:
    async def read() -> list[Any]:
        async with Project.open(folder, environ={}) as project:
            return await project.sessions.items("local", "s1")

    return [item["content"] for item in asyncio.run(read()) if item.get("role") == "user"]


def test_two_processes_lose_nothing_of_one_conversation(folder: Path) -> None:
    running = [process(folder, name, 8) for name in ("a", "b")]
    assert [one.wait(120) for one in running] == [0, 0], (folder / "processes.log").read_text("utf-8")
    found = said(folder)
    assert sorted(found) == sorted(f"{name}{number}" for name in "ab" for number in range(8))
    for name in "ab":
        assert [text for text in found if text.startswith(name)] == [f"{name}{number}" for number in range(8)]


@pytest.mark.parametrize("point", ["agent_returned", "outcome_committed"])
def test_a_process_killed_around_the_outcome_leaves_each_message_once(folder: Path, point: str) -> None:
    assert process(folder, "a", 1, AGENT_FRAMEWORK_CRASH_AT=point).wait() == -9

    async def resume() -> None:
        async with Project.open(folder, environ={}, models=ModelChoice(offline=True)) as project:
            (job,) = await project.db.list_jobs()
            assert (await project.orchestrator.drive(job.id)).status == "completed"

    asyncio.run(resume())
    assert said(folder) == ["a0"]

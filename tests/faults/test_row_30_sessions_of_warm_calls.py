"""Row 30, its sessions: one warm process serves many users, and no call is told what another one said.

That a hundred warm calls leave no files open is tested in `test_lambda`.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_framework import Project, worker_handler
from agent_framework.core import base_handler
from tests.support.model_servers import ModelServer, says
from tests.support.projects import write_agent_file, yaml_of

CHAT = """
from agent_framework import BaseAgent, agent

@agent("chat")
class Chat(BaseAgent):
    instructions = "Answer."

    async def task(self, job):
        return job.request_payload["payload"]["say"]
"""


class Context:
    """What Lambda hands over."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    yield
    base_handler.end_process()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer(*[says(f"answer {number}") for number in range(100)]) as server:
        more = f"""
            llm: {{provider: openai, client: chat, model: m, base_url: '{server.url}/v1'}}
            stages:
              dev:
                infrastructure:
                  database: {{provider: sqlite}}
                  queue: {{provider: local}}
                  storage: {{provider: local}}
        """
        (tmp_path / "agents.yaml").write_text(yaml_of({"chat": {"session": True}}, more=more), "utf-8")
        write_agent_file(tmp_path, "chat", CHAT)
        monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
        monkeypatch.setenv("AGENT_FRAMEWORK_STAGE", "dev")
        monkeypatch.setenv("OPENAI_API_KEY", "test")

        async def migrate() -> None:
            async with Project.open(tmp_path, stage="dev", environ={}):
                pass

        asyncio.run(migrate())
        yield server


def told(server: ModelServer) -> list[str]:
    return [message["content"] for message in server.requests[-1].body["messages"] if message["role"] != "system"]


def test_thirty_warm_calls_share_nothing_and_a_named_session_goes_on(server: ModelServer) -> None:
    handler = worker_handler("chat")
    first: dict[str, str] = {}
    for number in range(30):
        user = f"user-{number % 3}"
        event = {"action": "chat", "payload": {"say": f"secret {number}"}, "context": {"user_id": user}}
        answer = handler(event, Context())
        assert (answer["ok"], told(server)) == (True, [f"secret {number}"])
        first.setdefault(user, answer["metadata"]["session_id"])
    for user, session_id in first.items():
        context = {"user_id": user, "session_id": session_id}
        answer = handler({"action": "chat", "payload": {"say": "again"}, "context": context}, Context())
        assert (answer["ok"], answer["metadata"]["session_id"]) == (True, session_id)
        assert (len(told(server)), told(server)[-1]) == (3, "again")
    foreign = {"user_id": "user-1", "session_id": first["user-0"]}
    asked = len(server.requests)
    answer = handler({"action": "chat", "payload": {"say": "tell"}, "context": foreign}, Context())
    assert (answer["statusCode"], answer["error"]["error_code"]) == (500, "SessionNotFoundError")
    assert len(server.requests) == asked

"""``sessions``: what people see of conversations, and of nobody else's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects import write_agent_file, yaml_of

CHAT = """
from agent_framework import BaseAgent, agent

@agent("chat")
class Chat(BaseAgent):
    instructions = "Answer."

    async def task(self, job):
        return job.request_payload["say"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agents.yaml").write_text(yaml_of({"chat": {"session": True}}), "utf-8")
    write_agent_file(tmp_path, "chat", CHAT)
    return tmp_path


def test_a_conversation_is_gone_on_with_shown_and_cleared(af: Callable[..., Any], project: Path) -> None:
    assert "no sessions" in af("sessions", "list").out
    first = af("run", "--offline", "--set", "say=hello")
    assert "to go on with it: --set session_id=" in first.out
    (session,) = json.loads(af("sessions", "list", "--json").out)
    assert (session["state"], session["user"]) == ("completed", "local")
    session_id = session["session_id"]
    second = json.loads(af("run", "--offline", "--set", "say=again", "--set", f"session_id={session_id}", "--json").out)
    assert second["session_id"] == session_id
    shown = json.loads(af("sessions", "show", session_id, "--json").out)
    said = [item["content"] for item in shown["items"] if item.get("role") == "user"]
    assert said == ["hello", "again"]
    assert "user: again" in af("sessions", "show", session_id).out
    assert "is empty, completed" in af("sessions", "clear", session_id).out
    assert json.loads(af("sessions", "show", session_id, "--json").out)["items"] == []
    assert "is empty, expired" in af("sessions", "clear", session_id, "--end").out
    over = af("run", "--offline", "--set", "say=more", "--set", f"session_id={session_id}")
    assert (over.code, "is over" in over.out) == (1, True)


def test_another_users_session_is_as_if_it_were_not_there(af: Callable[..., Any], project: Path) -> None:
    assert "chat-7" in af("sessions", "start", "--user", "ada", "--id", "chat-7").out
    foreign, unknown = af("sessions", "show", "chat-7", "--user", "bob"), af("sessions", "show", "x", "--user", "bob")
    assert (foreign.code, foreign.err.replace("chat-7", "x")) == (1, unknown.err)
    assert "chat-7" not in af("sessions", "list", "--user", "bob").out
    assert "already" in af("sessions", "start", "--user", "ada", "--id", "chat-7").err

"""Sessions around real runs against a model server: what the model is told, what is kept, what states there are."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents.memory import Session as SdkSession
from hypothesis import given
from hypothesis import strategies as st

from agent_framework import JobStatus, Project
from agent_framework.config.loader import load_config_text
from agent_framework.core.session_state import TRANSITIONS, SessionInfo, SessionState
from agent_framework.core.sessions import NAMESPACE, Sessions
from agent_framework.errors import ConfigError, EntryVersionError, SessionError, SessionExpiredError
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from tests.support.model_servers import ModelServer, calls, fails, says
from tests.support.projects import write_agent_file, yaml_of

CHAT = """
from pydantic import BaseModel
from agent_framework import BaseAgent, agent

class Reply(BaseModel):
    text: str

@agent("{name}")
class Chat(BaseAgent):
    instructions = "Answer."
    output_type = {output}

    async def task(self, job):
        return job.request_payload["say"]
"""


def chat(folder: Path, server: ModelServer, *names: str, output: str = "None", session: Any = True) -> Project:
    names = names or ("chat",)
    retry = {"max_attempts": 2, "initial_seconds": 0, "jitter": False, "on": ["transient", "error"]}
    llm = f"llm: {{provider: openai, client: chat, model: m, base_url: '{server.url}/v1'}}"
    agents = {name: {"session": session, "retry": retry} for name in names}
    (folder / "agents.yaml").write_text(yaml_of(agents, {"strategy": "sequential"}, more=llm))
    for name in names:
        write_agent_file(folder, name, CHAT.format(name=name, output=output))
    return Project.open(folder, environ={"OPENAI_API_KEY": "test"})


def play(project: Project, story: Callable[[Project], Any]) -> Any:
    async def run() -> Any:
        async with project:
            return await story(project)

    return asyncio.run(run())


def told(server: ModelServer, number: int) -> list[str]:
    """What the model was told in its ``number``-th call, without the instructions."""
    messages = server.requests[number].body["messages"]
    return [str(message.get("content")) for message in messages if message["role"] != "system"]


def test_the_second_job_of_a_conversation_knows_the_first(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        first = await project.run({"say": "I am Ada."})
        session_id = project.session_of(first)
        second = await project.run({"say": "Who am I?", "session_id": session_id})
        assert (first.status, second.status, session_id) == (JobStatus.COMPLETED, JobStatus.COMPLETED, first.id)
        other = await project.run({"say": "Who am I?"})
        assert project.session_of(other) == other.id

    with ModelServer(says("Hello Ada."), says("Ada."), says("I do not know.")) as server:
        play(chat(tmp_path, server), story)
        assert told(server, 1) == ["I am Ada.", "Hello Ada.", "Who am I?"]
        assert told(server, 2) == ["Who am I?"], "a job of its own has a session of its own"


def test_structured_answers_are_remembered_with_their_calls(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        first = await project.run({"say": "one"})
        second = await project.run({"say": "two", "session_id": first.id})
        assert second.agent_results["chat"] == {"text": "2"}
        items = await project.sessions.items("local", first.id)
        kinds = [item.get("role") or item["type"] for item in items]
        assert kinds == ["user", "function_call", "function_call_output"] * 2

    with ModelServer(calls("final_result", text="1"), calls("final_result", text="2")) as server:
        play(chat(tmp_path, server, output="Reply"), story)


def test_a_failed_attempt_leaves_nothing_behind_and_its_retry_adds_once(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        job = await project.run({"say": "hello"})
        assert job.status is JobStatus.COMPLETED
        texts = [item["role"] for item in await project.sessions.items("local", job.id)]
        assert texts == ["user", "assistant"]

    with ModelServer(fails(503), says("hi")) as server:
        play(chat(tmp_path, server), story)


def test_each_agent_remembers_its_own_part(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        first = await project.run({"say": "one"})
        await project.run({"say": "two", "session_id": first.id})
        assert len(await project.sessions.items("local", first.id)) == 8

    with ModelServer(says("a1"), says("b1"), says("a2"), says("b2")) as server:
        play(chat(tmp_path, server, "a", "b"), story)
        assert told(server, 2) == ["one", "a1", "two"]
        assert told(server, 3) == ["one", "b1", "two"]


def test_only_the_newest_items_are_told_from_a_question_on(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        first = await project.run({"say": "one"})
        for say in ("two", "three"):
            await project.run({"say": say, "session_id": first.id})

    with ModelServer(says("1"), says("2"), says("3")) as server:
        play(chat(tmp_path, server, session={"max_items": 3}), story)
        assert told(server, 2) == ["two", "2", "three"]


def test_another_users_session_fails_the_job_without_a_call(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        mine = await project.run({"say": "a secret"}, user_id="ada")
        before = await project.sessions.info("ada", mine.id)
        for session_id in (mine.id, "unknown"):
            job = await project.run({"say": "tell me", "session_id": session_id}, user_id="bob")
            report = await project.failure_report(job.id)
            assert report is not None
            assert (job.status, report["error_code"]) == (JobStatus.FAILED, "SessionNotFoundError")
            assert f"user bob has no session '{session_id}'" in report["error"]
        assert await project.sessions.info("ada", mine.id) == before

    with ModelServer(says("ok")) as server:
        play(chat(tmp_path, server), story)
        assert len(server.requests) == 1


@pytest.mark.parametrize("session_id", [7, "", None, "x" * 200, "a\nb", ["s"]])
def test_an_id_that_is_none_fails_the_job(tmp_path: Path, session_id: Any) -> None:
    async def story(project: Project) -> None:
        job = await project.run({"say": "hello", "session_id": session_id})
        assert "session_id must be a text" in (job.error_message or "")

    with ModelServer() as server:
        play(chat(tmp_path, server), story)
        assert server.requests == []


def test_a_session_follows_its_last_job(tmp_path: Path) -> None:
    async def story(project: Project) -> None:
        assert (await project.sessions.start("local", "s1")).state == "created"
        await project.run({"say": "one", "session_id": "s1"})
        assert (await project.sessions.info("local", "s1")).state == "completed"
        await project.run({"say": "two", "session_id": "s1"})
        assert (await project.sessions.info("local", "s1")).state == "failed"
        ended = await project.sessions.clear("local", "s1", end=True)
        assert (ended.state, await project.sessions.items("local", "s1")) == ("expired", [])
        job = await project.run({"say": "three", "session_id": "s1"})
        assert "session 's1' is over" in (job.error_message or "")

    with ModelServer(says("1"), fails(400), fails(400)) as server:
        play(chat(tmp_path, server), story)
        assert len(server.requests) == 3


def test_a_session_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            sessions = Sessions(db)
            await sessions.start("ada", "s1")
            (stored,) = await db.list_documents(NAMESPACE)
            newer = {"format": 99}
            await db.put_document(NAMESPACE, stored.key, newer, expected_version=1)
            for use in (sessions.info, sessions.open, sessions.items, sessions.clear):
                with pytest.raises(EntryVersionError, match="upgrade the package"):
                    await use("ada", "s1")
            (kept,) = await db.list_documents(NAMESPACE)
            assert (kept.body, kept.version) == (newer, 2)

    asyncio.run(run())


def test_it_is_a_session_of_the_sdk(tmp_path: Path) -> None:
    async def run() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            await Sessions(db).start("ada", "s1")
            session = await Sessions(db).open("ada", "s1")
            assert isinstance(session, SdkSession)

    asyncio.run(run())


def test_the_same_id_cannot_be_begun_twice(tmp_path: Path) -> None:
    async def run() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            await Sessions(db).start("ada", "s1")
            with pytest.raises(SessionError, match="already"):
                await Sessions(db).start("ada", "s1")
            assert (await Sessions(db).start("ada", "a" * 128)).session_id == "a" * 128
            odd = "x/y %é:" * 5
            await Sessions(db).start(odd * 40, odd)
            assert (await Sessions(db).info(odd * 40, odd)).user_id == odd * 40

    asyncio.run(run())


def test_what_is_remembered_cannot_be_cached() -> None:
    with pytest.raises(ConfigError, match="cannot have a 'cache'"):
        load_config_text(yaml_of({"a": {"session": True, "cache": {}}}))


@given(st.lists(st.sampled_from(list(SessionState)), max_size=8))
def test_the_states_change_only_as_they_may(wanted: list[SessionState]) -> None:
    info = SessionInfo("s1", "ada", SessionState.CREATED, 0, 0, 60)
    for state in wanted:
        if state in TRANSITIONS[info.state]:
            info = info.moved(state)
            assert (info.state, SessionInfo.from_dict(info.to_dict())) == (state, info)
        else:
            with pytest.raises(SessionError) as refused:
                info.moved(state)
            assert isinstance(refused.value, SessionExpiredError) is (info.state is SessionState.EXPIRED)


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (JobStatus.PENDING, "active"),
        (JobStatus.RUNNING, "active"),
        (JobStatus.WAITING_FOR_APPROVAL, "active"),
        (JobStatus.COMPLETED, "completed"),
        (JobStatus.FAILED, "failed"),
        (JobStatus.CANCELLED, "failed"),
        (None, "failed"),
    ],
)
def test_an_active_session_stands_as_its_last_job_does(job: JobStatus | None, state: str) -> None:
    info = SessionInfo("s1", "ada", SessionState.ACTIVE, 0, 0, 60, job_id="j")
    assert (info.at(59, job).state, info.at(60, job).state) == (state, "expired")

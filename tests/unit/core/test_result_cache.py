"""Cached results: what makes a question the same, whom an answer is served to, and who may have a cache at all."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework import ConfigLoader, JobStatus, Project
from agent_framework.core.large_values import LargeValues
from agent_framework.core.project_check import check_project
from agent_framework.core.result_cache import NAMESPACE
from agent_framework.core.trace import job_cache, trace
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import Job
from tests.support.memory_storage import MemoryStorage
from tests.support.projects import open_project, write_agent_file, yaml_of

RULES = "selection_rules: [{name: all, agents: [asks]}]"


class Counting:
    """An agent that tells how often it was asked."""

    def __init__(self, folder: Path, cache: dict[str, Any] | None = None, **agent: Any) -> None:
        self.calls = 0
        settings = {"asks": {"cache": cache or {}, **agent}}

        async def asks(job: Job) -> dict[str, Any]:
            self.calls += 1
            return {"n": self.calls, "topic": job.request_payload.get("topic")}

        self.project = open_project(folder, {"asks": asks}, RULES, settings=settings)

    def play(self, story: Callable[[Project], Any]) -> Any:
        async def run() -> Any:
            async with self.project as project:
                return await story(project)

        return asyncio.run(run())


def test_the_same_question_is_answered_once_and_the_record_says_so(tmp_path: Path) -> None:
    agent = Counting(tmp_path)

    async def story(project: Project) -> None:
        first, second = await project.run({"topic": "tea"}), await project.run({"topic": "tea"})
        assert (first.agent_results, agent.calls) == (second.agent_results, 1)
        assert second.status is JobStatus.COMPLETED
        for job, hit in ((first, False), (second, True)):
            snapshot = await project.db.load(job.id)
            assert snapshot is not None
            (step,) = [entry for entry in trace(snapshot) if entry["kind"] == "step"]
            assert (step["outcomes"]["asks"]["cached"], step["outcomes"]["asks"]["usage"]["requests"]) == (hit, 0)
            assert job_cache(snapshot) == {"hits": int(hit), "looks": 1, "hit_ratio": float(hit)}
        (count,) = await project.policies.results.counts(list(project.config.agents.values()))
        assert count.to_dict() == {"agent": "asks", "hits": 1, "misses": 1, "hit_ratio": 0.5}

    agent.play(story)


@pytest.mark.parametrize("other", [{"topic": "tee"}, {"topic": "tea", "more": None}, {}, {"topic": ["tea"]}])
def test_another_question_is_asked(tmp_path: Path, other: dict[str, Any]) -> None:
    agent = Counting(tmp_path)

    async def story(project: Project) -> None:
        await project.run({"topic": "tea"})
        await project.run(other)
        assert agent.calls == 2

    agent.play(story)


def test_only_the_named_paths_count_and_a_missing_one_is_not_null(tmp_path: Path) -> None:
    agent = Counting(tmp_path, {"key": ["input.topic"]})

    async def story(project: Project) -> None:
        await project.run({"topic": "tea", "at": 1})
        await project.run({"topic": "tea", "at": 2})
        assert agent.calls == 1
        await project.run({"at": 3})
        await project.run({"topic": None})
        assert agent.calls == 3

    agent.play(story)


@pytest.mark.parametrize(("shared", "calls"), [(False, 2), (True, 1)])
def test_one_users_answer_is_another_users_only_where_it_is_shared(tmp_path: Path, shared: bool, calls: int) -> None:
    agent = Counting(tmp_path, {"shared": shared})

    async def story(project: Project) -> None:
        await project.run({"topic": "tea"}, user_id="ada")
        job = await project.run({"topic": "tea"}, user_id="bob")
        assert (agent.calls, job.agent_results["asks"]["n"]) == (calls, calls)

    agent.play(story)


def test_an_answer_is_good_for_its_time(tmp_path: Path) -> None:
    agent = Counting(tmp_path, {"ttl_seconds": 0.3})

    async def story(project: Project) -> None:
        await project.run({})
        await asyncio.sleep(0.35)
        await project.run({})
        assert agent.calls == 2

    agent.play(story)


def test_a_file_that_changed_is_another_question(tmp_path: Path) -> None:
    agent, data = Counting(tmp_path), tmp_path / "sales.csv"

    async def story(project: Project) -> None:
        for text in ("a", "a", "a,b"):
            if not data.exists() or data.read_text() != text:
                data.write_text(text)
            await project.run({"csv": str(data)})
        assert agent.calls == 2

    agent.play(story)


def test_an_entry_of_a_newer_version_is_a_miss_and_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    agent = Counting(tmp_path)
    newer = {"format": 99, "answer": {"n": 7}}

    async def story(project: Project) -> None:
        await project.run({})
        (entry,) = await project.db.list_documents(NAMESPACE)
        await project.db.put_document(NAMESPACE, entry.key, newer, expected_version=entry.version)
        job = await project.run({})
        assert agent.calls == 2
        snapshot = await project.db.load(job.id)
        assert snapshot is not None
        [step] = [entry for entry in trace(snapshot) if entry["kind"] == "step"]
        [outcome] = step["outcomes"].values()
        [on_record] = outcome["without"]
        assert on_record.startswith("cached result: ")
        assert "stored in format 99" in on_record
        (kept,) = await project.db.list_documents(NAMESPACE)
        assert (kept.body, kept.version) == (newer, entry.version + 1)

    with caplog.at_level(logging.WARNING):
        agent.play(story)
    assert "stored in format 99" in caplog.text


def test_failures_are_not_kept(tmp_path: Path) -> None:
    calls = 0

    async def asks(job: Job) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        raise ValueError("no ink")

    async def run() -> None:
        async with open_project(tmp_path, {"asks": asks}, RULES, settings={"asks": {"cache": {}}}) as project:
            for _ in range(2):
                assert (await project.run({})).status is JobStatus.FAILED

    asyncio.run(run())
    assert calls == 2


def test_changed_code_is_asked_again(tmp_path: Path) -> None:
    source = "from agent_framework import agent\n\n@agent('asks')\ndef asks(job):\n    return {{'n': {n}}}\n"

    def answer(n: int, folder: str) -> Any:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        database = f"infrastructure: {{database: {{provider: sqlite, config: {{path: {tmp_path}/jobs.sqlite}}}}}}"
        more = f"stages: {{local: {{{database}}}}}"
        (place / "agents.yaml").write_text(yaml_of({"asks": {"cache": {}}}, RULES, more=more))
        write_agent_file(place, "asks", source.format(n=n))

        async def run() -> Any:
            async with Project.open(place, environ={}) as project:
                return (await project.run({})).agent_results["asks"]["n"]

        return asyncio.run(run())

    assert [answer(1, "one"), answer(2, "two")] == [1, 2]
    (tmp_path / "one" / "backend" / "helper.py").write_text("X = 1\n")
    assert answer(1, "one") == 1


WRITES = """
from agent_framework import BaseAgent, agent, tool

@tool({options})
def send(to: str) -> str:
    "Sends."
    return to

@agent("asks")
class Asks(BaseAgent):
    tools = [send]
"""


@pytest.mark.parametrize("options", ["writes=True", "needs_approval=True", "key=('to',)"])
def test_an_agent_that_writes_may_have_no_cache(tmp_path: Path, options: str) -> None:
    (tmp_path / "agents.yaml").write_text(yaml_of({"asks": {"cache": {}}}, RULES))
    write_agent_file(tmp_path, "asks", WRITES.format(options=options))
    (problem,) = check_project(ConfigLoader(tmp_path)).errors
    assert (problem.path, "its tools write or need approval: send" in problem.message) == ("agents.asks.cache", True)


def test_an_agent_that_only_reads_may(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(yaml_of({"asks": {"cache": {}}}, RULES))
    write_agent_file(tmp_path, "asks", WRITES.format(options="timeout=None"))
    assert check_project(ConfigLoader(tmp_path)).errors == ()


def test_one_that_waits_for_a_person_may_not(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(yaml_of({"asks": {"cache": {}, "needs_approval": True}}, RULES))
    write_agent_file(tmp_path, "asks", WRITES.format(options="timeout=None"))
    assert "somebody must approve" in str(check_project(ConfigLoader(tmp_path)).errors[0])


def test_large_documents_go_to_the_storage_and_come_back(tmp_path: Path) -> None:
    async def run() -> None:
        inner = SqliteDatabase(tmp_path / "jobs.sqlite")
        inner.max_value_bytes = 1000
        body = {"text": "x" * 5000}
        async with LargeValues(inner, MemoryStorage()) as db:
            stored = await db.put_document("n", "k", body, expected_version=0)
            found = await db.get_document("n", "k")
            kept = await inner.get_document("n", "k")
            assert stored is not None
            assert found is not None
            assert kept is not None
            assert (stored.body, found.body, [d.body for d in await db.list_documents("n")]) == (body, body, [body])
            assert "text" not in kept.body

    asyncio.run(run())

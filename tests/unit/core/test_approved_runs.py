"""Runs of agents that wait: several calls, conditions, an orchestrator that leads, a state that was changed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from agents import function_tool

from agent_framework import AgentConfig, BaseAgent, Job, JobStatus, Project, tool
from agent_framework.core.asking import MOST_SHOWN_BYTES
from agent_framework.errors import ProjectError
from agent_framework.infrastructure.llm.writes import Declared, guarded
from agent_framework.types import AttemptState
from tests.support.projects import open_project

OFFLINE = "llm: {provider: offline}"
made: list[tuple[str, Any]] = []


@tool(needs_approval=True)
def first(n: int) -> str:
    """The first."""
    made.append(("first", n))
    return f"first {n}"


@tool(needs_approval=lambda n: n > 5)
async def second(n: int) -> str:
    """The second."""
    made.append(("second", n))
    return f"second {n}"


@tool
def harmless(n: int) -> str:
    """Needs nothing."""
    made.append(("harmless", n))
    return "harmless"


def offline(turn: Any) -> str:
    return json.dumps(dict(turn.tool_results))


class Worker(BaseAgent):
    """Works."""

    tools = (harmless, first, second)
    offline_arguments = {"first": {"n": 1}, "second": {"n": 9}, "harmless": {"n": 0}}
    offline_answer = staticmethod(offline)


class Modest(Worker):
    """Asks for little."""

    offline_arguments = {"first": {"n": 1}, "second": {"n": 2}, "harmless": {"n": 0}}


class Twice(Worker):
    """Asks the model two times in one run."""

    tools = (first,)

    async def run(self, job_id: str) -> dict[str, Any]:
        job = await self.load(job_id)
        context = await self.context(job)
        return {"answers": [(await self._ask(f"part {n}", context)).output for n in (1, 2)]}


Decide = Callable[[Project, Job], Awaitable[None]]


async def approve_all(project: Project, job: Job) -> None:
    for approval in await project.approvals.of_job(job.id):
        await project.approvals.approve(approval.id, by="kim")


async def reject_all(project: Project, job: Job) -> None:
    for approval in await project.approvals.of_job(job.id):
        await project.approvals.reject(approval.id, by="kim", reason="no")


async def play(folder: Path, agent: type[BaseAgent], *decisions: Decide, **options: Any) -> tuple[Job, list[int]]:
    """Run a job of ``agent``, deciding each time it waits; how many approvals it asked for each time."""
    made.clear()
    asked: list[int] = []
    more = options.pop("more", OFFLINE)
    async with open_project(folder, {"worker": agent}, more=more, **options) as project:
        job = await project.run({})
        for decide in decisions:
            assert job.status is JobStatus.WAITING_FOR_APPROVAL, job.error_message
            asked.append(len(await project.approvals.of_job(job.id)))
            await decide(project, job)
            job = await project.orchestrator.drive(job.id)
        return job, asked


def test_one_run_may_wait_several_times_and_nothing_before_is_made_again(tmp_path: Path) -> None:
    job, asked = asyncio.run(play(tmp_path, Worker, approve_all, approve_all))
    assert (job.status, asked) == (JobStatus.COMPLETED, [1, 1])
    assert made == [("harmless", 0), ("first", 1), ("second", 9)]


def test_a_rejected_call_does_not_stand_in_the_way_of_an_approved_one(tmp_path: Path) -> None:
    job, _ = asyncio.run(play(tmp_path, Worker, reject_all, approve_all))
    assert job.status is JobStatus.COMPLETED
    assert made == [("harmless", 0), ("second", 9)]
    assert "rejected by kim: no" in job.agent_results["worker"]["result"]


def test_a_condition_on_the_arguments_decides_which_calls_need_approval(tmp_path: Path) -> None:
    job, asked = asyncio.run(play(tmp_path, Modest, approve_all))
    assert (job.status, asked) == (JobStatus.COMPLETED, [1])
    assert made == [("harmless", 0), ("first", 1), ("second", 2)]


def test_an_agent_that_asks_its_model_several_times_resumes_the_question_that_waited(tmp_path: Path) -> None:
    job, asked = asyncio.run(play(tmp_path, Twice, approve_all, approve_all))
    assert (job.status, asked) == (JobStatus.COMPLETED, [1, 1])
    assert [name for name, _ in made] == ["first", "first"]


def test_row_33_a_saved_call_that_was_changed_is_not_made(tmp_path: Path) -> None:
    async def tamper(project: Project, job: Job) -> None:
        """Approve, and change the arguments in the saved run."""
        await approve_all(project, job)
        snapshot = await project.db.load(job.id)
        assert snapshot is not None
        path = project.dir / ".agent-framework" / "jobs.sqlite"
        await asyncio.to_thread(_change, path)

    job, _ = asyncio.run(play(tmp_path, Worker, tamper))
    assert job.status is JobStatus.FAILED
    assert "is not the one about which a person decided" in (job.error_message or "")
    assert made == [("harmless", 0)]


def _change(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as connection:
        [(outcome,)] = connection.execute("SELECT outcome FROM attempts WHERE state = 'waiting'").fetchall()
        changed = outcome.replace('{\\\\\\"n\\\\\\": 1}', '{\\\\\\"n\\\\\\": 1000}')
        assert changed != outcome
        connection.execute("UPDATE attempts SET outcome = ? WHERE state = 'waiting'", (changed,))


def test_a_question_that_is_gone_from_the_database_counts_as_rejected(tmp_path: Path) -> None:
    async def lose(project: Project, job: Job) -> None:
        for approval in await project.approvals.of_job(job.id):
            await project.db.delete_document("approvals", approval.id)
        await project.db.signal_job(job.id)

    job, _ = asyncio.run(play(tmp_path, Modest, lose))
    assert job.status is JobStatus.COMPLETED
    assert "not approved: the question is not in the database any more" in job.agent_results["worker"]["result"]


def test_an_orchestrator_that_leads_may_need_approval_and_then_asks_for_workers(tmp_path: Path) -> None:
    class Chief(BaseAgent):
        """Leads."""

        tools = (first,)
        offline_arguments = {"first": {"n": 3}}
        offline_answer = staticmethod(offline)

    async def work() -> None:
        made.clear()
        agents = {"chief": Chief, "helper": lambda: {"helped": True}}
        settings = {"chief": {"type": "orchestrator"}}
        options = {"orchestration": {"strategy": "agent"}, "settings": settings, "more": OFFLINE}
        async with open_project(tmp_path, agents, **options) as project:
            project.registry.register("chief", Chief, AgentConfig(name="chief", type="orchestrator"))
            job = await project.run({})
            assert (job.status, made) == (JobStatus.WAITING_FOR_APPROVAL, [])
            await approve_all(project, job)
            job = await project.orchestrator.drive(job.id)
            assert (job.status, made) == (JobStatus.COMPLETED, [("first", 3)])
            assert job.agent_results["helper"] == {"helped": True}
            snapshot = await project.db.load(job.id)
            assert snapshot is not None
            states = [a.state for a in snapshot.attempts if a.key.agent == "chief"]
            assert states == [AttemptState.WAITING, AttemptState.INTERRUPTED, AttemptState.SUCCEEDED]

    asyncio.run(work())


def test_a_call_that_is_too_large_to_be_shown_fails_the_agent(tmp_path: Path) -> None:
    class Large(Worker):
        """Asks for too much."""

        tools = (first,)
        offline_arguments = {"first": {"n": 10**4000, "more": "x" * MOST_SHOWN_BYTES}}

    job, _ = asyncio.run(play(tmp_path, Large))
    assert job.status is JobStatus.FAILED
    assert "pass large values by reference" in (job.error_message or "")


def test_a_tool_whose_approved_call_could_not_be_recorded_is_refused(tmp_path: Path) -> None:
    class Raw(Worker):
        """Has a tool of the SDK."""

        tools = (function_tool(needs_approval=True)(lambda: "x"),)

    Raw.tools[0].name = "raw"
    job, _ = asyncio.run(play(tmp_path, Raw))
    assert "must be made by agent_framework.tool" in (job.error_message or "")


def test_an_agent_that_waits_cannot_be_run_outside_a_job(tmp_path: Path) -> None:
    async def work() -> None:
        async with open_project(tmp_path, {"worker": Worker}, more=OFFLINE) as project:
            job_id = await project.jobs.submit({})
            with pytest.raises(Exception, match="waits for approval of first, which only a job can do"):
                await project.orchestrator.invoke_agent(job_id, "worker")
            assert list(await project.approvals.list(pending=False)) == []

    asyncio.run(work())


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (Declared(key=("order",)), "key names order, which it has no parameter for; it has n"),
        (Declared(wording=("note", "n")), "wording names note"),
        (Declared(key=("n",), wording=("n",)), "cannot be 'wording' too"),
        (Declared(idempotency_key="request"), "must name the parameter that receives the key"),
    ],
)
def test_a_declaration_that_does_not_fit_the_function_is_refused(declared: Declared, words: str) -> None:
    def work(n: int) -> None:
        """Work."""

    with pytest.raises(ProjectError, match=words):
        guarded(work, declared, name="work")


def test_the_model_does_not_see_the_idempotency_key() -> None:
    @tool(idempotency_key="request")
    def send(text: str, request: str) -> str:
        """Send a text."""
        return request

    assert list(send.params_json_schema["properties"]) == ["text"]

"""The orchestrator and the job manager as the seed uses them."""

import asyncio
from typing import Any

import pytest

from agent_framework import BaseAgent, Job, JobStatus
from agent_framework.core.job_manager import JobManager
from agent_framework.core.orchestrator import DynamicOrchestrator
from agent_framework.errors import IllegalTransitionError
from tests.support.engine_runs import SEED_RULES, Make, done, run, seed_agents


def test_the_orchestrator_is_made_and_used_as_in_the_seed(project: Make) -> None:
    async def go() -> None:
        opened = project(seed_agents(), SEED_RULES)
        async with opened.db as db, asyncio.timeout(20):
            orchestrator = DynamicOrchestrator(opened.loader, JobManager(db), db)
            job_id = await db.create_job(user_id="u", job_type="t", request_payload={"kind": "full"})
            answer = await orchestrator.execute_job(job_id)
            assert (answer["success"], answer["status"], answer["error"]) == (True, "completed", None)
            assert answer["plan"] == [
                {"type": "sequential", "agents": ["a"]},
                {"type": "parallel", "agents": ["b", "c"]},
                {"type": "sequential", "agents": ["d"]},
            ]
            assert set(answer["results"]) == {"a", "b", "c", "d"}

    asyncio.run(go())


def test_its_plan_is_a_preview_that_marks_what_waits_for_results(project: Make) -> None:
    async def go() -> None:
        async with project(seed_agents(), SEED_RULES) as opened:
            plan = await opened.orchestrator.create_execution_plan({"kind": "full"})
            assert [(step.type, step.agents) for step in plan] == [
                ("sequential", ["a"]), ("parallel", ["b", "c"]), ("sequential", ["d"]),
            ]  # fmt: skip
            assert [step.condition for step in plan] == [None, None, "prev_step.b.score < 0.5"]

    asyncio.run(go())


def test_its_single_steps_run_agents_by_name(project: Make) -> None:
    def bad() -> None:
        raise ValueError("no")

    async def go() -> None:
        async with project({**seed_agents(), "bad": bad}, SEED_RULES) as opened:
            job_id = await opened.jobs.submit({})
            mine = opened.orchestrator
            assert await mine.invoke_agent(job_id, "a") == {"a": 1}
            assert await mine.run_parallel(job_id, ["b", "c"]) == {"b": {"score": 0.3}, "c": {"c": 1}}
            half = await mine.run_sequential(job_id, ["a", "bad", "d"])
            assert half == {"a": {"a": 1}, "bad": {"error": "agent bad failed: ValueError: no"}}
            assert (mine.should_continue(half), mine.should_continue({"a": {}})) == (False, True)
            plan = await mine.create_execution_plan({"kind": "full"})
            assert set(await mine.execute_plan(job_id, plan, {"kind": "full"})) == {"a", "b", "c", "d"}
            assert set((await opened.jobs.get(job_id)).agent_results) == {"a", "b", "c", "d"}

    asyncio.run(go())


def test_the_job_manager_moves_a_job_as_in_the_seed(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            manager = JobManager(opened.db)
            good = await manager.submit({})
            await manager.start_job(good)
            await manager.complete_job(good, {"a": {"x": 1}})
            job = await manager.get(good)
            assert (job.status, job.agent_results) == (JobStatus.COMPLETED, {"a": {"x": 1}})
            failed = await manager.submit({})
            await manager.start_job(failed)
            await manager.fail_job(failed, "why")
            assert (await manager.get(failed)).error_message == "why"
            with pytest.raises(IllegalTransitionError, match="is failed and cannot become completed"):
                await manager.complete_job(failed)

    asyncio.run(go())


def test_a_job_that_was_started_by_hand_is_carried_out_all_the_same(project: Make) -> None:
    async def go() -> Job:
        async with project({"a": done}) as opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            await opened.jobs.start_job(job_id)
            await opened.orchestrator.execute_job(job_id)
            return await opened.jobs.get(job_id)

    assert asyncio.run(go()).status is JobStatus.COMPLETED


def test_an_orchestrator_class_publishes_facts_before_the_rules(project: Make) -> None:
    class Boss(BaseAgent):
        async def prepare(self, job: Job) -> dict[str, Any]:
            return {"rows": len(job.request_payload["rows"])}

    orchestration = 'selection_rules: [{name: r, condition: "results.boss.rows > 2", agents: [a], else: [b]}]'
    settings = {"boss": {"type": "orchestrator"}}

    def job_of(rows: list[int]) -> Job:
        opened = project({"a": done, "b": done, "boss": Boss}, orchestration, settings=settings)
        return run(opened, {"rows": rows})

    assert set(job_of([1, 2, 3]).agent_results) == {"boss", "a"}
    assert set(job_of([1]).agent_results) == {"boss", "b"}

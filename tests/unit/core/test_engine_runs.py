"""New runs of a job, plans that changed since, and jobs that cannot be carried on."""

import asyncio
from pathlib import Path

import pytest

from agent_framework import Job, JobStatus
from agent_framework.errors import IllegalTransitionError
from agent_framework.infrastructure.database.base import Changes
from tests.support.engine_runs import Make, dispatch_nothing, done, in_pieces, run


def test_a_retried_job_keeps_completed_agents(project: Make) -> None:
    broken, ran = [True], []

    def first() -> None:
        ran.append("first")

    def second() -> None:
        ran.append("second")
        if broken:
            raise ValueError("not yet")

    async def go() -> tuple[Job, Job]:
        async with project({"first": first, "second": second}, "strategy: sequential") as opened:
            failed = await opened.run({})
            broken.clear()
            await opened.jobs.retry(failed.id)
            again = await opened.orchestrator.drive(failed.id)
            with pytest.raises(IllegalTransitionError):
                await opened.jobs.retry(failed.id)
            return failed, again

    failed, again = asyncio.run(go())
    assert (failed.status, again.status, again.run, again.error_message) == (
        JobStatus.FAILED, JobStatus.COMPLETED, 2, None,
    )  # fmt: skip
    assert ran == ["first", "second", "second"]


def test_a_redeploy_never_changes_a_running_jobs_plan(project: Make) -> None:
    async def go() -> Job:
        async with in_pieces(project({"a": done, "b": done}, "strategy: sequential")) as old:
            job_id = await old.jobs.submit({})
            old.dispatcher.dispatch = dispatch_nothing  # type: ignore[method-assign]
            await old.orchestrator.advance(job_id)
        async with project({"a": done}) as new:
            new.registry.register("b", done, new.registry.get_config("a"))  # type: ignore[arg-type]
            return await new.orchestrator.drive(job_id)

    assert set(asyncio.run(go()).agent_results) == {"a", "b"}


def test_a_plan_of_an_unknown_planner_version_becomes_needs_review(project: Make, tmp_path: Path) -> None:
    async def go() -> Job:
        async with project({"a": done}) as opened:
            job_id = await opened.jobs.submit({})
            claimed = await opened.db.claim_job(job_id, "me", 30)
            assert claimed is not None
            await opened.db.commit(claimed, Changes(status=JobStatus.RUNNING, plan={"version": 99}))
            return await opened.orchestrator.drive(job_id)

    job = asyncio.run(go())
    assert job.status is JobStatus.NEEDS_REVIEW
    assert "planner version 99" in (job.error_message or "")


def test_rules_that_name_nobody_fail_the_job_and_say_so(project: Make) -> None:
    job = run(project({"a": done}, "selection_rules: [{name: r, agents: [ghost]}]"))
    assert job.status is JobStatus.FAILED
    assert "agents that do not exist: ghost" in (job.error_message or "")


def test_a_declared_agent_without_code_fails_with_the_remedy(project: Make) -> None:
    job = run(project({}, settings={"a": {}}))
    assert "backend/agents/a/agent.py does not exist; 'agent-framework add-agent a' writes one" in str(
        job.error_message
    )

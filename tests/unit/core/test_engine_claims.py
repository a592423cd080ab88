"""Who may decide, start, end and cancel: claims and attempts of several hands at one job."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Job, JobStatus
from agent_framework.core.job_manager import JobManager
from agent_framework.errors import IllegalTransitionError, JobNotFoundError, StaleClaimError
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import AgentOutcome, AttemptState, Snapshot
from tests.support.engine_runs import Make, dispatch_nothing, done, in_pieces, snapshot_of

# -- cancelling ----------------------------------------------------------------------------------------------------


def test_a_cancel_from_another_connection_before_the_start_runsdispatch_nothing(project: Make, tmp_path: Path) -> None:
    ran: list[int] = []

    async def go() -> Job:
        async with project({"a": lambda: ran.append(1)}) as opened, asyncio.timeout(20):
            job_id = await opened.jobs.submit({})
            async with SqliteDatabase(tmp_path / ".agent-framework" / "jobs.sqlite") as other:
                await JobManager(other, owner="somebody else").cancel(job_id)
            return await opened.orchestrator.drive(job_id)

    assert (asyncio.run(go()).status, ran) == (JobStatus.CANCELLED, [])


def test_a_cancel_in_the_middle_of_a_step_stops_its_agent_and_starts_no_other(project: Make, tmp_path: Path) -> None:
    running, stopped, late = asyncio.Event(), asyncio.Event(), []

    async def works() -> None:
        running.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            stopped.set()
            raise

    async def go() -> tuple[Job, float]:
        opened = project({"a": works, "b": lambda: late.append(1)}, "strategy: sequential")
        async with opened, asyncio.timeout(20):
            job_id = await opened.jobs.submit({})
            driving = asyncio.create_task(opened.orchestrator.drive(job_id))
            await running.wait()
            begun = time.monotonic()
            async with SqliteDatabase(tmp_path / ".agent-framework" / "jobs.sqlite") as other:
                await JobManager(other, owner="somebody else").cancel(job_id)
            job = await driving
            with pytest.raises(IllegalTransitionError, match="cannot be cancelled"):
                await opened.jobs.cancel(job_id)
            return job, time.monotonic() - begun

    job, took = asyncio.run(go())
    assert (job.status, stopped.is_set(), late) == (JobStatus.CANCELLED, True, [])
    assert took < 3


def test_the_result_of_an_agent_that_ignores_the_cancel_is_not_stored(project: Make) -> None:
    running, go_on = threading.Event(), threading.Event()

    def stubborn() -> dict[str, Any]:
        running.set()
        go_on.wait(10)
        return {"too": "late"}

    async def go() -> Job:
        async with project({"a": stubborn}) as opened, asyncio.timeout(20):
            job_id = await opened.jobs.submit({})
            driving = asyncio.create_task(opened.orchestrator.drive(job_id))
            await asyncio.to_thread(running.wait)
            await opened.jobs.cancel(job_id)
            job = await driving
            go_on.set()
            return job

    job = asyncio.run(go())
    assert (job.status, job.agent_results) == (JobStatus.CANCELLED, {})


# -- claims and attempts -------------------------------------------------------------------------------------------


def test_a_decision_made_under_a_claim_that_was_taken_over_is_refused(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            job_id = await opened.jobs.submit({})
            old = await opened.db.claim_job(job_id, "old", -1.0)
            new = await opened.db.claim_job(job_id, "new", 30.0)
            assert old is not None
            assert new is not None
            assert new.job.epoch == old.job.epoch + 1
            with pytest.raises(StaleClaimError, match="claimed by somebody else"):
                await opened.db.commit(old, Changes(status=JobStatus.FAILED))
            assert (await opened.jobs.get(job_id)).status is JobStatus.PENDING
            await opened.db.commit(new, Changes(status=JobStatus.RUNNING))

    asyncio.run(go())


def test_the_outcome_of_an_attempt_that_was_given_up_is_refused(project: Make) -> None:
    async def go() -> None:
        async with in_pieces(project({"a": done})) as opened:
            job_id = await opened.jobs.submit({})
            advanced = await opened.orchestrator.advance(job_id)
            assert advanced is not None
            await opened.dispatcher.close()
            (attempt,) = (await snapshot_of(opened, job_id)).attempts
            zombie = await opened.db.start_attempt(attempt.key, "zombie", -1.0)
            assert zombie is not None
            await opened.orchestrator.advance(job_id)
            good = AgentOutcome(AttemptState.SUCCEEDED, output={"stale": True})
            assert not await opened.db.commit_outcome(attempt.key, "zombie", good, produced_by="a")
            snapshot = await snapshot_of(opened, job_id)
            assert snapshot.results == {}
            assert snapshot.attempts[0].state is AttemptState.ABANDONED

    asyncio.run(go())


def test_an_attempt_starts_once_and_only_its_owner_may_end_it(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            job_id = await opened.jobs.submit({})
            claimed = await opened.db.claim_job(job_id, "me", 30.0)
            assert claimed is not None
            from agent_framework.core.decide import decide

            move = decide(claimed, opened.orchestrator.pin(), random=lambda: 0.5, owner_is_dead=lambda owner: False)
            await opened.db.commit(claimed, move.changes)
            (attempt,) = move.dispatch
            starts = await asyncio.gather(*(opened.db.start_attempt(attempt.key, f"w{n}", 60.0) for n in range(10)))
            (started,) = [start for start in starts if start is not None]
            good = AgentOutcome(AttemptState.SUCCEEDED, output={})
            assert not await opened.db.commit_outcome(attempt.key, "thief", good, produced_by="a")
            owner = str(started.owner)
            stored = [await opened.db.commit_outcome(attempt.key, owner, good, produced_by="a") for _ in range(2)]
            assert stored == [True, False]

    asyncio.run(go())


def test_a_status_that_somebody_sets_while_an_advance_decides_is_respected(project: Make) -> None:
    async def go() -> Job:
        opened = in_pieces(project({"a": done}))
        async with opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            commit = opened.db.commit

            async def interrupted(snapshot: Snapshot, changes: Changes) -> Snapshot | None:
                opened.db.commit = commit  # type: ignore[method-assign]
                await opened.jobs.fail_job(job_id, "by hand")
                return await commit(snapshot, changes)

            opened.db.commit = interrupted  # type: ignore[method-assign]
            return await opened.orchestrator.drive(job_id)

    job = asyncio.run(go())
    assert (job.status, job.error_message) == (JobStatus.FAILED, "by hand")


def test_a_job_that_is_retried_right_after_that_can_be_claimed_at_once(project: Make) -> None:
    async def go() -> Job:
        opened = project({"a": done})
        async with opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            assert await opened.db.claim_job(job_id, "somebody alive elsewhere", 30.0)
            await opened.jobs.fail_job(job_id, "by hand")
            await opened.jobs.retry(job_id)
            return await opened.orchestrator.drive(job_id)

    assert asyncio.run(go()).status is JobStatus.COMPLETED


def test_an_outcome_that_another_process_commits_is_noticed_before_the_attempt_is_due(project: Make) -> None:
    async def go() -> Job:
        opened = in_pieces(project({"a": done}))
        async with opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            opened.dispatcher.dispatch = dispatch_nothing  # type: ignore[method-assign]
            driving = asyncio.create_task(opened.orchestrator.drive(job_id))
            while not (attempts := (await snapshot_of(opened, job_id)).attempts):
                await asyncio.sleep(0.01)
            assert await opened.db.start_attempt(attempts[0].key, "another machine", 300.0)
            good = AgentOutcome(AttemptState.SUCCEEDED, output={"from": "afar"})
            assert await opened.db.commit_outcome(attempts[0].key, "another machine", good, produced_by="a")
            return await driving

    assert asyncio.run(go()).agent_results == {"a": {"from": "afar"}}


def test_driving_an_unknown_or_a_finished_job_doesdispatch_nothing(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            with pytest.raises(JobNotFoundError, match="there is no job 'nope'"):
                await opened.orchestrator.drive("nope")
            job = await opened.run({})
            assert (await opened.orchestrator.drive(job.id)).status is JobStatus.COMPLETED
            assert await opened.orchestrator.advance(job.id) is None

    asyncio.run(go())

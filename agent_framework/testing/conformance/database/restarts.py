"""Restarts and other processes: another provider on the same data sees everything at once and goes on from there."""

import asyncio

from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import (
    Case,
    attempt_of,
    claimed,
    new_job,
    running,
    scenario,
    started,
    success,
)
from agent_framework.types import Event, EventKind, JobStatus


class RestartTests(Case):
    """What holds across providers; needs the fixture ``reopen``."""

    @scenario
    async def test_migrating_again_changes_nothing(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        job_id = await new_job(db)
        versions = await asyncio.gather(db.migrate(), other.migrate())
        assert versions[0] == versions[1]
        await db.check_schema()
        status = await other.schema_status()
        assert status.is_current
        assert await other.get_job(job_id) is not None

    @scenario
    async def test_another_provider_sees_what_was_written(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        job_id = await new_job(db, {"topic": "tea"})
        job = await other.get_job(job_id)
        assert job is not None
        assert job.request_payload == {"topic": "tea"}
        await other.store_agent_output(job_id, "writer", {"n": 1})
        assert await db.get_agent_output(job_id, "writer") == {"n": 1}
        await db.put_document("n", "k", {}, expected_version=0)
        assert await other.put_document("n", "k", {}, expected_version=0) is None

    @scenario
    async def test_everything_is_there_after_a_restart(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        attempt = attempt_of(snapshot, "writer")
        await db.commit(
            snapshot,
            Changes(
                events=(Event(1, 1, EventKind.STARTED, {"n": 1}),),
                attempts=(attempt,),
                status=JobStatus.RUNNING,
                plan={"p": 1},
            ),
        )
        await db.start_attempt(attempt.key, "worker", 60.0)
        await db.commit_outcome(attempt.key, "worker", success({"n": 1}), produced_by="writer")
        before = await db.load(job_id)
        await db.close()
        after = await other.load(job_id)
        assert before is not None
        assert after is not None
        assert (after.job, after.events, after.attempts, after.results) == (
            before.job,
            before.events,
            before.attempts,
            before.results,
        )

    @scenario
    async def test_a_claim_is_held_against_another_provider(
        self, db: DatabaseProvider, other: DatabaseProvider
    ) -> None:
        job_id = await new_job(db)
        await claimed(db, job_id, "alice")
        assert await other.claim_job(job_id, "bob", 30.0) is None
        assert await other.claim_owner(job_id) == "alice"
        assert await other.due_jobs() == []

    @scenario
    async def test_a_claim_outlives_its_provider(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await claimed(db, job_id, "alice")
        await db.close()
        assert await other.claim_job(job_id, "bob", 30.0) is None
        heir = await other.claim_job(job_id, "bob", 30.0, take_over_from="alice")
        assert heir is not None
        assert heir.job.epoch == 2

    @scenario
    async def test_an_attempt_started_before_the_restart_may_end_after_it(
        self, db: DatabaseProvider, other: DatabaseProvider
    ) -> None:
        key = await started(db, owner="worker")
        await db.close()
        assert await other.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")

    @scenario
    async def test_two_providers_write_one_job_at_once(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        job_id, keys = await running(db, *(f"agent_{n}" for n in range(10)))

        async def perform(provider: DatabaseProvider, n: int) -> None:
            assert await provider.start_attempt(keys[n], "worker", 60.0) is not None
            assert await provider.commit_outcome(keys[n], "worker", success({"n": n}), produced_by=keys[n].agent)

        await asyncio.gather(*(perform(db if n % 2 else other, n) for n in range(10)))
        assert len(await other.get_results(job_id)) == 10

    @scenario
    async def test_a_cancel_from_elsewhere_is_seen(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        job_id, [key] = await running(db, "writer")
        assert await other.signal_job(job_id, cancel=True)
        assert await db.start_attempt(key, "worker", 60.0) is None

"""Races: many at once, through one provider and through two, and nothing is lost or done twice."""

import asyncio

from agent_framework.errors import StaleClaimError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import (
    Case,
    claimed,
    failure,
    new_job,
    running,
    scenario,
    started,
    success,
)
from agent_framework.types import AttemptState, JobStatus

WRITERS = 50
WORKERS = 20


class RaceTests(Case):
    """What holds when it all happens at once."""

    @scenario
    async def test_row_26_fifty_outcomes_of_one_job_are_all_kept(self, db: DatabaseProvider) -> None:
        job_id, keys = await running(db, *(f"agent_{n:02}" for n in range(WRITERS)))

        async def perform(n: int) -> bool:
            if await db.start_attempt(keys[n], f"worker {n}", 60.0) is None:
                return False
            return await db.commit_outcome(keys[n], f"worker {n}", success({"n": n}), produced_by=keys[n].agent)

        assert all(await asyncio.gather(*(perform(n) for n in range(WRITERS))))
        snapshot = await db.load(job_id)
        assert snapshot is not None
        assert {name: result["n"] for name, result in snapshot.job.agent_results.items()} == {
            f"agent_{n:02}": n for n in range(WRITERS)
        }
        assert {attempt.state for attempt in snapshot.attempts} == {AttemptState.SUCCEEDED}
        assert snapshot.job.signals == WRITERS

    @scenario
    async def test_fifty_direct_outputs_of_one_job_are_all_kept(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await asyncio.gather(*(db.store_agent_output(job_id, f"agent_{n}", {"n": n}) for n in range(WRITERS)))
        job = await db.get_job(job_id)
        assert job is not None
        assert job.agent_results == {f"agent_{n}": {"n": n} for n in range(WRITERS)}

    @scenario
    async def test_one_of_twenty_claims_wins(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        claims = await asyncio.gather(*(db.claim_job(job_id, f"worker {n}", 30.0) for n in range(WORKERS)))
        winners = [n for n, claim in enumerate(claims) if claim is not None]
        assert len(winners) == 1
        assert await db.claim_owner(job_id) == f"worker {winners[0]}"

    @scenario
    async def test_row_11_one_of_twenty_claims_through_two_providers_wins(
        self, db: DatabaseProvider, other: DatabaseProvider
    ) -> None:
        job_id = await new_job(db)
        claims = await asyncio.gather(
            *((db if n % 2 else other).claim_job(job_id, f"worker {n}", 30.0) for n in range(WORKERS))
        )
        assert len([claim for claim in claims if claim is not None]) == 1

    @scenario
    async def test_one_of_many_starts_of_an_attempt_wins(self, db: DatabaseProvider) -> None:
        _, [key] = await running(db, "writer")
        starts = await asyncio.gather(*(db.start_attempt(key, f"worker {n}", 60.0) for n in range(WORKERS)))
        assert len([start for start in starts if start is not None]) == 1

    @scenario
    async def test_one_of_many_outcomes_of_an_attempt_wins(self, db: DatabaseProvider) -> None:
        key = await started(db)
        kept = await asyncio.gather(
            *(db.commit_outcome(key, "worker", success({"n": n}), produced_by="writer") for n in range(WORKERS))
        )
        assert kept.count(True) == 1
        assert await db.get_agent_output(key.job_id, "writer") == {"n": kept.index(True)}
        job = await db.get_job(key.job_id)
        assert job is not None
        assert job.signals == 1

    @scenario
    async def test_a_job_ends_with_an_outcome_or_without_it(self, db: DatabaseProvider) -> None:
        for _ in range(5):
            key = await started(db)
            snapshot = await claimed(db, key.job_id)
            newer, kept = await asyncio.gather(
                db.commit(snapshot, Changes(status=JobStatus.FAILED, settle=((key, failure()),))),
                db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer"),
            )
            assert (newer is None) is not kept
            found = await db.get_agent_output(key.job_id, "writer")
            assert found == ({"n": 1} if kept else None)

    @scenario
    async def test_signals_are_counted_one_by_one(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        assert all(await asyncio.gather(*(db.signal_job(job_id) for _ in range(WRITERS))))
        job = await db.get_job(job_id)
        assert job is not None
        assert job.signals == WRITERS

    @scenario
    async def test_row_16_twenty_submits_with_one_client_key_are_one_job(self, db: DatabaseProvider) -> None:
        ids = await asyncio.gather(*(new_job(db, client_key="k") for _ in range(WORKERS)))
        assert len(set(ids)) == 1
        assert len(await db.list_jobs()) == 1

    @scenario
    async def test_one_of_many_retries_starts_a_run(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.update_job_status(job_id, JobStatus.FAILED)
        await asyncio.gather(*(db.retry_job(job_id) for _ in range(5)), return_exceptions=True)
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.run, job.status) == (2, JobStatus.PENDING)

    @scenario
    async def test_one_of_fifty_writers_of_a_version_wins(self, db: DatabaseProvider) -> None:
        for version in range(2):
            written = await asyncio.gather(
                *(db.put_document("n", "k", {"by": n}, expected_version=version) for n in range(WRITERS))
            )
            winners = [n for n, document in enumerate(written) if document is not None]
            assert len(winners) == 1
            kept = await db.get_document("n", "k")
            assert kept is not None
            assert (kept.body, kept.version) == ({"by": winners[0]}, version + 1)

    @scenario
    async def test_compare_and_set_loses_no_increment(self, db: DatabaseProvider) -> None:
        async def increment() -> None:
            while True:
                found = await db.get_document("n", "count")
                count, version = (found.body["count"], found.version) if found else (0, 0)
                if await db.put_document("n", "count", {"count": count + 1}, expected_version=version):
                    return

        await asyncio.gather(*(increment() for _ in range(12)))
        kept = await db.get_document("n", "count")
        assert kept is not None
        assert (kept.body, kept.version) == ({"count": 12}, 12)

    @scenario
    async def test_many_jobs_are_driven_at_once(self, db: DatabaseProvider) -> None:
        async def drive(n: int) -> str:
            key = await started(db, f"agent_{n}")
            assert await db.commit_outcome(key, "worker", success({"n": n}), produced_by=key.agent)
            snapshot = await claimed(db, key.job_id)
            assert await db.commit(snapshot, Changes(status=JobStatus.COMPLETED)) is None
            return key.job_id

        ids = await asyncio.gather(*(drive(n) for n in range(10)))
        assert {job.id for job in await db.list_jobs(status=JobStatus.COMPLETED)} == set(ids)

    @scenario
    async def test_of_two_holders_of_a_claim_the_later_one_writes(
        self, db: DatabaseProvider, other: DatabaseProvider
    ) -> None:
        job_id = await new_job(db)
        old = await claimed(db, job_id, "dead")
        new = await other.claim_job(job_id, "heir", 30.0, take_over_from="dead")
        assert new is not None
        answers = await asyncio.gather(
            db.commit(old, Changes(status=JobStatus.FAILED, error_message="old")),
            other.commit(new, Changes(status=JobStatus.RUNNING)),
            return_exceptions=True,
        )
        assert isinstance(answers[0], StaleClaimError)
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.status, job.error_message) == (JobStatus.RUNNING, None)

"""Claims: one holder at a time, epochs that only grow, leases that end, and take-over."""

import pytest

from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import Case, Sleep, claimed, new_job, reach, scenario
from agent_framework.types import FINAL_STATUSES, JobStatus


class ClaimTests(Case):
    """What `claim_job` and `claim_owner` promise."""

    @scenario
    async def test_a_claim_raises_the_epoch_and_names_its_owner(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id, "alice")
        assert snapshot.job.id == job_id
        assert snapshot.job.epoch == 1
        assert await db.claim_owner(job_id) == "alice"

    @scenario
    async def test_an_unclaimed_job_has_no_owner(self, db: DatabaseProvider) -> None:
        assert await db.claim_owner(await new_job(db)) is None

    @scenario
    async def test_nobody_else_claims_while_the_lease_runs(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await claimed(db, job_id, "alice")
        assert await db.claim_job(job_id, "bob", 30.0) is None
        assert await db.claim_owner(job_id) == "alice"

    @scenario
    async def test_the_owner_itself_cannot_claim_twice(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await claimed(db, job_id, "alice")
        assert await db.claim_job(job_id, "alice", 30.0) is None

    @scenario
    async def test_an_expired_lease_is_anybodys(self, db: DatabaseProvider, sleep: Sleep) -> None:
        job_id = await new_job(db)
        first = await claimed(db, job_id, "alice", lease_s=0.3)
        assert await db.claim_job(job_id, "bob", 30.0) is None
        await sleep(0.4)
        assert await db.claim_owner(job_id) is None
        second = await claimed(db, job_id, "bob")
        assert second.job.epoch == first.job.epoch + 1

    @scenario
    async def test_a_job_whose_claim_expired_is_due_again(self, db: DatabaseProvider, sleep: Sleep) -> None:
        job_id = await new_job(db)
        await claimed(db, job_id, lease_s=0.3)
        await sleep(0.4)
        assert await db.due_jobs() == [job_id]

    @scenario
    async def test_a_dead_owners_claim_is_taken_over_at_once(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        old = await claimed(db, job_id, "dead")
        assert await db.claim_job(job_id, "heir", 30.0, take_over_from="somebody") is None
        new = await db.claim_job(job_id, "heir", 30.0, take_over_from="dead")
        assert new is not None
        assert new.job.epoch == old.job.epoch + 1
        assert await db.claim_owner(job_id) == "heir"

    @scenario
    async def test_a_commit_releases_the_claim(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.commit(await claimed(db, job_id, "alice"), Changes())
        assert await db.claim_owner(job_id) is None
        assert (await claimed(db, job_id, "bob")).job.epoch == 2

    @pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
    @scenario
    async def test_a_final_job_cannot_be_claimed(self, db: DatabaseProvider, status: JobStatus) -> None:
        job_id = await reach(db, status)
        assert await db.claim_job(job_id, "worker", 30.0) is None
        assert await db.claim_job(job_id, "worker", 30.0, take_over_from="dead") is None

    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.WAITING_FOR_APPROVAL])
    @scenario
    async def test_a_job_that_is_not_final_can_be_claimed(self, db: DatabaseProvider, status: JobStatus) -> None:
        snapshot = await claimed(db, await reach(db, status))
        assert snapshot.job.status is status

    @scenario
    async def test_epochs_never_repeat(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        epochs: list[int] = []
        for _ in range(3):
            snapshot = await claimed(db, job_id)
            epochs.append(snapshot.job.epoch)
            await db.commit(snapshot, Changes(due_at=snapshot.now))
        await db.update_job_status(job_id, JobStatus.FAILED)
        await db.retry_job(job_id)
        epochs.append((await claimed(db, job_id)).job.epoch)
        assert epochs == [1, 2, 3, 4]

    @scenario
    async def test_a_snapshots_time_is_the_databases(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        before = await db.now()
        snapshot = await claimed(db, job_id)
        assert before <= snapshot.now <= await db.now()

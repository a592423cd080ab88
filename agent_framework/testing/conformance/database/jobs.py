"""Jobs: creating, reading, paging, signalling, cancelling, and which are due."""

import asyncio
from itertools import pairwise

import pytest

from agent_framework.errors import IdempotencyConflictError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import Case, Sleep, claimed, new_job, reach, scenario
from agent_framework.types import FINAL_STATUSES, JobStatus


class JobTests(Case):
    """What `create_job`, `get_job`, `list_jobs`, `signal_job` and `due_jobs` promise."""

    @scenario
    async def test_a_new_job_is_pending_and_due_now(self, db: DatabaseProvider) -> None:
        before = await db.now()
        job = await db.get_job(await new_job(db, {"topic": "tea"}, user="ada"))
        assert job is not None
        assert (job.user_id, job.job_type, job.status) == ("ada", "report", JobStatus.PENDING)
        assert job.request_payload == {"topic": "tea"}
        assert (job.run, job.agent_results, job.plan, job.error_message) == (1, {}, None, None)
        assert (job.cancel_requested, job.started_at, job.completed_at) == (False, None, None)
        assert job.due_at is not None
        assert before - 0.01 <= job.created_at <= await db.now() + 0.01
        assert await db.due_jobs() == [job.id]

    @scenario
    async def test_an_unknown_job_is_none(self, db: DatabaseProvider) -> None:
        assert await db.get_job("nobody") is None
        assert await db.load("nobody") is None
        assert await db.claim_job("nobody", "worker", 30.0) is None
        assert await db.claim_owner("nobody") is None
        assert await db.get_agent_output("nobody", "writer") is None
        assert list(await db.get_results("nobody")) == []

    @scenario
    async def test_a_job_has_the_id_it_was_given(self, db: DatabaseProvider) -> None:
        assert await new_job(db, job_id="order-17") == "order-17"
        job = await db.get_job("order-17")
        assert job is not None
        assert job["job_id"] == "order-17"

    @scenario
    async def test_ids_are_unique(self, db: DatabaseProvider) -> None:
        ids = await asyncio.gather(*(new_job(db) for _ in range(20)))
        assert len(set(ids)) == 20

    @scenario
    async def test_the_same_client_key_and_payload_is_the_same_job(self, db: DatabaseProvider) -> None:
        first = await new_job(db, {"a": 1, "b": [1, 2]}, client_key="k")
        assert await new_job(db, {"b": [1, 2], "a": 1}, client_key="k") == first
        assert len(await db.list_jobs()) == 1

    @scenario
    async def test_the_same_client_key_with_another_payload_is_refused(self, db: DatabaseProvider) -> None:
        await new_job(db, {"a": 1}, client_key="k")
        with pytest.raises(IdempotencyConflictError, match="'k'"):
            await new_job(db, {"a": 2}, client_key="k")
        with pytest.raises(IdempotencyConflictError):
            await db.create_job("ada", "another type", {"a": 1}, client_key="k")

    @scenario
    async def test_client_keys_belong_to_their_user(self, db: DatabaseProvider) -> None:
        assert await new_job(db, user="ada", client_key="k") != await new_job(db, user="bob", client_key="k")

    @scenario
    async def test_jobs_without_a_client_key_are_never_merged(self, db: DatabaseProvider) -> None:
        assert await new_job(db) != await new_job(db)

    @scenario
    async def test_a_job_id_given_twice_is_the_same_job_or_refused(self, db: DatabaseProvider) -> None:
        await new_job(db, {"a": 1}, job_id="j")
        assert await new_job(db, {"a": 1}, job_id="j") == "j"
        with pytest.raises(IdempotencyConflictError, match="'j'"):
            await new_job(db, {"a": 2}, job_id="j")
        with pytest.raises(IdempotencyConflictError):
            await new_job(db, {"a": 1}, job_id="j", user="bob")

    @scenario
    async def test_a_payload_with_tuples_matches_itself(self, db: DatabaseProvider) -> None:
        first = await new_job(db, {"pair": (1, 2)}, client_key="k")
        assert await new_job(db, {"pair": (1, 2)}, client_key="k") == first

    @scenario
    async def test_jobs_are_listed_newest_first(self, db: DatabaseProvider, sleep: Sleep) -> None:
        ids: list[str] = []
        for _ in range(3):
            ids.append(await new_job(db))
            await sleep(0.002)
        assert [job.id for job in await db.list_jobs()] == ids[::-1]

    @scenario
    async def test_jobs_are_listed_by_user_and_status(self, db: DatabaseProvider) -> None:
        await new_job(db, user="ada")
        mine = await new_job(db, user="bob")
        done = await new_job(db, user="bob")
        await db.update_job_status(done, JobStatus.FAILED, "no luck")
        assert {job.id for job in await db.list_jobs("bob")} == {mine, done}
        assert [job.id for job in await db.list_jobs("bob", JobStatus.FAILED)] == [done]
        assert [job.id for job in await db.list_jobs(status=JobStatus.FAILED)] == [done]
        assert await db.list_jobs("nobody") == []

    @scenario
    async def test_pages_follow_each_other_without_gap_or_repeat(self, db: DatabaseProvider) -> None:
        ids = [await new_job(db) for _ in range(7)]
        seen: list[str] = []
        after = None
        while page := await db.list_jobs(limit=3, after=after):
            assert len(page) <= 3
            seen += [job.id for job in page]
            after = page[-1].id
        assert sorted(seen) == sorted(ids)

    @scenario
    async def test_pages_of_one_user_hold_only_that_user(self, db: DatabaseProvider) -> None:
        for _ in range(3):
            await new_job(db, user="ada")
            await new_job(db, user="bob")
        first = await db.list_jobs("bob", limit=2)
        rest = await db.list_jobs("bob", limit=2, after=first[-1].id)
        assert [job.user_id for job in [*first, *rest]] == ["bob"] * 3

    @scenario
    async def test_listed_jobs_come_without_results(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.store_agent_output(job_id, "writer", {"text": "hello"})
        [job] = await db.list_jobs()
        assert job.agent_results == {}

    @scenario
    async def test_a_cancel_sets_the_flag_and_makes_the_job_due(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        await db.commit(snapshot, Changes(status=JobStatus.RUNNING, due_at=snapshot.now + 60))
        assert await db.due_jobs() == []
        assert await db.signal_job(job_id, cancel=True)
        job = await db.get_job(job_id)
        assert job is not None
        assert job.cancel_requested
        assert await db.due_jobs() == [job_id]

    @scenario
    async def test_a_signal_without_cancel_leaves_the_flag(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        assert await db.signal_job(job_id)
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.cancel_requested, job.signals) == (False, 1)
        assert await db.signal_job(job_id, cancel=True)
        assert await db.signal_job(job_id)
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.cancel_requested, job.signals) == (True, 3)

    @pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
    @scenario
    async def test_a_final_job_cannot_be_signalled(self, db: DatabaseProvider, status: JobStatus) -> None:
        job_id = await reach(db, status)
        assert not await db.signal_job(job_id)
        assert not await db.signal_job(job_id, cancel=True)
        assert await db.due_jobs() == []

    @scenario
    async def test_an_unknown_job_cannot_be_signalled(self, db: DatabaseProvider) -> None:
        assert not await db.signal_job("nobody", cancel=True)

    @scenario
    async def test_the_longest_due_comes_first(self, db: DatabaseProvider) -> None:
        ids = [await new_job(db) for _ in range(3)]
        for job_id, waited_s in zip(ids, (10.0, 30.0, 20.0), strict=True):
            snapshot = await claimed(db, job_id)
            await db.commit(snapshot, Changes(status=JobStatus.RUNNING, due_at=snapshot.now - waited_s))
        assert await db.due_jobs() == [ids[1], ids[2], ids[0]]
        assert await db.due_jobs(limit=2) == [ids[1], ids[2]]

    @scenario
    async def test_a_job_is_due_when_its_time_comes(self, db: DatabaseProvider, sleep: Sleep) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        await db.commit(snapshot, Changes(status=JobStatus.RUNNING, due_at=snapshot.now + 0.4))
        assert await db.due_jobs() == []
        await sleep(0.45)
        assert await db.due_jobs() == [job_id]

    @scenario
    async def test_a_job_that_waits_for_nobody_is_not_due(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.commit(await claimed(db, job_id), Changes(status=JobStatus.RUNNING, due_at=None))
        assert await db.due_jobs() == []

    @scenario
    async def test_a_claimed_job_is_not_due(self, db: DatabaseProvider) -> None:
        await claimed(db, await new_job(db))
        assert await db.due_jobs() == []

    @scenario
    async def test_the_clock_goes_forward(self, db: DatabaseProvider, sleep: Sleep) -> None:
        moments: list[float] = []
        for _ in range(3):
            moments.append(await db.now())
            await sleep(0.01)
        assert all(later > earlier for earlier, later in pairwise(moments))

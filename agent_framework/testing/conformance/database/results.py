"""Results: what agents stored directly, and how they are read."""

from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.testing.conformance.database.harness import Case, Sleep, new_job, scenario, started, success


class ResultTests(Case):
    """What `store_agent_output`, `get_agent_output` and `get_results` promise."""

    @scenario
    async def test_a_stored_output_is_read_back_everywhere(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.store_agent_output(job_id, "writer", {"text": "hello"}, execution_time_ms=7)
        assert await db.get_agent_output(job_id, "writer") == {"text": "hello"}
        job = await db.get_job(job_id)
        assert job is not None
        assert job.agent_results == {"writer": {"text": "hello"}}
        [result] = await db.get_results(job_id)
        assert (result.agent, result.payload, result.execution_time_ms) == ("writer", {"text": "hello"}, 7)
        assert (result.seq, result.produced_by, result.usage.requests) == (None, None, 0)
        snapshot = await db.load(job_id)
        assert snapshot is not None
        assert snapshot.results["writer"] == result

    @scenario
    async def test_an_agent_without_output_has_none(self, db: DatabaseProvider) -> None:
        assert await db.get_agent_output(await new_job(db), "writer") is None

    @scenario
    async def test_an_output_replaces_the_one_before(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.store_agent_output(job_id, "writer", {"n": 1, "old": True})
        await db.store_agent_output(job_id, "writer", {"n": 2})
        assert await db.get_agent_output(job_id, "writer") == {"n": 2}
        assert len(await db.get_results(job_id)) == 1

    @scenario
    async def test_an_output_fills_the_slot_of_an_outcome(self, db: DatabaseProvider) -> None:
        key = await started(db)
        await db.store_agent_output(key.job_id, "writer", {"n": 1})
        assert await db.commit_outcome(key, "worker", success({"n": 2}), produced_by="writer")
        assert await db.get_agent_output(key.job_id, "writer") == {"n": 2}
        assert len(await db.get_results(key.job_id)) == 1

    @scenario
    async def test_results_come_in_the_order_they_were_stored(self, db: DatabaseProvider, sleep: Sleep) -> None:
        job_id = await new_job(db)
        for agent in ("zoe", "adam", "mia"):
            await db.store_agent_output(job_id, agent, {"by": agent})
            await sleep(0.002)
        assert [result.agent for result in await db.get_results(job_id)] == ["zoe", "adam", "mia"]

    @scenario
    async def test_jobs_do_not_share_results(self, db: DatabaseProvider) -> None:
        one, two = await new_job(db), await new_job(db)
        await db.store_agent_output(one, "writer", {"n": 1})
        assert await db.get_agent_output(two, "writer") is None
        assert list(await db.get_results(two)) == []

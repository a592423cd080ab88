"""For databases that read a whole snapshot at one moment; others are kept right by the signals of `commit`."""

import asyncio

from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.testing.conformance.database.harness import Case, running, scenario, success
from agent_framework.types import AttemptState


class OneMomentTests(Case):
    """What `load` promises while others write; mix it in beside `DatabaseConformance`."""

    @scenario
    async def test_a_snapshot_is_of_one_moment(self, db: DatabaseProvider) -> None:
        job_id, keys = await running(db, *(f"agent_{n}" for n in range(15)))
        writing = True

        async def write() -> None:
            nonlocal writing
            for key in keys:
                assert await db.start_attempt(key, "worker", 60.0) is not None
                assert await db.commit_outcome(key, "worker", success({"n": 1}), produced_by=key.agent)
            writing = False

        async def read() -> None:
            while writing:
                snapshot = await db.load(job_id)
                assert snapshot is not None
                done = sum(attempt.state is AttemptState.SUCCEEDED for attempt in snapshot.attempts)
                assert (snapshot.job.signals, len(snapshot.results)) == (done, done)

        await asyncio.gather(write(), *(read() for _ in range(4)))

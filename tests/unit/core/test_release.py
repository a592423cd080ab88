"""Letting go of a claim without having decided anything."""

import asyncio
from pathlib import Path

import pytest

from agent_framework.core.job_manager import JobManager
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import JobStatus


@pytest.mark.parametrize("signals", [0, 2])
def test_a_claim_is_let_go_whatever_was_signalled_meanwhile(tmp_path: Path, signals: int) -> None:
    async def go() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db, asyncio.timeout(10):
            jobs = JobManager(db)
            job_id = await jobs.submit({})
            snapshot = await jobs.claim(job_id)
            assert snapshot is not None
            for _ in range(signals):
                await db.signal_job(job_id)
            await jobs.release(snapshot)
            assert await db.claim_owner(job_id) is None

    asyncio.run(go())


def test_nothing_is_let_go_for_ever_of_a_job_that_has_ended_meanwhile(tmp_path: Path) -> None:
    async def go() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db, asyncio.timeout(10):
            jobs = JobManager(db)
            job_id = await jobs.submit({})
            snapshot = await jobs.claim(job_id)
            assert snapshot is not None
            await jobs.fail_job(job_id, "by hand")
            await jobs.release(snapshot)
            assert (await jobs.get(job_id)).status is JobStatus.FAILED

    asyncio.run(go())

"""PostgreSQL when connections break: what was asked happens once, and its answer is known."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from agent_framework.infrastructure.database import _postgres_driver
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import AgentOutcome, Attempt, AttemptKey, AttemptState, JobStatus
from tests.support.cutting_proxy import CuttingProxy
from tests.support.postgres import PostgresServer, made


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(postgres.host, postgres.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_row_23_a_claim_whose_answer_was_cut_off_happens_once(postgres, proxy, after):
    async def go() -> None:
        async with made(postgres, port=proxy.port) as db:
            job_id = await db.create_job("ada", "t", {})
            proxy.cut(b"epoch = epoch + 1", after=after)
            snapshot = await db.claim_job(job_id, "worker", 30.0)
            assert proxy.cuts == 1
            assert snapshot is not None
            assert snapshot.job.epoch == 1
            assert await db.commit(snapshot, Changes(status=JobStatus.RUNNING)) is None
            job = await db.get_job(job_id)
            assert job is not None
            assert (job.status, job.epoch) == (JobStatus.RUNNING, 1)

    asyncio.run(go())


@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_row_23_what_a_lost_answer_said_is_known_from_its_receipt(postgres, proxy, after):
    async def go() -> None:
        async with made(postgres, port=proxy.port) as db:
            proxy.cut(b"INSERT INTO jobs", after=after)
            job_id = await db.create_job("ada", "t", {"n": 1})
            key = AttemptKey(job_id, 1, 1, "writer", 1)
            proxy.cut(b"INSERT INTO attempts", after=after)
            decided = await db.decide_job(
                job_id, "me", 30.0, lambda snapshot: Changes(status=JobStatus.RUNNING, attempts=(pending(key),))
            )
            assert decided is not None
            assert decided.after is not None
            proxy.cut(b"SET state = 'started'", after=after)
            attempt = await db.start_attempt(key, "worker", 30.0)
            assert attempt is not None
            assert (attempt.key, attempt.state, attempt.owner) == (key, AttemptState.STARTED, "worker")
            outcome = AgentOutcome(AttemptState.SUCCEEDED, output={"text": "é"})
            proxy.cut(b"INSERT INTO agent_results", after=after)
            assert await db.commit_outcome(key, "worker", outcome, produced_by="writer")
            assert not await db.commit_outcome(key, "worker", outcome, produced_by="writer")
            snapshot = await db.load(job_id)
            assert snapshot is not None
            assert (snapshot.job.epoch, snapshot.job.signals, proxy.cuts) == (1, 1, 4)
            assert snapshot.attempts[0].started_at == attempt.started_at

    asyncio.run(go())


def pending(key: AttemptKey) -> Attempt:
    """An attempt that nobody has started."""
    return Attempt(key, key.agent, AttemptState.PENDING, 0.0, 4e9)


@pytest.mark.parametrize("word", [b"COMMIT", b"UPDATE jobs", b"BEGIN"])
@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_a_transaction_happens_once_wherever_the_connection_breaks(postgres, proxy, word, after):
    async def go() -> None:
        async with made(postgres, port=proxy.port) as db:
            job_id = await db.create_job("ada", "t", {})
            proxy.cut(word, after=after)
            await db.update_job_status(job_id, JobStatus.RUNNING)
            job = await db.get_job(job_id)
            assert job is not None
            assert (job.signals, proxy.cuts) == (1, 1)

    asyncio.run(go())


@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_a_signal_is_counted_once_wherever_the_connection_breaks(postgres, proxy, after):
    async def go() -> None:
        async with made(postgres, port=proxy.port) as db:
            job_id = await db.create_job("ada", "t", {})
            proxy.cut(b"UPDATE jobs", after=after)
            assert await db.signal_job(job_id)
            job = await db.get_job(job_id)
            assert job is not None
            assert (job.signals, proxy.cuts) == (1, 1)

    asyncio.run(go())


def test_receipts_of_transactions_are_kept_for_an_hour(migrated, monkeypatch):
    monkeypatch.setattr(_postgres_driver, "DROP_EVERY", 1)
    migrated.query(
        "INSERT INTO transaction_receipts (id, at) VALUES ('old', now() - INTERVAL '61 minutes'), ('new', now())",
        "conformance",
    )

    async def go() -> None:
        async with made(migrated) as db:
            await db.create_job("ada", "t", {})

    asyncio.run(go())
    ids = [row[0] for row in migrated.query("SELECT id FROM transaction_receipts", "conformance")]
    assert "new" in ids
    assert "old" not in ids


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_pooled_connections_heal_after_a_restart(postgres, mode):
    async def go() -> None:
        async with made(postgres) as db:
            job_id = await db.create_job("ada", "t", {})
            await asyncio.gather(*(db.signal_job(job_id) for _ in range(20)))
            await asyncio.to_thread(postgres.restart, mode)
            await asyncio.gather(*(db.signal_job(job_id) for _ in range(20)))
            job = await db.get_job(job_id)
            assert job is not None
            assert job.signals == 40

    asyncio.run(go())


def test_writers_go_through_crashes_of_the_server_without_losing_or_doubling_anything(postgres):
    async def go() -> None:
        async with made(postgres, retry_seconds=30.0) as db:
            job_id = await db.create_job("ada", "t", {})
            until = time.monotonic() + 4.0
            done = 0

            async def write() -> None:
                nonlocal done
                while time.monotonic() < until:
                    assert await db.signal_job(job_id)
                    done += 1

            crashes = threading.Thread(target=lambda: [postgres.restart("immediate", down_s=0.3) for _ in range(3)])
            crashes.start()
            try:
                await asyncio.gather(*(write() for _ in range(8)))
            finally:
                await asyncio.to_thread(crashes.join)
            job = await db.get_job(job_id)
            assert job is not None
            assert job.signals == done > 8

    asyncio.run(go())

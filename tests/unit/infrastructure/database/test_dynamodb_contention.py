"""Many processes at one job, on a DynamoDB whose transactions take time and collide."""

import asyncio
import time
from collections.abc import Callable

from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.testing.conformance.database.harness import attempt_of, claimed, new_job, running, success
from agent_framework.types import AttemptKey, JobStatus, Snapshot
from tests.support.dynamodb import DynamoDBServer

Open = Callable[[], DynamoDBDatabase]
SIBLINGS = 50
TRANSACTION_S = 0.01


async def perform(db: DynamoDBDatabase, key: AttemptKey, n: int) -> bool:
    """Start and end one attempt."""
    assert await db.start_attempt(key, f"worker {n}", 60.0) is not None
    return await db.commit_outcome(key, f"worker {n}", success({"n": n}), produced_by=key.agent)


def test_fifty_processes_end_at_once(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    async def check() -> None:
        async with open_database() as db:
            job_id, keys = await running(db, *(f"agent_{n:02}" for n in range(SIBLINGS)))
            others = [open_database() for _ in keys]
            dynamodb_server.transaction_s = TRANSACTION_S
            began = time.monotonic()
            done = await asyncio.gather(*(perform(others[n], key, n) for n, key in enumerate(keys)))
            took_s = time.monotonic() - began
            print(f"{SIBLINGS} processes: {took_s:.1f} s, {dynamodb_server.conflicts} conflicts")
            assert took_s < 20
            assert all(done)
            assert dynamodb_server.conflicts > 0
            job = await db.get_job(job_id)
            assert job is not None
            assert job.agent_results == {f"agent_{n:02}": {"n": n} for n in range(SIBLINGS)}
            assert job.signals == SIBLINGS
            for other in others:
                await other.close()

    asyncio.run(check())


def test_agents_of_one_process_do_not_collide(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    async def check() -> None:
        async with open_database() as db:
            _, keys = await running(db, *(f"agent_{n:02}" for n in range(SIBLINGS)))
            dynamodb_server.transaction_s = TRANSACTION_S
            assert all(await asyncio.gather(*(perform(db, key, n) for n, key in enumerate(keys))))
            assert dynamodb_server.conflicts == 0

    asyncio.run(check())


def test_a_decision_never_misses_an_outcome_it_did_not_see(
    open_database: Open, dynamodb_server: DynamoDBServer
) -> None:
    """Outcomes come in while decisions are made; the last decision has seen all of them, and no due time is lost."""

    async def check() -> None:
        async with open_database() as db, open_database() as other:
            job_id, keys = await running(db, *(f"agent_{n:02}" for n in range(12)))
            dynamodb_server.transaction_s = 0.003
            performing = asyncio.gather(*(perform(other, key, n) for n, key in enumerate(keys)))
            seen: Snapshot | None = None
            while not performing.done() or await db.due_jobs():
                seen = await db.claim_job(job_id, "decider", 30.0)
                newer = seen
                while newer is not None:
                    seen, newer = newer, await db.commit(newer, Changes(due_at=newer.now + 60))
            assert seen is not None
            assert [attempt.state.value for attempt in seen.attempts] == ["succeeded"] * len(keys)
            assert len(seen.results) == len(keys)

    asyncio.run(check())


def test_a_load_is_of_one_moment(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    """While the job changes, a load shows as many attempts as the commit that it shows had written.

    The job stands still for a load's time in between, however slow the machine: one that never does is read mixed.
    """
    load_s = 0.0

    async def check() -> None:
        nonlocal load_s
        async with open_database() as db, open_database() as reader:
            job_id = await new_job(db)
            dynamodb_server.transaction_s = 0.005
            writing = asyncio.create_task(write(db, job_id))
            while not writing.done():
                began = time.monotonic()
                snapshot = await reader.load(job_id)
                load_s = max(load_s, time.monotonic() - began)
                assert snapshot is not None
                assert snapshot.job.error_message == (f"{len(snapshot.attempts)}" if snapshot.attempts else None)
            await writing

    async def write(db: DynamoDBDatabase, job_id: str) -> None:
        for number in range(1, 13):
            snapshot = await claimed(db, job_id)
            attempt = attempt_of(snapshot, "writer", number=number)
            changes = Changes(attempts=(attempt,), error_message=str(number), status=JobStatus.RUNNING)
            assert await db.commit(snapshot, changes) is None
            await asyncio.sleep(max(0.03, load_s))

    asyncio.run(check())

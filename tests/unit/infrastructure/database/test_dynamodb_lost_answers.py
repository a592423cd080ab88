"""Answers that are lost, before or after DynamoDB did its work: each write happens once and is known as one's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent_framework.errors import IdempotencyConflictError, ProviderError
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase, calls
from agent_framework.testing.conformance.database.harness import (
    attempt_of,
    claimed,
    failure,
    new_job,
    reach,
    running,
    started,
    success,
)
from agent_framework.types import AttemptState, Event, EventKind, JobStatus
from tests.support.dynamodb import DynamoDBServer, Fault

Open = Callable[[], DynamoDBDatabase]
Lose = Callable[[str], None]
TRANSACT, UPDATE = "TransactWriteItems", "UpdateItem"


async def create(db: DynamoDBDatabase, lose: Lose) -> None:
    lose(TRANSACT)
    job_id = await new_job(db, client_key="k")
    assert [job.id for job in await db.list_jobs()] == [job_id]
    with pytest.raises(IdempotencyConflictError):
        await new_job(db, {"another": "request"}, client_key="k")


async def claim(db: DynamoDBDatabase, lose: Lose) -> None:
    job_id = await new_job(db)
    lose(UPDATE)
    snapshot = await claimed(db, job_id)
    assert await db.claim_job(job_id, "another", 30.0) is None
    assert await db.commit(snapshot, Changes(status=JobStatus.RUNNING)) is None


async def commit(db: DynamoDBDatabase, lose: Lose) -> None:
    snapshot = await claimed(db, await new_job(db))
    attempt = attempt_of(snapshot, "writer")
    lose(TRANSACT)
    changes = Changes((Event(1, 1, EventKind.STEP, {}),), (attempt,), status=JobStatus.RUNNING, due_at=snapshot.now)
    assert await db.commit(snapshot, changes) is None
    after = await claimed(db, snapshot.job.id)
    assert (len(after.events), len(after.attempts), after.job.status) == (1, 1, JobStatus.RUNNING)


async def large_commit(db: DynamoDBDatabase, lose: Lose) -> None:
    snapshot = await claimed(db, await new_job(db))
    attempts = tuple(attempt_of(snapshot, f"agent_{n}") for n in range(120))
    lose(TRANSACT)
    assert await db.commit(snapshot, Changes(attempts=attempts, status=JobStatus.RUNNING)) is None
    after = await db.load(snapshot.job.id)
    assert after is not None
    assert len(after.attempts) == 120


async def start(db: DynamoDBDatabase, lose: Lose) -> None:
    _, [key] = await running(db, "writer")
    lose(UPDATE)
    attempt = await db.start_attempt(key, "worker", 60.0)
    assert attempt is not None
    assert (attempt.state, attempt.owner) == (AttemptState.STARTED, "worker")
    assert await db.start_attempt(key, "worker", 60.0) is None


async def outcome(db: DynamoDBDatabase, lose: Lose) -> None:
    key = await started(db)
    before = await db.load(key.job_id)
    lose(TRANSACT)
    assert await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")
    assert not await db.commit_outcome(key, "worker", failure(), produced_by="writer")
    after = await db.load(key.job_id)
    assert before is not None
    assert after is not None
    assert after.job.signals == before.job.signals + 1
    assert after.job.agent_results == {"writer": {"n": 1}}


async def output(db: DynamoDBDatabase, lose: Lose) -> None:
    job_id = await new_job(db)
    lose("PutItem")
    await db.store_agent_output(job_id, "writer", {"n": 1})
    assert await db.get_agent_output(job_id, "writer") == {"n": 1}


async def status(db: DynamoDBDatabase, lose: Lose) -> None:
    job_id = await new_job(db)
    lose(UPDATE)
    await db.update_job_status(job_id, JobStatus.RUNNING)
    job = await db.get_job(job_id)
    assert job is not None
    assert (job.status, job.signals) == (JobStatus.RUNNING, 1)


async def retry(db: DynamoDBDatabase, lose: Lose) -> None:
    job_id = await reach(db, JobStatus.FAILED)
    lose(UPDATE)
    assert (await db.retry_job(job_id)).run == 2


async def signal(db: DynamoDBDatabase, lose: Lose) -> None:
    job_id = await new_job(db)
    lose(UPDATE)
    assert await db.signal_job(job_id, cancel=True)


async def put(db: DynamoDBDatabase, lose: Lose) -> None:
    for version in range(3):
        lose(UPDATE)
        document = await db.put_document("n", "k", {"n": version}, expected_version=version)
        assert document is not None
        assert (document.version, document.body) == (version + 1, {"n": version})


async def delete(db: DynamoDBDatabase, lose: Lose) -> None:
    await db.put_document("n", "k", {}, expected_version=0)
    lose(TRANSACT)
    assert await db.delete_document("n", "k", expected_version=1)
    assert not await db.delete_document("n", "k")


async def read(db: DynamoDBDatabase, lose: Lose) -> None:
    job_id = await new_job(db)
    for operation, ask in (("GetItem", db.load), ("Query", db.get_results), ("Query", db.get_job)):
        lose(operation)
        assert await ask(job_id) is not None
    lose("BatchGetItem")
    assert len(await db.list_jobs()) == 1


WRITES: list[Callable[[DynamoDBDatabase, Lose], Awaitable[None]]] = [
    create,
    claim,
    commit,
    large_commit,
    start,
    outcome,
    output,
    status,
    retry,
    signal,
    put,
    delete,
    read,
]
FAULTS = {
    "applied, answer lost": Fault(""),
    "lost on the way": Fault("", before=True),
    "server error": Fault("", error="InternalServerError"),
    "throttled": Fault("", error="ThrottlingException"),
    "over capacity": Fault("", error="ProvisionedThroughputExceededException"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_a_fault_changes_nothing_but_the_time(
    write: Callable[[DynamoDBDatabase, Lose], Awaitable[None]],
    fault: str,
    open_database: Open,
    dynamodb_server: DynamoDBServer,
) -> None:
    met = FAULTS[fault]

    def lose(operation: str) -> None:
        dynamodb_server.fail(*[Fault(operation, met.error, met.before)] * 2)

    async def check() -> None:
        async with open_database() as db:
            await write(db, lose)
            assert dynamodb_server.faults_left == 0

    asyncio.run(check())


@pytest.mark.parametrize("write", [create, commit, large_commit, outcome], ids=lambda write: write.__name__)
def test_row_23_own_transactions_are_known_without_the_help_of_dynamodb(
    write: Callable[[DynamoDBDatabase, Lose], Awaitable[None]],
    open_database: Open,
    dynamodb_server: DynamoDBServer,
) -> None:
    """DynamoDB knows a token for ten minutes; what is stored is known for longer."""
    dynamodb_server.tokens = False

    async def check() -> None:
        async with open_database() as db:
            await write(db, lambda operation: dynamodb_server.fail(Fault(operation)))
            assert dynamodb_server.faults_left == 0

    asyncio.run(check())


def test_a_lost_commit_is_known_although_the_job_went_on(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    """The answer is lost, somebody else claims and commits, and only then does the second try arrive."""

    async def check() -> None:
        async with open_database() as db, open_database() as other:
            snapshot = await claimed(db, await new_job(db))
            moved_on = asyncio.Event()
            loop = asyncio.get_running_loop()
            sent = 0

            def before(operation: str, params: dict[str, Any]) -> None:
                nonlocal sent
                if operation == TRANSACT and params["TransactItems"][0]["Update"]["Key"]["SK"]["S"] == "META":
                    sent += 1
                    if sent == 2:
                        asyncio.run_coroutine_threadsafe(go_on(), loop).result(10)

            async def go_on() -> None:
                dynamodb_server.before = None
                later = await claimed(other, snapshot.job.id, "other")
                assert await other.commit(later, Changes(error_message="went on")) is None
                moved_on.set()

            dynamodb_server.before = before
            dynamodb_server.fail(Fault(TRANSACT))
            assert await db.commit(snapshot, Changes(status=JobStatus.RUNNING)) is None
            assert moved_on.is_set()
            after = await db.get_job(snapshot.job.id)
            assert after is not None
            assert (after.status, after.error_message, after.epoch) == (JobStatus.RUNNING, "went on", 2)

    asyncio.run(check())


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_endless_throttling_ends_in_an_error(
    code: str,
    open_database: Open,
    dynamodb_server: DynamoDBServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "BUSY_FOR_S", 0.3)

    async def check() -> None:
        async with open_database() as db:
            dynamodb_server.fail(*[Fault("GetItem", error=code)] * 100)
            with pytest.raises(ProviderError, match=rf"get_item failed: .*{code}") as info:
                await db.get_job("j")
            assert info.value.retryable

    asyncio.run(check())


def test_endless_loss_ends_in_an_error(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    async def check() -> None:
        async with open_database() as db:
            dynamodb_server.counts.clear()
            dynamodb_server.fail(*[Fault("GetItem", before=True)] * 100)
            with pytest.raises(ProviderError, match="get_item failed") as info:
                await db.get_job("j")
            assert info.value.retryable
            assert dynamodb_server.counts["GetItem"] == calls.LOST_TRIES

    asyncio.run(check())

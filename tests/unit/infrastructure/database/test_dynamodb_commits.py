"""Decisions on DynamoDB that are larger than a transaction: all or nothing, whatever dies in between."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agent_framework.errors import StaleClaimError
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.testing.conformance.database.harness import attempt_of, claimed, failure, new_job, success
from agent_framework.types import AttemptKey, AttemptState, Event, EventKind, JobStatus, Snapshot
from tests.support.dynamodb import DynamoDBServer, Fault

AGENTS = 150
DEAD = "AccessDeniedException"
Open = Callable[[], DynamoDBDatabase]


def large(snapshot: Snapshot, agents: int = AGENTS) -> Changes:
    """A parallel step of many agents."""
    attempts = tuple(attempt_of(snapshot, f"agent_{n:03}") for n in range(agents))
    event = Event(1, 1, EventKind.STEP, {"agents": [attempt.key.agent for attempt in attempts]})
    return Changes((event,), attempts, status=JobStatus.RUNNING, due_at=snapshot.now + 60, plan={"version": 1})


def left_over(server: DynamoDBServer, table: str) -> int:
    """Items of journals in the table."""
    items = server.client.scan(TableName=table, ProjectionExpression="SK")["Items"]
    return sum(item["SK"]["S"].startswith("JOURNAL#") for item in items)


def test_three_hundred_agents_start_in_one_decision(
    open_database: Open, dynamodb_server: DynamoDBServer, dynamodb_table: str
) -> None:
    async def check() -> None:
        async with open_database() as db:
            snapshot = await claimed(db, await new_job(db))
            assert await db.commit(snapshot, large(snapshot, 300)) is None
            after = await db.load(snapshot.job.id)
            assert after is not None
            assert [a.key.agent for a in after.attempts] == [f"agent_{n:03}" for n in range(300)]
            assert {a.state for a in after.attempts} == {AttemptState.PENDING}
            assert (len(after.events), after.job.status, after.job.plan) == (1, JobStatus.RUNNING, {"version": 1})
            assert left_over(dynamodb_server, dynamodb_table) == 0

    asyncio.run(check())


@pytest.mark.parametrize("applied", range(3))
def test_a_process_that_dies_while_it_applies_a_large_decision(
    applied: int,
    open_database: Open,
    dynamodb_server: DynamoDBServer,
    dynamodb_table: str,
) -> None:
    """The first transaction decides; 151 writes are applied in two more, and the fourth clears the journal."""

    async def check() -> None:
        async with open_database() as dying, open_database() as other:
            snapshot = await claimed(dying, await new_job(dying))
            sent = 0

            def die(operation: str, params: dict[str, Any]) -> None:
                nonlocal sent
                sent += operation == "TransactWriteItems"
                if operation == "TransactWriteItems" and sent == applied + 2:
                    dynamodb_server.fail(Fault("TransactWriteItems", error=DEAD))

            dynamodb_server.before = die
            assert await dying.commit(snapshot, large(snapshot)) is None
            dynamodb_server.before = None
            assert left_over(dynamodb_server, dynamodb_table) > 0
            key = large(snapshot).attempts[-1].key
            assert await other.start_attempt(key, "worker", 60.0) is not None
            assert await other.commit_outcome(key, "worker", success({"n": 1}), produced_by=key.agent)
            after = await claimed(other, snapshot.job.id)
            assert len(after.attempts) == AGENTS
            assert [a.key for a in after.attempts if a.state is AttemptState.SUCCEEDED] == [key]
            assert left_over(dynamodb_server, dynamodb_table) == 0

    asyncio.run(check())


def test_a_large_decision_that_dies_first_is_as_if_never_made(
    open_database: Open, dynamodb_server: DynamoDBServer, dynamodb_table: str
) -> None:
    async def check() -> None:
        async with open_database() as db:
            snapshot = await claimed(db, await new_job(db))
            dynamodb_server.fail(Fault("TransactWriteItems", error=DEAD))
            with pytest.raises(Exception, match=DEAD):
                await db.commit(snapshot, large(snapshot))
            after = await db.load(snapshot.job.id)
            assert after is not None
            assert (after.attempts, after.events, after.job.status) == ((), (), JobStatus.PENDING)
            assert left_over(dynamodb_server, dynamodb_table) == 0

    asyncio.run(check())


def test_a_large_decision_from_an_older_state_is_refused(open_database: Open) -> None:
    async def check() -> None:
        async with open_database() as db:
            snapshot = await claimed(db, await new_job(db))
            await db.signal_job(snapshot.job.id)
            newer = await db.commit(snapshot, large(snapshot))
            assert newer is not None
            assert (newer.job.signals, newer.attempts) == (1, ())
            await claimed_again(db, snapshot.job.id)
            with pytest.raises(StaleClaimError):
                await db.commit(newer, large(newer))

    asyncio.run(check())


async def claimed_again(db: DynamoDBDatabase, job_id: str) -> Snapshot:
    """The claim of somebody who knows that the first owner is dead."""
    snapshot = await db.claim_job(job_id, "another", 30.0, take_over_from="worker")
    assert snapshot is not None
    return snapshot


def test_giving_up_very_many_attempts_refuses_all_their_outcomes(
    open_database: Open, dynamodb_server: DynamoDBServer
) -> None:
    async def check() -> None:
        async with open_database() as db, open_database() as late:
            snapshot = await claimed(db, await new_job(db))
            await db.commit(snapshot, large(snapshot))
            key = large(snapshot).attempts[0].key
            assert await late.start_attempt(key, "late", 60.0) is not None
            again = await claimed(db, snapshot.job.id)
            lost = tuple((attempt.key, failure("given up")) for attempt in again.attempts)

            def die(operation: str, params: dict[str, Any]) -> None:
                if operation == "TransactWriteItems" and len(params["TransactItems"]) == 100:
                    dynamodb_server.fail(Fault("TransactWriteItems", error=DEAD))

            dynamodb_server.before = die
            assert await db.commit(again, Changes(settle=lost, due_at=again.now)) is None
            dynamodb_server.before = None
            assert not await late.commit_outcome(key, "late", success({"n": 1}), produced_by=key.agent)
            after = await late.load(snapshot.job.id)
            assert after is not None
            assert {attempt.state for attempt in after.attempts} == {AttemptState.FAILED}
            assert after.results == {}

    asyncio.run(check())


def test_many_processes_apply_one_journal(
    open_database: Open, dynamodb_server: DynamoDBServer, dynamodb_table: str
) -> None:
    async def check() -> None:
        async with open_database() as db:
            snapshot = await claimed(db, await new_job(db))
            keys = [attempt.key for attempt in large(snapshot).attempts[:8]]
            dynamodb_server.before = lambda operation, params: (
                dynamodb_server.fail(Fault(operation, error=DEAD))
                if operation == "TransactWriteItems" and "ConditionCheck" in params["TransactItems"][0]
                else None
            )
            assert await db.commit(snapshot, large(snapshot)) is None
            dynamodb_server.before, dynamodb_server.transaction_s = None, 0.005
            others = [open_database() for _ in keys]
            starts = [other.start_attempt(key, "worker", 60.0) for other, key in zip(others, keys, strict=True)]
            assert None not in await asyncio.gather(*starts)
            after = await db.load(snapshot.job.id)
            assert after is not None
            assert len(after.attempts) == AGENTS
            assert [a.key for a in after.attempts if a.state is AttemptState.STARTED] == keys
            assert left_over(dynamodb_server, dynamodb_table) == 0
            for other in others:
                await other.close()

    asyncio.run(check())


def test_who_applies_a_journal_late_resets_nothing(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    """A process falls asleep with the journal in its hands; others apply it and start an agent; then it wakes up."""

    async def go_on(key: AttemptKey) -> None:
        other = open_database()
        assert await other.start_attempt(key, "other", 60.0) is not None
        await other.close()

    async def check() -> None:
        async with open_database() as slow:
            snapshot = await claimed(slow, await new_job(slow))
            key = large(snapshot).attempts[0].key

            def sleep(operation: str, params: dict[str, Any]) -> None:
                if operation == "TransactWriteItems" and "ConditionCheck" in params["TransactItems"][0]:
                    dynamodb_server.before = None
                    asyncio.run(go_on(key))

            dynamodb_server.before = sleep
            assert await slow.commit(snapshot, large(snapshot)) is None
            after = await slow.load(snapshot.job.id)
            assert after is not None
            assert len(after.attempts) == AGENTS
            assert [a.key for a in after.attempts if a.state is AttemptState.STARTED] == [key]

    asyncio.run(check())


def test_who_collides_over_a_journal_looks_before_it_tries_again(
    open_database: Open, dynamodb_server: DynamoDBServer
) -> None:
    """Another process has the journal applied while this one meets its conflict: nothing is sent a second time."""

    async def go_on(key: AttemptKey) -> None:
        async with open_database() as other:
            assert await other.start_attempt(key, "other", 60.0) is not None

    async def check() -> None:
        async with open_database() as slow:
            snapshot = await claimed(slow, await new_job(slow))
            sent = 0

            def collide(operation: str, params: dict[str, Any]) -> None:
                nonlocal sent
                if operation == "TransactWriteItems" and "ConditionCheck" in params["TransactItems"][0]:
                    dynamodb_server.before = None
                    asyncio.run(go_on(large(snapshot).attempts[0].key))
                    sent = dynamodb_server.counts["TransactWriteItems"]
                    dynamodb_server.fail(Fault(operation, error="TransactionConflictException"))

            dynamodb_server.before = collide
            assert await slow.commit(snapshot, large(snapshot)) is None
            assert dynamodb_server.counts["TransactWriteItems"] == sent + 1

    asyncio.run(check())


def test_a_new_run_has_no_plan_until_it_pins_its_own(open_database: Open) -> None:
    async def check() -> None:
        async with open_database() as db:
            snapshot = await claimed(db, await new_job(db))
            await db.commit(snapshot, Changes(status=JobStatus.FAILED, plan={"version": 1}))
            assert (await db.retry_job(snapshot.job.id)).plan is None
            again = await claimed(db, snapshot.job.id)
            assert again.job.plan is None
            assert [job.plan for job in await db.list_jobs()] == [None]
            await db.commit(again, Changes(status=JobStatus.RUNNING, plan={"version": 2}))
            after = await db.get_job(snapshot.job.id)
            assert after is not None
            assert after.plan == {"version": 2}

    asyncio.run(check())


def test_a_claim_sees_a_large_decision_that_nobody_applied(
    open_database: Open, dynamodb_server: DynamoDBServer
) -> None:
    async def check() -> None:
        async with open_database() as dying, open_database() as other:
            snapshot = await claimed(dying, await new_job(dying))
            dynamodb_server.before = lambda operation, params: (
                dynamodb_server.fail(Fault(operation, error=DEAD))
                if operation == "TransactWriteItems" and "ConditionCheck" in params["TransactItems"][0]
                else None
            )
            assert await dying.commit(snapshot, large(snapshot)) is None
            dynamodb_server.before = None
            after = await claimed(other, snapshot.job.id)
            assert (len(after.attempts), len(after.events)) == (AGENTS, 1)

    asyncio.run(check())

"""Whole jobs on DynamoDB: how many requests one takes, and a process that dies at each of them in turn."""

import asyncio
from collections import Counter
from collections.abc import Callable

from agent_framework.core.decide import decide
from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.testing.conformance.database.harness import new_job, success
from agent_framework.types import AttemptKey, AttemptState, JobStatus, Snapshot
from tests.support.dynamodb import DynamoDBServer
from tests.support.simulation import plan_of

Open = Callable[[], DynamoDBDatabase]
AGENTS = ("a", "b", "c", "d")
PLAN = plan_of(
    "selection_rules: [{name: all, agents: [a, {parallel: [b, c]}, d]}]",
    {name: {"retry": {"initial_seconds": 0.0, "jitter": False}} for name in AGENTS},
)
MOST_REQUESTS = 40


async def advance(db: DynamoDBDatabase, job_id: str, owner: str) -> list[AttemptKey] | None:
    """One advance; the attempts to perform, None once the job is final."""
    snapshot = await db.claim_job(job_id, owner, 30.0)
    if snapshot is None and (holder := await db.claim_owner(job_id)) not in (None, owner):
        snapshot = await db.claim_job(job_id, owner, 30.0, take_over_from=holder)
    while snapshot is not None:
        move = decide(snapshot, PLAN, random=lambda: 0.0, owner_is_dead=lambda other: other not in (None, owner))
        newer = await db.commit(snapshot, move.changes)
        if newer is None:
            return None if move.status.is_final else [attempt.key for attempt in move.dispatch]
        snapshot = newer
    return None


async def perform(db: DynamoDBDatabase, key: AttemptKey, owner: str, ran: Counter[str]) -> None:
    """One attempt, as the engine makes it."""
    assert await db.load(key.job_id) is not None
    if await db.start_attempt(key, owner, 60.0) is not None:
        ran[key.agent] += 1
        await db.commit_outcome(key, owner, success({"by": key.agent}), produced_by=key.agent)


async def drive(db: DynamoDBDatabase, job_id: str, owner: str, ran: Counter[str]) -> None:
    """Advance and perform until the job is final."""
    while (keys := await advance(db, job_id, owner)) is not None:
        await asyncio.gather(*(perform(db, key, owner, ran) for key in keys))


def check_completed(after: Snapshot | None) -> None:
    assert after is not None
    assert (after.job.status, after.job.error_message) == (JobStatus.COMPLETED, None)
    assert after.job.agent_results == {name: {"by": name} for name in AGENTS}
    assert [event.seq for event in after.events] == list(range(1, len(after.events) + 1))
    done = [attempt.key.agent for attempt in after.attempts if attempt.state is AttemptState.SUCCEEDED]
    assert sorted(done) == list(AGENTS)
    assert not [attempt for attempt in after.attempts if attempt.state.is_open]


def test_a_job_of_four_agents_takes_few_requests(
    open_database: Open,
    dynamodb_server: DynamoDBServer,
) -> None:
    async def check() -> None:
        async with open_database() as db:
            dynamodb_server.counts.clear()
            job_id = await new_job(db)
            ran: Counter[str] = Counter()
            await drive(db, job_id, "worker", ran)
            print(f"requests for a job of four agents: {dynamodb_server.counts.total()}", dict(dynamodb_server.counts))
            assert dynamodb_server.counts.total() <= MOST_REQUESTS
            assert ran == dict.fromkeys(AGENTS, 1)
            check_completed(await db.load(job_id))

    asyncio.run(check())


def test_a_process_that_dies_at_any_request_loses_nothing(
    open_database: Open,
    dynamodb_server: DynamoDBServer,
    dynamodb_table: str,
) -> None:
    """The last request is applied and its answer never comes; had it not been applied, the one before was the last."""

    async def one(db: DynamoDBDatabase, other: DynamoDBDatabase, died_after: int) -> bool:
        job_id, ran = await new_job(db), Counter[str]()
        dynamodb_server.lets_through(died_after, applies_last=True)
        try:
            await drive(db, job_id, "first", ran)
        except ProviderError:
            died = True
        else:
            died = False
        dynamodb_server.lets_through(None)
        await drive(other, job_id, "second", ran)
        check_completed(await other.load(job_id))
        assert max(ran.values()) <= 2
        dynamodb_server.client.delete_table(TableName=dynamodb_table)
        await db.migrate()
        return died

    async def check() -> None:
        async with open_database() as db, open_database() as other:
            deaths = 0
            while await one(db, other, deaths):
                deaths += 1
            assert 20 < deaths <= MOST_REQUESTS

    asyncio.run(check())

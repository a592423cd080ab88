"""What a process knows of a job is not read again, and never believed when somebody else has written about the job."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._sqlite import SqliteWorker
from agent_framework.infrastructure.database._recent import Recent
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.snapshots import created
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import AgentOutcome, Attempt, AttemptKey, AttemptState, ErrorKind, Job, JobStatus, Snapshot
from tests.support.sqlite_faults import failing_commits


class Counted(SqliteDatabase):
    """Counts how often a job is read to be decided about."""

    reads = 0

    async def _free(self, job_id: str) -> Snapshot | None:
        self.reads += 1
        return await super()._free(job_id)


Body = Callable[[Counted, SqliteDatabase], Awaitable[None]]


@pytest.fixture
def two(tmp_path: Path) -> Callable[[Body], None]:
    """Run a coroutine function with two providers on one file, as two processes have it."""

    def go(body: Body) -> None:
        async def main() -> None:
            path = tmp_path / "jobs.sqlite"
            async with Counted(path) as mine, SqliteDatabase(path) as others, asyncio.timeout(20):
                await body(mine, others)

        asyncio.run(main())

    return go


async def begun(db: SqliteDatabase, *agents: str, state: AttemptState = AttemptState.STARTED) -> list[AttemptKey]:
    """A running job with attempts that start with the decision about them."""
    job_id = await db.create_job("ada", "t", {"n": 1})
    keys = [AttemptKey(job_id, 1, 1, agent, 1) for agent in agents]

    def decide(snapshot: Snapshot) -> Changes:
        owner, at = ("me", snapshot.now) if state is AttemptState.STARTED else (None, None)
        attempts = tuple(Attempt(key, key.agent, state, 0.0, snapshot.now + 60, owner, at) for key in keys)
        return Changes(attempts=attempts, status=JobStatus.RUNNING, due_at=snapshot.now + 60)

    decided = await db.decide_job(job_id, "me", 30.0, decide)
    assert decided is not None
    return keys


async def look(db: SqliteDatabase, job_id: str) -> Snapshot:
    """The job as the next decision sees it."""
    decided = await db.decide_job(job_id, "me", 30.0, lambda snapshot: Changes(due_at=snapshot.now + 60))
    assert decided is not None
    stored = await db.load(job_id)
    assert stored is not None
    assert decided.after is not None
    assert changed_fields(decided.after.job, stored.job) == set()
    assert {a.key: a.state for a in decided.after.attempts} == {a.key: a.state for a in stored.attempts}
    assert {n: r.payload for n, r in decided.after.results.items()} == stored.job.agent_results
    return decided.snapshot


def changed_fields(left: Job, right: Job) -> set[str]:
    """The fields in which two jobs differ."""
    return {name for name in left if getattr(left, name) != getattr(right, name)}


def good(**output: Any) -> AgentOutcome:
    return AgentOutcome(AttemptState.SUCCEEDED, output=output)


def test_what_this_process_wrote_is_not_read_again(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [a, b] = await begun(mine, "a", "b")
        assert await mine.commit_outcome(a, "me", good(n=1), produced_by="a")
        assert (await look(mine, a.job_id)).results["a"].payload == {"n": 1}
        assert await mine.commit_outcome(b, "me", AgentOutcome(AttemptState.FAILED, error="no"), produced_by="b")
        seen = await look(mine, a.job_id)
        assert {one.key.agent: one.state for one in seen.attempts} == {
            "a": AttemptState.SUCCEEDED,
            "b": AttemptState.FAILED,
        }
        assert mine.reads == 0

    two(body)


def test_an_outcome_that_is_on_its_way_is_counted_on(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a")
        storing = asyncio.create_task(mine.commit_outcome(key, "me", good(n=1), produced_by="a"))
        await asyncio.sleep(0)
        seen = await look(mine, key.job_id)
        assert seen.results["a"].payload == {"n": 1}
        assert await storing
        assert mine.reads == 0

    two(body)


def test_a_signal_from_elsewhere_is_seen(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a")
        await others.signal_job(key.job_id, cancel=True)
        assert (await look(mine, key.job_id)).job.cancel_requested
        assert mine.reads == 1

    two(body)


def test_a_result_that_was_stored_elsewhere_is_seen(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a")
        await others.store_agent_output(key.job_id, "side", {"n": 2})
        assert (await look(mine, key.job_id)).results["side"].payload == {"n": 2}

    two(body)


def test_a_decision_of_another_process_is_seen(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a")
        given_up = AgentOutcome(AttemptState.ABANDONED, error="gone", error_kind=ErrorKind.CRASH)
        await others.decide_job(key.job_id, "it", 30.0, lambda snapshot: Changes(settle=((key, given_up),)))
        assert (await look(mine, key.job_id)).attempts[0].state is AttemptState.ABANDONED

    two(body)


def test_an_outcome_that_is_refused_is_not_counted_on_though_the_signals_agree(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a")
        crashed = AgentOutcome(AttemptState.FAILED, error="it died", error_kind=ErrorKind.CRASH)
        assert await others.commit_outcome(key, "me", crashed, produced_by="a")
        storing = asyncio.create_task(mine.commit_outcome(key, "me", good(n=1), produced_by="a"))
        await asyncio.sleep(0)
        seen = await look(mine, key.job_id)
        assert not await storing
        assert (seen.attempts[0].state, dict(seen.results)) == (AttemptState.FAILED, {})

    two(body)


def test_an_outcome_whose_transaction_failed_is_not_counted_on_though_the_signals_agree(
    two: Callable[[Body], None],
) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a")
        await asyncio.to_thread(mine._writer.stop)
        mine._writer = SqliteWorker(lambda: failing_commits(mine._connect(), 1), write=True, name="sqlite")
        await others.signal_job(key.job_id)
        storing = asyncio.create_task(mine.commit_outcome(key, "me", good(n=1), produced_by="a"))
        for _ in range(3):
            await asyncio.sleep(0)
        time.sleep(0.3)  # the transaction has failed, and nobody here has heard of it
        seen = await look(mine, key.job_id)
        with pytest.raises(ProviderError, match="full"):
            await storing
        assert (seen.attempts[0].state, dict(seen.results), seen.job.signals) == (AttemptState.STARTED, {}, 1)

    two(body)


def test_a_job_with_an_attempt_that_others_may_start_is_read(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        [key] = await begun(mine, "a", state=AttemptState.PENDING)
        assert await others.start_attempt(key, "it", 30.0) is not None
        seen = await look(mine, key.job_id)
        assert (seen.attempts[0].state, seen.attempts[0].owner, mine.reads) == (AttemptState.STARTED, "it", 1)

    two(body)


def test_what_changes_a_value_afterwards_does_not_change_the_job(two: Callable[[Body], None]) -> None:
    async def body(mine: Counted, others: SqliteDatabase) -> None:
        payload = {"list": [1]}
        job_id = await mine.create_job("ada", "t", payload)
        payload["list"].append(2)
        assert (await look(mine, job_id)).job.request_payload == {"list": [1]}

    two(body)


def test_only_so_many_jobs_are_kept() -> None:
    recent = Recent(most=2)
    for name in "abc":
        recent.keep(created(name, "ada", "t", {}, 0.0))
    assert [recent.find(name) is not None for name in "abc"] == [False, True, True]

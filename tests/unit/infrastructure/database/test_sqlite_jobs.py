"""Jobs, results and documents in a SQLite file: what is stored, what is refused, what many do at once."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.errors import (
    IdempotencyConflictError,
    IllegalTransitionError,
    JobNotFoundError,
    ProviderError,
)
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import FINAL_STATUSES, TRANSITIONS, JobStatus
from tests.support.clock import FakeClock

Body = Callable[[SqliteDatabase], Awaitable[None]]


@pytest.fixture
def with_db(tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with an open database."""

    def go(body: Body, **options: Any) -> None:
        async def main() -> None:
            async with SqliteDatabase(tmp_path / "jobs.sqlite", **options) as db, asyncio.timeout(30):
                await body(db)

        asyncio.run(main())

    return go


# -- jobs ----------------------------------------------------------------------------------------------------------


def test_a_job_reads_back_as_it_was_submitted(with_db: Callable[..., None]) -> None:
    payload = {"text": "é 💥 \x00 '; DROP TABLE jobs; --", "n": 1.5, "big": 10**30, "none": None, "deep": [[{"a": []}]]}

    async def body(db: SqliteDatabase) -> None:
        job = await db.get_job(await db.create_job("ann", "report", payload))
        assert job is not None
        assert (job.user_id, job.job_type, job.status, job.request_payload) == ("ann", "report", "pending", payload)
        assert (job["request_payload"], job.get("status"), job.get("nothing", 1)) == (payload, "pending", 1)
        assert (job["job_id"], "status" in job, set(job) >= {"id", "user_id"}) == (job.id, True, True)
        with pytest.raises(KeyError, match="a job has no field 'x'; it has agent_results"):
            _ = job["x"]

    with_db(body)


@pytest.mark.parametrize(
    "payload", [{"a": float("nan")}, {"a": float("inf")}, {"a": {1}}, {"a": object()}, {"a": "\ud800"}]
)
def test_a_request_that_is_no_json_is_refused(with_db: Callable[..., None], payload: dict[str, Any]) -> None:
    async def body(db: SqliteDatabase) -> None:
        with pytest.raises(ProviderError, match="the job's request_payload cannot be written as JSON"):
            await db.create_job("ann", "x", payload)
        assert await db.list_jobs() == []

    with_db(body)


@pytest.mark.parametrize("word", ["\ud800", "x" * 100_000, "'; DROP TABLE jobs; --", "", "\x00"])
def test_no_job_id_makes_the_database_raise_anything_but_its_own_errors(
    with_db: Callable[..., None], word: str
) -> None:
    async def body(db: SqliteDatabase) -> None:
        try:
            assert await db.get_job(word) is None
            assert await db.load(word) is None
        except ProviderError as exc:
            assert "sqlite database" in str(exc)  # noqa: PT017 - either is fine

    with_db(body)


def test_numbers_that_sqlite_cannot_hold_are_provider_errors(with_db: Callable[..., None]) -> None:
    async def body(db: SqliteDatabase) -> None:
        with pytest.raises(ProviderError):
            await db.list_jobs(limit=2**70)

    with_db(body)


def test_the_same_client_key_returns_the_same_job(with_db: Callable[..., None]) -> None:
    async def body(db: SqliteDatabase) -> None:
        payload = {"b": [1, {"x": None}], "a": (1, 2), 3: "three"}
        ids = await asyncio.gather(*(db.create_job("ann", "t", payload, client_key="k") for _ in range(20)))  # type: ignore[arg-type]
        assert len(set(ids)) == 1
        assert len(await db.list_jobs()) == 1
        assert await db.create_job("bob", "t", {}, client_key="k") not in ids
        assert await db.create_job("ann", "t", {}, client_key="other") not in ids

    with_db(body)


@pytest.mark.parametrize(("payload", "job_type"), [({"a": 2}, "t"), ({}, "t"), ({"a": 1}, "u"), ({"a": True}, "t")])
def test_the_same_client_key_with_another_request_is_a_conflict(
    with_db: Callable[..., None], payload: dict[str, Any], job_type: str
) -> None:
    async def body(db: SqliteDatabase) -> None:
        first = await db.create_job("ann", "t", {"a": 1}, client_key="k")
        with pytest.raises(IdempotencyConflictError, match=f"client key 'k'.*{first}.*use a new key"):
            await db.create_job("ann", job_type, payload, client_key="k")

    with_db(body)


def test_a_job_id_belongs_to_the_user_who_used_it_first(with_db: Callable[..., None]) -> None:
    async def body(db: SqliteDatabase) -> None:
        assert await db.create_job("ann", "t", {}, job_id="j-1") == "j-1"
        assert await db.create_job("ann", "t", {}, job_id="j-1") == "j-1"
        with pytest.raises(IdempotencyConflictError, match="job id 'j-1'"):
            await db.create_job("eve", "t", {}, job_id="j-1")

    with_db(body)


def test_jobs_are_listed_newest_first_by_user_and_status_in_pages(with_db: Callable[..., None]) -> None:
    clock = FakeClock()

    async def body(db: SqliteDatabase) -> None:
        ids = []
        for n in range(7):
            ids.append(await db.create_job("ann" if n % 2 else "bob", "t", {"n": n}))
            clock.pass_(0 if n in (2, 3) else 1)
        await db.update_job_status(ids[1], JobStatus.FAILED, "no")
        pages = [await db.list_jobs(limit=3)]
        while pages[-1]:
            pages.append(await db.list_jobs(limit=3, after=pages[-1][-1].id))
        listed = [job.id for page in pages for job in page]
        assert sorted(listed) == sorted(ids)
        assert [job.created_at for page in pages for job in page] == sorted(
            (job.created_at for page in pages for job in page), reverse=True
        )
        assert {job.user_id for job in await db.list_jobs("ann")} == {"ann"}
        assert [job.id for job in await db.list_jobs("ann", JobStatus.FAILED)] == [ids[1]]
        assert await db.list_jobs("nobody") == []

    with_db(body, clock=clock)


@pytest.mark.parametrize("current", list(JobStatus))
def test_the_state_machine_has_exactly_its_transitions(with_db: Callable[..., None], current: JobStatus) -> None:
    ways: dict[JobStatus, list[JobStatus]] = {
        JobStatus.PENDING: [],
        JobStatus.RUNNING: [JobStatus.RUNNING],
        JobStatus.WAITING_FOR_APPROVAL: [JobStatus.RUNNING, JobStatus.WAITING_FOR_APPROVAL],
        JobStatus.COMPLETED: [JobStatus.RUNNING, JobStatus.COMPLETED],
    }

    async def body(db: SqliteDatabase) -> None:
        for new in JobStatus:
            job_id = await db.create_job("ann", "t", {})
            for step in ways.get(current, [current]):
                await db.update_job_status(job_id, step)
            if new in TRANSITIONS[current]:
                await db.update_job_status(job_id, new)
                continue
            with pytest.raises(IllegalTransitionError, match=f"is {current} and cannot become {new}"):
                await db.update_job_status(job_id, new)
            job = await db.get_job(job_id)
            assert job is not None
            assert (job.status, job.completed_at is not None) == (current, current in FINAL_STATUSES)

    with_db(body)


def test_what_is_not_there_is_said_so(with_db: Callable[..., None]) -> None:
    async def body(db: SqliteDatabase) -> None:
        assert await db.get_job("x") is None
        assert await db.get_agent_output("x", "a") is None
        assert await db.claim_job("x", "me", 1) is None
        assert not await db.signal_job("x")
        for call in (
            db.update_job_status("x", JobStatus.FAILED),
            db.store_agent_output("x", "a", {}),
            db.retry_job("x"),
        ):
            with pytest.raises(JobNotFoundError, match="jobs list"):
                await call

    with_db(body)


def test_final_jobs_are_never_due_and_others_are_in_order(with_db: Callable[..., None]) -> None:
    clock = FakeClock()

    async def body(db: SqliteDatabase) -> None:
        first = await db.create_job("ann", "t", {})
        clock.pass_(1)
        second = await db.create_job("ann", "t", {})
        assert await db.due_jobs() == [first, second]
        assert await db.due_jobs(1) == [first]
        await db.claim_job(first, "me", 10)
        assert await db.due_jobs() == [second]
        clock.pass_(10)
        assert await db.due_jobs() == [first, second]
        await db.update_job_status(first, JobStatus.CANCELLED)
        assert await db.due_jobs() == [second]

    with_db(body, clock=clock)


# -- claims --------------------------------------------------------------------------------------------------------


def test_of_many_claims_one_wins_until_its_lease_is_over(with_db: Callable[..., None]) -> None:
    clock = FakeClock()

    async def body(db: SqliteDatabase) -> None:
        job_id = await db.create_job("ann", "t", {})
        claims = await asyncio.gather(*(db.claim_job(job_id, f"p{n}", 30) for n in range(20)))
        (won,) = [claim for claim in claims if claim is not None]
        assert won.job.epoch == 1
        owner = await db.claim_owner(job_id)
        assert await db.claim_job(job_id, "later", 30) is None
        stolen = await db.claim_job(job_id, "heir", 30, take_over_from=owner)
        assert stolen is not None
        assert (stolen.job.epoch, await db.claim_owner(job_id)) == (2, "heir")
        clock.pass_(30)
        assert await db.claim_owner(job_id) is None
        assert await db.claim_job(job_id, "third", 30) is not None

    with_db(body, clock=clock)


# -- results -------------------------------------------------------------------------------------------------------


def test_forty_concurrent_results_are_all_kept(with_db: Callable[..., None]) -> None:
    async def body(db: SqliteDatabase) -> None:
        job_id = await db.create_job("ann", "t", {})
        await asyncio.gather(*(db.store_agent_output(job_id, f"agent_{n}", {"n": n}) for n in range(40)))
        job = await db.get_job(job_id)
        assert job is not None
        assert job.agent_results == {f"agent_{n}": {"n": n} for n in range(40)}
        await db.store_agent_output(job_id, "agent_0", {"n": "new"}, execution_time_ms=7)
        assert await db.get_agent_output(job_id, "agent_0") == {"n": "new"}

    with_db(body)


# -- documents -----------------------------------------------------------------------------------------------------


def test_fifty_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        path = tmp_path / "jobs.sqlite"
        async with SqliteDatabase(path) as one, SqliteDatabase(path) as two, asyncio.timeout(30):

            async def add(db: SqliteDatabase) -> None:
                while True:
                    found = await db.get_document("test", "counter")
                    body = {"n": (found.body["n"] if found else 0) + 1}
                    if await db.put_document("test", "counter", body, expected_version=found.version if found else 0):
                        return

            await asyncio.gather(*(add(one if n % 2 else two) for n in range(50)))
            found = await one.get_document("test", "counter")
            assert found is not None
            assert (found.body, found.version) == ({"n": 50}, 50)

    asyncio.run(go())


def test_a_document_expires_and_may_then_be_made_anew(with_db: Callable[..., None]) -> None:
    clock = FakeClock()

    async def body(db: SqliteDatabase) -> None:
        assert await db.put_document("s", "k", {"a": 1}, expected_version=0, ttl_s=10) is not None
        assert await db.put_document("s", "k", {"a": 2}, expected_version=0) is None
        clock.pass_(10)
        assert await db.get_document("s", "k") is None
        assert await db.list_documents("s") == []
        assert await db.put_document("s", "k", {"a": 3}, expected_version=1) is None
        again = await db.put_document("s", "k", {"a": 4}, expected_version=0)
        assert again is not None
        assert again.version == 2, "a version is never used for two bodies"
        assert not await db.delete_document("s", "k", expected_version=1)
        assert await db.delete_document("s", "k")
        assert not await db.delete_document("s", "k")

    with_db(body, clock=clock)


def test_documents_that_expired_a_day_ago_leave_the_file(with_db: Callable[..., None]) -> None:
    clock = FakeClock()

    async def body(db: SqliteDatabase) -> None:
        for n in range(5):
            await db.put_document("s", f"k{n}", {}, expected_version=0, ttl_s=10)
        clock.pass_(86_400)
        assert await db.purge_documents() == 0
        clock.pass_(10)
        assert [await db.purge_documents(limit=3) for _ in range(3)] == [3, 2, 0]
        again = await db.put_document("s", "k0", {}, expected_version=0)
        assert again is not None
        assert again.version == 1, "it is gone, and not only hidden"

    with_db(body, clock=clock)


def test_prefixes_are_taken_literally(with_db: Callable[..., None]) -> None:
    async def body(db: SqliteDatabase) -> None:
        for key in ("a%b", "a_b", "axb", "A%b", "é1", "é2"):
            await db.put_document("s", key, {}, expected_version=0)
        assert [d.key for d in await db.list_documents("s", prefix="a%")] == ["a%b"]
        assert [d.key for d in await db.list_documents("s", prefix="a_")] == ["a_b"]
        assert [d.key for d in await db.list_documents("s", prefix="é")] == ["é1", "é2"]
        assert len(await db.list_documents("s", limit=2)) == 2

    with_db(body)


bodies = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["put", "put", "delete", "wait"]), st.integers(0, 4), bodies), max_size=12))
def test_documents_behave_as_a_small_model_says(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int, dict[str, Any]]]
) -> None:
    clock = FakeClock()
    path = tmp_path_factory.mktemp("model") / "jobs.sqlite"

    async def go() -> None:
        async with SqliteDatabase(path, clock=clock) as db:
            current: tuple[int, dict[str, Any]] | None = None
            for move, expected, body in moves:
                version = current[0] if current else 0
                if move == "put":
                    stored = await db.put_document("n", "k", body, expected_version=expected, ttl_s=100)
                    assert (stored is not None) == (expected == version)
                    if stored is not None:
                        current = (stored.version, body)
                elif move == "delete":
                    assert await db.delete_document("n", "k", expected_version=expected) == (0 < expected == version)
                    current = None if 0 < expected == version else current
                else:
                    clock.pass_(1)
                found = await db.get_document("n", "k")
                assert (None if found is None else (found.version, found.body)) == current

    asyncio.run(go())

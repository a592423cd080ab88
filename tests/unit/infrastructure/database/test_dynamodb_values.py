"""Values on DynamoDB: what is kept is kept exactly, what cannot be kept is refused before anything is written."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import Changes, DataTooLargeError
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase, keys
from agent_framework.infrastructure.database.dynamodb.writes import from_wire, to_wire
from agent_framework.testing.conformance.database.harness import claimed, new_job, running, started, success
from agent_framework.types import AttemptKey, Event, EventKind
from tests.support.dynamodb import DynamoDBServer, shared_server

TOO_LARGE = {"text": "x" * 2_000_000}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.text()
        | st.booleans()
        | st.integers(-(10**38) + 1, 10**38 - 1)
        | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_attributes_come_back_as_they_were(item: dict[str, Any]) -> None:
    assert from_wire(to_wire(item)) == item


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**38, -(10**38)])
def test_row_22_a_number_that_is_not_kept_exactly_is_refused(number: float) -> None:
    with pytest.raises(ProviderError, match="38 digits"):
        to_wire({"due_at": number})


@settings(max_examples=8)
@given(st.lists(json_values, min_size=1, max_size=12))
def test_row_22_any_json_is_kept(values: list[Any]) -> None:
    async def check(server: DynamoDBServer) -> None:
        async with DynamoDBDatabase("any-json", server.client, create_table=True) as db:
            job_id = await new_job(db, {"values": values})
            await db.store_agent_output(job_id, "writer", {"values": values})
            job = await db.get_job(job_id)
            assert job is not None
            assert repr(job.request_payload["values"]) == repr(values)
            assert repr(job.agent_results["writer"]["values"]) == repr(values)

    with shared_server() as server:
        asyncio.run(check(server))
        server.client.delete_table(TableName="any-json")


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_no_two_names_share_an_item(one: tuple[str, str], two: tuple[str, str]) -> None:
    for key in (keys.client, keys.document):
        assert (key(*one) == key(*two)) == (one == two)


@given(*[st.builds(AttemptKey, st.text(), *[st.integers(1, 12)] * 2, st.text("ab#12"), st.integers(1, 12))] * 2)
def test_no_two_attempts_share_an_item(one: AttemptKey, two: AttemptKey) -> None:
    assert (keys.attempt(one) == keys.attempt(two)) == (one == two)


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=9))
def test_creation_times_sort_as_text(times: list[float]) -> None:
    times = [round(at, 6) for at in times]
    assert sorted(times) == sorted(times, key=lambda at: keys.created(at, ""))


WRITES: dict[str, Callable[[DynamoDBDatabase, AttemptKey], Any]] = {
    "job": lambda db, key: db.create_job("ada", "report", TOO_LARGE, client_key="large"),
    "output": lambda db, key: db.store_agent_output(key.job_id, "writer", TOO_LARGE),
    "outcome": lambda db, key: db.commit_outcome(key, "worker", success(TOO_LARGE), produced_by="writer"),
    "document": lambda db, key: db.put_document("n", "k", TOO_LARGE, expected_version=0),
    "error": lambda db, key: db.update_job_status(key.job_id, "failed", TOO_LARGE["text"]),
}


@pytest.mark.parametrize("place", WRITES)
def test_two_megabytes_are_refused_and_nothing_is_written(place: str, open_database: Any) -> None:
    async def check() -> None:
        async with open_database() as db:
            key = await started(db)
            before = await db.load(key.job_id)
            with pytest.raises(DataTooLargeError, match=r"400 KB.*nothing was written.*claim-check"):
                await WRITES[place](db, key)
            after = await db.load(key.job_id)
            assert (after.job, after.attempts, after.results) == (before.job, before.attempts, before.results)
            assert len(await db.list_jobs()) == 1
            assert await db.get_document("n", "k") is None
            assert await new_job(db, client_key="large") != key.job_id

    asyncio.run(check())


@pytest.mark.parametrize(
    "changes",
    [
        Changes(events=(Event(1, 1, EventKind.STEP, TOO_LARGE),)),
        Changes(plan=TOO_LARGE),
        Changes(error_message=TOO_LARGE["text"]),
        Changes(events=tuple(Event(n, 1, EventKind.STEP, {"text": "x" * 300_000}) for n in range(1, 20))),
        Changes(events=tuple(Event(n, 1, EventKind.STEP, {"text": "x" * 40_000}) for n in range(1, 150))),
        Changes(due_at=math.inf),
        Changes(events=(Event(1, 1, EventKind.STEP, {"n": math.nan}),)),
        Changes(events=(Event(1, 1, EventKind.STEP, {}),) * 2),
        Changes(events=(Event(1, 1, EventKind.STEP, {}),) * 200),
    ],
    ids=["event", "plan", "error", "4 MB", "4 MB, journaled", "infinity", "nan", "twice", "twice, journaled"],
)
def test_a_decision_that_cannot_be_kept_leaves_the_claim_as_it_is(changes: Changes, open_database: Any) -> None:
    async def check() -> None:
        async with open_database() as db:
            snapshot = await claimed(db, await new_job(db))
            with pytest.raises(ProviderError):
                await db.commit(snapshot, changes)
            assert await db.load(snapshot.job.id) is not None
            assert await db.commit(snapshot, Changes(error_message="small")) is None
            after = await db.load(snapshot.job.id)
            assert (after.events, after.job.plan, after.job.error_message) == ((), None, "small")

    asyncio.run(check())


def test_the_largest_value_fits(open_database: Any) -> None:
    async def check() -> None:
        async with open_database() as db:
            envelope = len('{"text":""}')
            text = "é" * ((db.max_value_bytes - envelope) // 2)
            _, [key] = await running(db, "writer")
            await db.start_attempt(key, "worker", 60.0)
            assert await db.commit_outcome(key, "worker", success({"text": text}), produced_by="writer")
            assert await db.get_agent_output(key.job_id, "writer") == {"text": text}
            assert await new_job(db, {"text": text})
            assert await db.put_document("n", "k", {"text": text}, expected_version=0)

    asyncio.run(check())


@pytest.mark.parametrize("name", ["x" * 3000, "\ud800"], ids=["long", "surrogate"])
def test_a_name_that_is_no_key_is_refused(name: str, open_database: Any) -> None:
    async def check() -> None:
        async with open_database() as db:
            key = await started(db)
            for write in (
                lambda: db.put_document("n", name, {}, expected_version=0),
                lambda: db.put_document(name, "k", {}, expected_version=0),
                lambda: db.get_document("n", name),
                lambda: new_job(db, client_key=name),
                lambda: new_job(db, job_id=name),
                lambda: db.store_agent_output(key.job_id, name, {}),
                lambda: db.get_job(name),
            ):
                with pytest.raises(ProviderError, match="dynamodb cannot store the key"):
                    await write()

    asyncio.run(check())

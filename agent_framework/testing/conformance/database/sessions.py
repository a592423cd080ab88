"""Sessions on this database: what several writers add at once, what a retry adds, what is gone when it is over."""

import asyncio

import pytest

from agent_framework.config.agent_config import SessionSettings
from agent_framework.core.session_items import PAGE
from agent_framework.core.sessions import Sessions
from agent_framework.errors import SessionExpiredError, SessionNotFoundError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import (
    Case,
    Sleep,
    attempt_of,
    claimed,
    failure,
    running,
    scenario,
    success,
)
from agent_framework.types import JSONDict

SETTINGS = SessionSettings(ttl_seconds=600, max_items=100)


def said(text: str) -> JSONDict:
    """A message of a user."""
    return {"role": "user", "content": text}


class SessionTests(Case):
    """What `Sessions` promises, over the document store."""

    @scenario
    async def test_items_come_back_in_order_over_several_pages(self, db: DatabaseProvider) -> None:
        sessions = Sessions(db)
        await sessions.start("ada", "s1")
        session = await sessions.open("ada", "s1")
        wanted = [said(f"number {number} 🗝️") for number in range(2 * PAGE + 3)]
        for item in wanted:
            await session.add_items([item])
        assert await session.get_items() == wanted
        assert await session.get_items(3) == wanted[-3:]
        assert await session.pop_item() == wanted[-1]
        assert (await session.get_items())[-1] == wanted[-2]
        await session.clear_session()
        assert await session.get_items() == []
        assert await session.pop_item() is None
        await session.add_items([said("again")])
        assert await session.get_items() == [said("again")]

    @scenario
    async def test_writers_at_once_lose_nothing(self, db: DatabaseProvider, other: DatabaseProvider) -> None:
        await Sessions(db).start("ada", "s1")
        views = [await Sessions(store).open("ada", "s1") for store in (db, other) for _ in range(4)]

        async def add(number: int) -> None:
            for turn in range(3):
                await views[number].add_items([said(f"{number}/{turn}"), said(f"{number}/{turn} more")])

        await asyncio.gather(*(add(number) for number in range(len(views))))
        found = [item["content"] for item in await views[0].get_items()]
        assert sorted(found) == sorted(f"{n}/{t}{m}" for n in range(8) for t in range(3) for m in ("", " more"))
        for number in range(8):
            own = [text for text in found if text.startswith(f"{number}/")]
            assert own == [f"{number}/{t}{m}" for t in range(3) for m in ("", " more")]

    @scenario
    async def test_only_the_attempt_that_succeeded_is_remembered(self, db: DatabaseProvider) -> None:
        job_id, [key] = await running(db, "writer")
        job = await db.get_job(job_id)
        assert job is not None
        assert await db.start_attempt(key, "worker", 60.0) is not None
        sessions = Sessions(db)
        first = await sessions.of_attempt(job, key, SETTINGS)
        await first.add_items([said("first try")])
        assert await first.get_items() == [said("first try")]
        assert await db.commit_outcome(key, "worker", failure(), produced_by="writer")

        snapshot = await claimed(db, job_id)
        again = attempt_of(snapshot, "writer", number=2)
        assert await db.commit(snapshot, Changes(attempts=(again,), due_at=snapshot.now + 60)) is None
        assert await db.start_attempt(again.key, "worker", 60.0) is not None
        second = await sessions.of_attempt(job, again.key, SETTINGS)
        assert await second.get_items() == []
        await second.add_items([said("second try")])
        assert await sessions.items("ada", job_id) == [], "nobody knows yet how it ends"
        assert await db.commit_outcome(again.key, "worker", success({}), produced_by="writer")
        assert await sessions.items("ada", job_id) == [said("second try")]
        assert await sessions.items("ada", job_id) == [said("second try")]

    @scenario
    async def test_another_users_id_and_an_unknown_one_get_the_same_answer(self, db: DatabaseProvider) -> None:
        sessions = Sessions(db)
        await sessions.start("ada", "s1")
        told: list[str] = []
        for user, session_id in (("bob", "s1"), ("bob", "s2")):
            for use in (sessions.open, sessions.info, sessions.items, sessions.clear):
                with pytest.raises(SessionNotFoundError) as refused:
                    await use(user, session_id)
                told.append(str(refused.value).replace(session_id, "ID"))
        assert len(set(told)) == 1
        await sessions.start("bob", "s1")
        await (await sessions.open("ada", "s1")).add_items([said("a secret")])
        assert await sessions.items("bob", "s1") == []
        assert [info.user_id for info in await sessions.list_sessions("bob")] == ["bob"]
        assert len(await sessions.list_sessions()) == 2

    @scenario
    async def test_it_is_over_after_its_time(self, db: DatabaseProvider, sleep: Sleep) -> None:
        sessions = Sessions(db)
        await sessions.start("ada", "s1", ttl_s=2.0)
        session = await sessions.open("ada", "s1")
        for text in ("one", "two", "three"):
            await sleep(0.8)
            await session.add_items([said(text)])
            assert said(text) in await session.get_items()
        await sleep(2.1)
        assert (await sessions.info("ada", "s1")).state == "expired"
        with pytest.raises(SessionExpiredError, match="is over"):
            await sessions.open("ada", "s1")
        with pytest.raises(SessionExpiredError):
            await session.add_items([said("late")])

    @scenario
    async def test_an_item_of_a_hundred_kilobytes_is_kept(self, db: DatabaseProvider) -> None:
        if db.max_value_bytes is not None and db.max_value_bytes < 120_000:
            pytest.skip("values of this size go to the storage, which `LargeValues` does")
        sessions = Sessions(db)
        await sessions.start("ada", "s1")
        session = await sessions.open("ada", "s1")
        for letter in "abcdef":
            await session.add_items([said(letter * 100_000)])
        assert [item["content"][0] for item in await session.get_items()] == list("abcdef")

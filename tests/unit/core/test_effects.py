"""The effect ledger: what is recorded, what is made again, and what a person must settle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_framework import JobStatus, Project
from agent_framework.core.effects import Effects
from agent_framework.errors import EffectError, NeedsReviewError, NotWritten, WriteRefusedError
from agent_framework.infrastructure.llm.writes import Write
from agent_framework.types import AttemptKey
from tests.support.projects import open_project

REFUND = Write("refund", {"order_id": "o-1", "amount": 5, "note": "sorry"}, key=("order_id",), wording=("note",))


class Shop:
    """The world outside: it counts what really happened."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def call(self, key: str) -> str:
        """One effect."""
        self.keys.append(key)
        return f"paid, number {len(self.keys)}"

    async def break_after(self, key: str) -> str:
        """One effect whose answer is lost."""
        await self.call(key)
        raise ConnectionError("reset")

    async def refuse(self, key: str) -> str:
        """Certainly no effect."""
        raise NotWritten("unknown order")


@asynccontextmanager
async def attempt(folder: Path) -> AsyncIterator[tuple[Project, AttemptKey]]:
    """A project in which an attempt of the agent ``a`` runs."""
    async with open_project(folder, {"a": dict}) as project:
        job_id = await project.jobs.submit({})
        await project.engine_with(Nowhere()).advance(job_id)
        key = AttemptKey(job_id, 1, 3, "a", 1)
        assert await project.db.start_attempt(key, "me", 60) is not None
        yield project, key


class Nowhere:
    """Starts nothing."""

    async def dispatch(self, attempts: Any) -> None: ...

    async def job_ended(self, job_id: str) -> None: ...


def guard(project: Project, key: AttemptKey, **more: Any) -> Effects:
    return Effects(project.db, key, owner="me", **more)


def in_attempt(test: Callable[[Project, AttemptKey, Shop], Awaitable[None]]) -> Callable[[Path], None]:
    """A test that runs in an attempt of its own."""

    def run(tmp_path: Path) -> None:
        async def work() -> None:
            async with attempt(tmp_path) as (project, key):
                await test(project, key, Shop())

        asyncio.run(work())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_attempt
async def test_row_2_a_recorded_write_gives_its_result_and_is_not_made_again(project, key, shop) -> None:
    first = await guard(project, key).perform(REFUND, shop.call)
    again = await guard(project, key).perform(REFUND, shop.call)
    assert (first, again, len(shop.keys)) == ("paid, number 1", "paid, number 1", 1)


@in_attempt
async def test_row_2_the_model_may_word_it_anew_where_the_tool_says_which_fields_are_words(project, key, shop) -> None:
    await guard(project, key).perform(REFUND, shop.call)
    worded = Write("refund", {**REFUND.arguments, "note": "we apologise"}, key=("order_id",), wording=("note",))
    assert await guard(project, key).perform(worded, shop.call) == "paid, number 1"
    assert len(shop.keys) == 1


@in_attempt
async def test_row_2_the_same_key_with_other_arguments_needs_review_and_is_not_made(project, key, shop) -> None:
    await guard(project, key).perform(REFUND, shop.call)
    other = Write("refund", {**REFUND.arguments, "amount": 500}, key=("order_id",), wording=("note",))
    with pytest.raises(NeedsReviewError, match=r"amount=500.*recorded with other arguments.*amount=5,.*jobs resolve"):
        await guard(project, key).perform(other, shop.call)
    with pytest.raises(NeedsReviewError):
        await guard(project, key).perform(REFUND, shop.call)
    assert len(shop.keys) == 1


@in_attempt
async def test_row_3_a_keyless_write_whose_answer_was_lost_needs_review(project, key, shop) -> None:
    with pytest.raises(NeedsReviewError, match=r"not known whether refund.*ConnectionError: reset"):
        await guard(project, key).perform(REFUND, shop.break_after)
    with pytest.raises(NeedsReviewError, match="it was interrupted"):
        await guard(project, key).perform(REFUND, shop.call)
    assert len(shop.keys) == 1


@in_attempt
async def test_row_2_a_write_with_an_idempotency_key_is_repeated_with_the_same_one(project, key, shop) -> None:
    keyed = Write("refund", REFUND.arguments, key=("order_id",), accepts_key=True)
    with pytest.raises(ConnectionError):
        await guard(project, key).perform(keyed, shop.break_after)
    assert await guard(project, key).perform(keyed, shop.call) == "paid, number 2"
    assert len(set(shop.keys)) == 1


@in_attempt
async def test_a_write_that_says_that_nothing_was_written_may_be_tried_again(project, key, shop) -> None:
    with pytest.raises(NotWritten):
        await guard(project, key).perform(REFUND, shop.refuse)
    assert await guard(project, key).perform(REFUND, shop.call) == "paid, number 1"


@in_attempt
async def test_without_business_fields_the_ordinal_of_the_call_tells_writes_apart(project, key, shop) -> None:
    note = Write("note", {"text": "hello"})
    first = guard(project, key)
    await first.perform(note, shop.call)
    await first.perform(note, shop.call)
    assert len(set(shop.keys)) == 2
    again = guard(project, key)
    assert [await again.perform(note, shop.call), await again.perform(note, shop.call)] == [
        "paid, number 1",
        "paid, number 2",
    ]
    resumed = guard(project, key, counts=first.counts)
    assert await resumed.perform(note, shop.call) == "paid, number 3"


@in_attempt
async def test_calls_of_one_write_at_the_same_moment_make_it_once(project, key, shop) -> None:
    effects = guard(project, key)
    answers = await asyncio.gather(*(effects.perform(REFUND, shop.call) for _ in range(10)))
    assert (set(answers), len(shop.keys)) == ({"paid, number 1"}, 1)


@in_attempt
async def test_another_result_of_the_same_agent_is_another_write(project, key, shop) -> None:
    await guard(project, key).perform(REFUND, shop.call)
    await guard(project, key, occurrence=2).perform(REFUND, shop.call)
    assert len(set(shop.keys)) == 2


@in_attempt
async def test_row_32_no_write_starts_after_a_cancellation(project, key, shop) -> None:
    await project.jobs.cancel(key.job_id)
    with pytest.raises(WriteRefusedError, match="cancelled"):
        await guard(project, key).perform(REFUND, shop.call)
    assert (shop.keys, await project.effects.list(key.job_id)) == ([], [])


@in_attempt
async def test_row_9_an_attempt_that_was_given_up_starts_no_write(project, key, shop) -> None:
    engine = project.engine_with(Nowhere())
    await engine.advance(key.job_id, lost=[key])
    with pytest.raises(WriteRefusedError, match="given up"):
        await guard(project, key).perform(REFUND, shop.call)
    stranger = Effects(project.db, key, owner="somebody else")
    with pytest.raises(WriteRefusedError):
        await stranger.perform(REFUND, shop.call)
    assert shop.keys == []


@in_attempt
async def test_secrets_in_arguments_are_not_shown(project, key, shop) -> None:
    secret = Write("post", {"header": "Bearer abcdefghijklmnop", "n": 1})
    await guard(project, key).perform(secret, shop.call)
    [effect] = await project.effects.list(key.job_id)
    assert effect.arguments == 'header="Bearer [redacted]", n=1'


@in_attempt
async def test_only_unsettled_writes_of_a_job_that_needs_review_are_settled(project, key, shop) -> None:
    with pytest.raises(NeedsReviewError):
        await guard(project, key).perform(REFUND, shop.break_after)
    [effect] = await project.effects.list(key.job_id)
    assert effect.is_unsettled
    with pytest.raises(EffectError, match="only the writes of a job that needs_review"):
        await project.effects.resolve(key.job_id, effect.id, done=True, by="kim")
    await project.db.update_job_status(key.job_id, JobStatus.NEEDS_REVIEW)
    with pytest.raises(EffectError, match=f"no unsettled write 'nope'; unsettled: {effect.id}"):
        await project.effects.resolve(key.job_id, "nope", done=True, by="kim")
    settled, again = await project.effects.resolve(key.job_id, effect.id, done=True, by="kim", result="paid")
    assert (settled.settled_by, again) == ("kim", True)
    job = await project.jobs.get(key.job_id)
    assert (job.status, job.run) == (JobStatus.PENDING, 2)
    with pytest.raises(EffectError):
        await project.effects.resolve(key.job_id, effect.id, done=False, by="lee")
    assert await guard(project, key).perform(REFUND, shop.call) == "paid"

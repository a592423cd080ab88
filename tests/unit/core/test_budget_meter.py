"""The budget of a job: reservations before calls, settled after, never over the limit."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from agent_framework.core.budget import NAMESPACE, AttemptMeter, Limits
from agent_framework.errors import BudgetExceededError
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import Usage


def price(model: str, input_tokens: int, output_tokens: int) -> float | None:
    return None if model == "unknown" else (input_tokens + output_tokens) / 1000


def with_db(path: Path, body: Callable[[SqliteDatabase], Awaitable[None]]) -> None:
    async def go() -> None:
        async with SqliteDatabase(path / "jobs.sqlite") as db:
            await body(db)

    asyncio.run(go())


async def held(db: SqliteDatabase) -> tuple[int, int]:
    """Tokens that are spent, and tokens that are spent or reserved."""
    document = await db.get_document(NAMESPACE, "job")
    assert document is not None
    return document.body["tokens"], document.body["tokens"] + sum(
        reservation["tokens"] for reservation in document.body["held"].values()
    )


def test_eight_parallel_attempts_never_pass_the_limit_together(tmp_path: Path) -> None:
    async def body(db: SqliteDatabase) -> None:
        random, most, refused = Random(1), 0, 0

        async def attempt() -> None:
            nonlocal most, refused
            meter = AttemptMeter(db, "job", Limits(tokens=1000), price)
            for _ in range(10):
                try:
                    receipt = await meter.reserve(model="m", input_tokens=40, max_output_tokens=60)
                except BudgetExceededError:
                    refused += 1
                    continue
                most = max(most, (await held(db))[1])
                await asyncio.sleep(random.random() / 500)
                await meter.settle(receipt, Usage(requests=1, input_tokens=40, output_tokens=random.randint(0, 60)))

        await asyncio.gather(*(attempt() for _ in range(8)))
        assert most <= 1000
        assert refused > 0
        spent, reserved = await held(db)
        assert 320 <= spent == reserved <= 1000

    with_db(tmp_path, body)


def test_a_reservation_is_replaced_by_what_was_used_and_a_crash_leaves_it_charged(tmp_path: Path) -> None:
    async def body(db: SqliteDatabase) -> None:
        meter = AttemptMeter(db, "job", Limits(tokens=250), price)
        first = await meter.reserve(model="m", input_tokens=50, max_output_tokens=50)
        await meter.settle(first, Usage(1, 50, 10))
        assert await held(db) == (60, 60)
        await meter.reserve(model="m", input_tokens=50, max_output_tokens=50)
        after_a_crash = AttemptMeter(db, "job", Limits(tokens=250), price)
        with pytest.raises(
            BudgetExceededError, match=r"budget of 250 tokens .* 160 are spent or reserved, .* take 100"
        ):
            await after_a_crash.reserve(model="m", input_tokens=50, max_output_tokens=50)
        assert meter.usage == Usage(1, 50, 10)

    with_db(tmp_path, body)


def test_the_last_token_may_be_spent_and_not_one_more(tmp_path: Path) -> None:
    async def body(db: SqliteDatabase) -> None:
        meter = AttemptMeter(db, "job", Limits(tokens=100), price)
        await meter.reserve(model="m", input_tokens=40, max_output_tokens=60)
        with pytest.raises(BudgetExceededError):
            await meter.reserve(model="m", input_tokens=0, max_output_tokens=1)

    with_db(tmp_path, body)


def test_a_budget_in_dollars_needs_a_price(tmp_path: Path) -> None:
    async def body(db: SqliteDatabase) -> None:
        meter = AttemptMeter(db, "job", Limits(usd=0.5), price)
        with pytest.raises(BudgetExceededError, match=r"the price of unknown is unknown.*llm\.prices"):
            await meter.reserve(model="unknown", input_tokens=1, max_output_tokens=1)
        receipt = await meter.reserve(model="m", input_tokens=100, max_output_tokens=300)
        with pytest.raises(BudgetExceededError, match=r"budget of \$0\.5 .* \$0\.4000 are spent .* may cost \$0\.2000"):
            await meter.reserve(model="m", input_tokens=100, max_output_tokens=100)
        await meter.settle(receipt, Usage(1, 100, 100, 0.2))
        await meter.reserve(model="m", input_tokens=100, max_output_tokens=200)

    with_db(tmp_path, body)


def test_without_a_budget_nothing_is_written(tmp_path: Path) -> None:
    async def body(db: SqliteDatabase) -> None:
        meter = AttemptMeter(db, "job", Limits(), price)
        await meter.settle(await meter.reserve(model="unknown", input_tokens=1, max_output_tokens=1), Usage(1, 2, 3))
        assert await db.list_documents(NAMESPACE) == []
        assert meter.usage == Usage(1, 2, 3)

    with_db(tmp_path, body)

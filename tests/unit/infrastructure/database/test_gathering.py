"""Requests that wait at the same time are carried out together, and each gets its own answer."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database._gathering import AT_ONCE, MOST, Gathering
from agent_framework.infrastructure.database._script import UnknownEndError


class Target:
    """Answers numbers with ten times as much; ``-1`` cannot be carried out, ``-2`` passes. Notes what came together."""

    def __init__(self, *, hold: asyncio.Event | None = None) -> None:
        self.groups: list[list[int]] = []
        self._hold = hold
        self.under_way = self.most_under_way = 0

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await (self._hold.wait() if self._hold else asyncio.sleep(0))
        finally:
            self.under_way -= 1
        if -1 in numbers:
            raise ProviderError("-1 cannot be stored")
        if -2 in numbers:
            raise ProviderError("the server is away", retryable=True)
        return [10 * number for number in numbers]


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 10))


def test_what_waits_goes_together() -> None:
    async def go() -> None:
        target = Target()
        gathering = Gathering(target)
        assert await asyncio.gather(*map(gathering.ask, (1, 2, 3))) == [10, 20, 30]
        assert await gathering.ask(4) == 40
        assert target.groups == [[1, 2, 3], [4]]

    run(go())


def test_what_cannot_be_carried_out_is_told_to_its_own_request() -> None:
    async def go() -> None:
        target = Target()
        answers = await asyncio.gather(*map(Gathering(target).ask, (1, -1, 3)), return_exceptions=True)
        assert [answers[0], answers[2]] == [10, 30]
        assert str(answers[1]) == "-1 cannot be stored"
        assert target.groups == [[1, -1, 3], [1], [-1], [3]]

    run(go())


def test_an_outage_is_told_to_all_and_not_tried_once_more_for_each() -> None:
    async def go() -> None:
        target = Target()
        answers = await asyncio.gather(*map(Gathering(target).ask, (1, -2, 3)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["the server is away"] * 3
        assert len(target.groups) == 1

    run(go())


def test_only_some_batches_are_under_way_and_the_rest_gathers() -> None:
    async def go() -> None:
        hold = asyncio.Event()
        target = Target(hold=hold)
        gathering = Gathering(target)
        asked = [gathering.ask(number) for number in range(2)]
        for number in range(2, 12):
            asked.append(gathering.ask(number))
            await asyncio.sleep(0.001)
        hold.set()
        assert await asyncio.gather(*asked) == [10 * number for number in range(12)]
        assert target.most_under_way == AT_ONCE
        assert len(target.groups) == AT_ONCE + 1

    run(go())


def test_a_batch_has_a_limit() -> None:
    async def go() -> None:
        target = Target()
        await asyncio.gather(*map(Gathering(target).ask, range(MOST + 5)))
        assert [len(group) for group in target.groups] == [MOST, 5]

    run(go())


def test_what_nobody_waits_for_is_left_out_where_that_is_wanted() -> None:
    async def go() -> None:
        target = Target()
        gathering = Gathering(target, drops_cancelled=True)
        gone, there = gathering.ask(1), gathering.ask(2)
        gone.cancel()
        assert await there == 20
        assert target.groups == [[2]]

    run(go())


def test_what_has_not_begun_when_it_is_closed_is_told_so() -> None:
    async def go() -> None:
        hold = asyncio.Event()
        target = Target(hold=hold)
        gathering = Gathering(target)
        asked = [gathering.ask(n) for n in range((AT_ONCE + 1) * MOST)]
        await asyncio.sleep(0.01)
        gathering.close(ProviderError("closed"))
        hold.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, ProviderError) for answer in answers) == MOST
        assert len(target.groups) == AT_ONCE

    run(go())


def test_an_end_that_nobody_knows_is_told_and_nothing_is_sent_again() -> None:
    async def go() -> None:
        sent: list[Sequence[int]] = []

        async def target(numbers: Sequence[int]) -> Sequence[int]:
            sent.append(numbers)
            raise UnknownEndError("look at the job before trying again")

        answers = await asyncio.gather(*map(Gathering(target).ask, (1, 2)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [UnknownEndError] * 2
        assert sent == [[1, 2]]

    run(go())


def test_who_no_longer_waits_spoils_nothing() -> None:
    async def go() -> None:
        gathering = Gathering(Target())
        gone, there = gathering.ask(1), gathering.ask(2)
        await asyncio.sleep(0)
        gone.cancel()
        assert await there == 20
        with pytest.raises(asyncio.CancelledError):
            await gone

    run(go())

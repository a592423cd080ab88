"""Alarms of many agents at once: each rings at its time or not at all, with one timer of the loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from agent_framework.core.alarms import Alarm, Alarms


def run(story: Callable[[Alarms], Awaitable[None]]) -> None:
    """Run the story with alarms of its own."""

    async def go() -> None:
        await story(Alarms())

    asyncio.run(go())


def test_they_ring_in_the_order_of_their_times_and_never_early() -> None:
    rung: list[tuple[float, float]] = []

    async def story(alarms: Alarms) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for after_s in (0.15, 0.05, 0.1, 0.05, 0.0):
            alarms.set(after_s, lambda after_s=after_s: rung.append((after_s, loop.time() - begun)))
        await asyncio.sleep(0.3)

    run(story)
    assert [after_s for after_s, _ in rung] == [0.0, 0.05, 0.05, 0.1, 0.15]
    assert all(at_s >= after_s - 0.001 for after_s, at_s in rung)


def test_a_cleared_alarm_does_not_ring_and_others_do() -> None:
    rung: list[int] = []

    async def story(alarms: Alarms) -> None:
        made = [alarms.set(0.02 * (n % 3), lambda n=n: rung.append(n)) for n in range(300)]
        for alarm in made[::2]:
            alarm.clear()
            alarm.clear()
        await asyncio.sleep(0.2)

    run(story)
    assert sorted(rung) == list(range(1, 300, 2))


def test_an_alarm_may_clear_another_that_is_due_with_it_and_set_new_ones() -> None:
    rung: list[str] = []

    async def story(alarms: Alarms) -> None:
        later: list[Alarm] = []

        def first() -> None:
            rung.append("first")
            later[0].clear()
            alarms.set(0.0, lambda: rung.append("new"))

        alarms.set(0.01, first)
        later.append(alarms.set(0.01, lambda: rung.append("second")))
        time.sleep(0.02)
        await asyncio.sleep(0.05)

    run(story)
    assert rung == ["first", "new"]


def test_what_was_cleared_does_not_pile_up() -> None:
    async def story(alarms: Alarms) -> None:
        for _ in range(10_000):
            alarms.set(300.0, lambda: None).clear()
        kept = alarms._of[asyncio.get_running_loop()]
        assert len(kept._heap) < 200

    run(story)


def test_a_limit_ends_what_takes_too_long_and_leaves_no_cancellation_behind() -> None:
    async def story(alarms: Alarms) -> None:
        limit = alarms.limit(0.02)
        with pytest.raises(TimeoutError), limit:
            await asyncio.sleep(10)
        assert limit.is_over
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    run(story)


def test_a_limit_that_is_kept_is_as_if_it_had_not_been() -> None:
    async def story(alarms: Alarms) -> None:
        with alarms.limit(0.02) as limit:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert not limit.is_over
        with pytest.raises(ValueError, match="its own"), alarms.limit(0.02):
            raise ValueError("its own")

    run(story)


def test_a_cancellation_by_somebody_else_goes_on_even_where_the_limit_passes_too() -> None:
    ended: list[str] = []

    async def story(alarms: Alarms) -> None:
        async def work() -> None:
            try:
                with alarms.limit(0.01):
                    await asyncio.sleep(10)
            except TimeoutError:
                ended.append("limit")
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        for both in (False, True):
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            if both:
                time.sleep(0.02)  # the limit's time is over, and nobody could say so yet
                asyncio.get_running_loop().call_later(0, task.cancel)
            else:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(story)
    assert ended == ["cancelled", "cancelled"]


def test_a_task_that_swallows_the_end_of_its_limit_is_told_nothing_more() -> None:
    async def story(alarms: Alarms) -> None:
        with alarms.limit(0.01) as limit, suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        assert limit.is_over
        await asyncio.sleep(0)

    run(story)


def test_of_two_limits_the_one_that_passes_is_the_one_that_says_so() -> None:
    async def story(alarms: Alarms) -> None:
        with alarms.limit(10) as outer:
            with pytest.raises(TimeoutError), alarms.limit(0.01) as inner:
                await asyncio.sleep(10)
            await asyncio.sleep(0)
        assert inner.is_over
        assert not outer.is_over

    run(story)


def test_one_object_serves_event_loops_one_after_another() -> None:
    alarms, rung = Alarms(), list[int]()

    async def story(n: int) -> None:
        alarms.set(300.0, lambda: None)
        alarms.set(0.01, lambda: rung.append(n))
        await asyncio.sleep(0.05)

    for n in range(3):
        asyncio.run(story(n))
    assert rung == [0, 1, 2]
    assert len(alarms._of) == 1, "loops that are closed are let go of"

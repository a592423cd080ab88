"""Many at once, and somebody who comes back later."""

import asyncio
from collections import Counter

import pytest

from agent_framework.infrastructure.queue.base import QueueProvider
from agent_framework.testing.conformance.queue.harness import QueueCase, Sleep, bodies, drain, one, scenario


class RaceTests(QueueCase):
    """Concurrent senders and consumers, restarts."""

    @pytest.mark.parametrize("acknowledging", [True, False])
    @scenario
    async def test_twenty_consumers_never_hold_a_message_twice(
        self, queue: QueueProvider, other: QueueProvider, acknowledging: bool
    ) -> None:
        await queue.send_batch([{"n": number} for number in range(100)])
        held: Counter[int] = Counter()

        async def consume(mine: QueueProvider) -> None:
            while messages := await mine.receive(3, visibility_s=60):
                held.update(message.body["n"] for message in messages)
                if acknowledging:
                    await mine.acknowledge(*messages)

        await asyncio.gather(*(consume(queue if number % 2 else other) for number in range(20)))
        while len(held) < 100 and (await queue.approximate_depth()).ready:
            await consume(queue)
        assert sorted(held) == list(range(100))
        assert set(held.values()) == {1}

    @scenario
    async def test_one_message_goes_to_one_of_twenty_consumers(
        self, queue: QueueProvider, other: QueueProvider
    ) -> None:
        await queue.send({"n": 1})
        answers = await asyncio.gather(
            *((queue if number % 2 else other).receive(visibility_s=60) for number in range(20))
        )
        assert sum(len(messages) for messages in answers) == 1

    @scenario
    async def test_concurrent_senders_lose_nothing(self, queue: QueueProvider, other: QueueProvider) -> None:
        ids = await asyncio.gather(
            *((queue if number % 2 else other).send({"n": number}) for number in range(50)),
        )
        assert len(set(ids)) == 50
        assert bodies(await drain(queue)) == [{"n": number} for number in range(50)]

    @scenario
    async def test_sending_and_receiving_at_once_loses_nothing(
        self, queue: QueueProvider, other: QueueProvider
    ) -> None:
        found: list[int] = []

        async def consume() -> None:
            while len(found) < 40:
                for message in await other.receive(5, wait_s=1, visibility_s=60):
                    found.append(message.body["n"])
                    await other.acknowledge(message)

        async def send() -> None:
            for number in range(40):
                await queue.send({"n": number})

        await asyncio.gather(send(), consume())
        assert sorted(found) == list(range(40))

    @scenario
    async def test_messages_outlive_the_provider_that_sent_them(
        self, queue: QueueProvider, other: QueueProvider
    ) -> None:
        await queue.send({"n": 1})
        await queue.send({"n": 2}, delay_s=60)
        await self.send_raw(queue, "not json")
        await queue.close()
        found = await other.receive() + await other.receive()
        assert [message.body for message in found] == [{"n": 1}]
        assert len(await other.dead_letters()) == 1
        assert (await other.approximate_depth()).delayed == 1

    @scenario
    async def test_what_a_consumer_held_when_it_stopped_comes_back(
        self, queue: QueueProvider, other: QueueProvider, sleep: Sleep
    ) -> None:
        await queue.send({"n": 1})
        held = await one(queue, visibility_s=1)
        await queue.close()
        assert await other.receive() == []
        await sleep(1.15)
        again = await one(other)
        assert (again.id, again.receive_count) == (held.id, 2)

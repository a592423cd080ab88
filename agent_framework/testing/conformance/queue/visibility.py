"""A received message is hidden, comes back, is given back, is kept, is done with; a delayed one waits."""

from agent_framework.infrastructure.queue.base import Message, QueueProvider
from agent_framework.testing.conformance.queue.harness import (
    HIDDEN_S,
    PAST_S,
    QueueCase,
    Sleep,
    bodies,
    drain,
    one,
    scenario,
)


class VisibilityTests(QueueCase):
    """From the first delivery to the end of a message."""

    @scenario
    async def test_a_received_message_is_hidden_from_everybody(
        self, queue: QueueProvider, other: QueueProvider
    ) -> None:
        await queue.send({"n": 1})
        await one(queue)
        assert await queue.receive() == []
        assert await other.receive() == []

    @scenario
    async def test_what_is_not_acknowledged_comes_back_and_is_counted(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send({"n": 1})
        first = await one(queue, visibility_s=HIDDEN_S)
        await sleep(PAST_S)
        again = await one(queue)
        assert (again.id, again.body, again.receive_count) == (first.id, {"n": 1}, 2)
        assert again.receipt != first.receipt

    @scenario
    async def test_the_provider_has_a_visibility_time_of_its_own(self, queue: QueueProvider, sleep: Sleep) -> None:
        queue.visibility_s = HIDDEN_S
        await queue.send({"n": 1})
        await queue.receive()
        assert await queue.receive() == []
        await sleep(PAST_S)
        assert (await one(queue)).receive_count == 2

    @scenario
    async def test_an_acknowledged_message_never_comes_back(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send_batch([{"n": 1}, {"n": 2}])
        messages = await self._all(queue, 2)
        await queue.acknowledge(*messages)
        await sleep(PAST_S)
        assert await queue.receive() == []
        assert (await queue.approximate_depth()).total == 0

    @scenario
    async def test_acknowledging_one_leaves_the_others(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send_batch([{"n": number} for number in range(3)])
        messages = await self._all(queue, 3)
        await queue.acknowledge(*(message for message in messages if message.body["n"] == 1))
        await sleep(PAST_S)
        assert bodies(await drain(queue)) == [{"n": 0}, {"n": 2}]

    @scenario
    async def test_a_late_acknowledgement_counts_while_nobody_else_has_it(
        self, queue: QueueProvider, sleep: Sleep
    ) -> None:
        await queue.send({"n": 1})
        message = await one(queue, visibility_s=HIDDEN_S)
        await sleep(PAST_S)
        await queue.acknowledge(message)
        assert await queue.receive() == []

    @scenario
    async def test_acknowledging_twice_or_nothing_is_no_error(self, queue: QueueProvider) -> None:
        await queue.send({"n": 1})
        message = await one(queue)
        await queue.acknowledge(message)
        await queue.acknowledge(message)
        await queue.acknowledge()

    @scenario
    async def test_many_are_acknowledged_at_once(self, queue: QueueProvider) -> None:
        await queue.send_batch([{"n": number} for number in range(23)])
        messages: list[Message] = []
        while received := await queue.receive(10):
            messages += received
        await queue.acknowledge(*messages)
        assert len(messages) == 23
        assert (await queue.approximate_depth()).total == 0

    @scenario
    async def test_another_provider_may_acknowledge(self, queue: QueueProvider, other: QueueProvider) -> None:
        await queue.send({"n": 1})
        await other.acknowledge(await one(queue))
        assert (await queue.approximate_depth()).total == 0

    @scenario
    async def test_a_released_message_is_there_at_once(self, queue: QueueProvider) -> None:
        await queue.send({"n": 1})
        first = await one(queue)
        assert await queue.release(first)
        again = await one(queue)
        assert (again.id, again.receive_count) == (first.id, 2)

    @scenario
    async def test_a_message_may_be_released_for_later(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send({"n": 1})
        assert await queue.release(await one(queue), delay_s=HIDDEN_S)
        assert await queue.receive() == []
        await sleep(PAST_S)
        assert (await one(queue)).body == {"n": 1}

    @scenario
    async def test_an_extended_message_stays_hidden(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send({"n": 1})
        message = await one(queue, visibility_s=HIDDEN_S)
        assert await queue.extend(message, 30)
        await sleep(PAST_S)
        assert await queue.receive() == []

    @scenario
    async def test_extending_may_shorten(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send({"n": 1})
        assert await queue.extend(await one(queue, visibility_s=30), HIDDEN_S)
        await sleep(PAST_S)
        assert (await one(queue)).receive_count == 2

    @scenario
    async def test_a_message_that_is_done_can_be_neither_extended_nor_released(self, queue: QueueProvider) -> None:
        await queue.send({"n": 1})
        message = await one(queue)
        await queue.acknowledge(message)
        assert not await queue.extend(message, 30)
        assert not await queue.release(message)
        assert await queue.receive() == []

    @scenario
    async def test_a_delayed_message_waits(self, queue: QueueProvider, sleep: Sleep) -> None:
        message_id = await queue.send({"n": 1}, delay_s=HIDDEN_S)
        assert await queue.receive() == []
        await sleep(PAST_S)
        message = await one(queue)
        assert (message.id, message.body, message.receive_count) == (message_id, {"n": 1}, 1)

    @scenario
    async def test_a_delayed_batch_waits_and_delays_nobody_else(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send_batch([{"n": number} for number in range(12)], delay_s=HIDDEN_S)
        await queue.send({"n": 99})
        assert (await one(queue)).body == {"n": 99}
        await sleep(PAST_S)
        assert [body["n"] for body in bodies(await drain(queue))] == list(range(12))

    @scenario
    async def test_the_depth_tells_ready_delayed_and_in_flight_apart(self, queue: QueueProvider) -> None:
        await queue.send_batch([{"n": number} for number in range(5)])
        await queue.send({"n": 9}, delay_s=60)
        await self._all(queue, 2)
        depth = await queue.approximate_depth()
        assert (depth.ready, depth.delayed, depth.in_flight) == (3, 1, 2)
        assert depth.total == 6

    async def _all(self, queue: QueueProvider, count: int) -> list[Message]:
        """Receive ``count`` messages, one by one, hidden for a second."""
        return [await one(queue, visibility_s=HIDDEN_S) for _ in range(count)]


class ReceiptTests(QueueCase):
    """For backends that go further: only the newest receipt counts, and only while the message is hidden."""

    @scenario
    async def test_who_lost_a_message_cannot_touch_it(self, queue: QueueProvider, sleep: Sleep) -> None:
        await queue.send({"n": 1})
        old = await one(queue, visibility_s=HIDDEN_S)
        await sleep(PAST_S)
        assert not await queue.extend(old, 30), "it is visible again"
        new = await one(queue)
        assert not await queue.extend(old, 30)
        assert not await queue.release(old)
        await queue.acknowledge(old)
        assert await queue.extend(new, 30), "the acknowledgement of the one who lost it did nothing"

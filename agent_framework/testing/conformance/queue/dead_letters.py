"""Messages that nobody can finish, and messages that nobody can read, end beside the queue and stop nothing."""

import pytest

from agent_framework.infrastructure.queue.base import DeadReason, QueueProvider
from agent_framework.testing.conformance.queue.harness import QueueCase, bodies, drain, one, scenario

UNREADABLE = {
    "words": "not json",
    "a list": "[1, 2]",
    "a number": "17",
    "null": "null",
    "quoted": '"text"',
    "python": "{'a': 1}",
    "cut off": '{"a": [1, 2',
    "not a number": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "too deep": '{"a":' * 100_000,
    "markup": "<html>&</html>",
}


class DeadLetterTests(QueueCase):
    """What ends as a dead letter."""

    @scenario
    async def test_a_message_received_too_often_becomes_a_dead_letter(self, queue: QueueProvider) -> None:
        message_id = await queue.send({"n": 1})
        await self._fail(queue)
        assert await queue.receive() == []
        (letter,) = await queue.dead_letters()
        assert (letter.id, letter.body) == (message_id, {"n": 1})
        assert (letter.reason, letter.note) == (DeadReason.TOO_MANY_RECEIVES, "")
        assert (await queue.approximate_depth()).total == 0

    @scenario
    async def test_the_queue_tells_how_often_it_delivers_a_message(self, queue: QueueProvider) -> None:
        assert await queue.receive_limit() == self.max_receives

    @scenario
    async def test_dead_letters_stay_when_they_are_looked_at(self, queue: QueueProvider, other: QueueProvider) -> None:
        await queue.send({"n": 1})
        await self._fail(queue)
        await queue.receive()
        assert len(await queue.dead_letters()) == 1
        assert len(await queue.dead_letters()) == 1
        assert len(await other.dead_letters()) == 1

    @scenario
    async def test_as_many_dead_letters_are_shown_as_asked_for(self, queue: QueueProvider) -> None:
        for number in range(12):
            await self.send_raw(queue, f"word {number}")
        while (await queue.approximate_depth()).ready:
            assert await queue.receive() == []
        assert len(await queue.dead_letters()) == 12
        assert len(await queue.dead_letters(3)) == 3

    @scenario
    async def test_a_failing_message_does_not_take_others_with_it(self, queue: QueueProvider) -> None:
        await queue.send({"n": 1})
        await self._fail(queue)
        await queue.send({"n": 2})
        assert bodies(await drain(queue)) == [{"n": 2}]
        assert [letter.body for letter in await queue.dead_letters()] == [{"n": 1}]

    @scenario
    async def test_a_message_finished_at_its_last_delivery_is_no_dead_letter(self, queue: QueueProvider) -> None:
        await queue.send({"n": 1})
        for _ in range(self.max_receives - 1):
            await queue.release(await one(queue))
        message = await one(queue)
        assert message.receive_count == self.max_receives
        await queue.acknowledge(message)
        assert await queue.receive() == []
        assert await queue.dead_letters() == []

    @pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
    @scenario
    async def test_an_unreadable_message_becomes_a_dead_letter_with_a_note(
        self, queue: QueueProvider, text: str
    ) -> None:
        await self.send_raw(queue, text)
        assert await queue.receive() == []
        (letter,) = await queue.dead_letters()
        assert (letter.text, letter.body, letter.reason) == (text, None, DeadReason.UNREADABLE)
        assert "JSON" in letter.note
        assert (await queue.approximate_depth()).total == 0

    @scenario
    async def test_readable_messages_arrive_between_unreadable_ones(self, queue: QueueProvider) -> None:
        for number in range(3):
            await self.send_raw(queue, "not json")
            await queue.send({"n": number})
        found = await drain(queue)
        while (await queue.approximate_depth()).ready:
            found += await drain(queue)
        assert bodies(found) == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert len(await queue.dead_letters()) == 3

    @scenario
    async def test_purging_removes_everything(self, queue: QueueProvider) -> None:
        await queue.send_batch([{"n": 1}, {"n": 2}])
        await queue.send({"n": 3}, delay_s=60)
        await self.send_raw(queue, "not json")
        await queue.receive(1)
        await queue.purge()
        assert (await queue.approximate_depth()).total == 0
        assert await queue.receive() == []
        assert await queue.dead_letters() == []

    async def _fail(self, queue: QueueProvider) -> None:
        """Receive and release the only message as often as it may be received."""
        for _ in range(self.max_receives):
            assert await queue.release(await one(queue))

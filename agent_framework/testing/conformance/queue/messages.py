"""What is sent arrives as it was, and what cannot be sent is refused clearly."""

import asyncio
import math
import time
from typing import Any

import pytest

from agent_framework.errors import MessageTooLargeError, ProviderError
from agent_framework.infrastructure.queue.base import QueueProvider
from agent_framework.testing.conformance.queue.harness import QueueCase, bodies, drain, one, scenario
from agent_framework.types import JSONDict

BODIES: dict[str, JSONDict] = {
    "empty": {},
    "nested": {"a": {"b": [1, [2, {"c": None}]]}, "list": [], "object": {}},
    "numbers": {"int": -3, "float": 0.1, "small": 1e-9, "big": 2**53 + 1, "yes": True},
    "unicode": {"ключ": "Grüße, 你好, 👩‍👩‍👧"},
    "right to left": {"text": "שלום \u202eabc\u202c مرحبا"},
    "control characters": {"text": "tab\t line\n return\r null\x00 escape\x1b delete\x7f"},
    "no characters": {"text": "\ufffe\uffff"},
    "markup": {"text": '<a href="x">&amp; ]]> \' \\u0041 %00'},
    "strange keys": {"": 1, "a.b": 2, '"': 3, " ": 4, "$stored": 5},
    "long text": {"text": "x" * 100_000},
}

NOT_JSON: dict[str, Any] = {
    "nan": math.nan,
    "infinity": math.inf,
    "set": {1, 2},
    "bytes": b"bytes",
    "object": object(),
    "lone surrogate": "\ud800",
}


class MessageTests(QueueCase):
    """Sending and receiving."""

    @scenario
    async def test_a_message_arrives_with_its_id_and_body(self, queue: QueueProvider) -> None:
        message_id = await queue.send({"job_id": "j1"})
        message = await one(queue)
        assert (message.id, message.body, message.receive_count) == (message_id, {"job_id": "j1"}, 1)
        assert message.receipt

    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    @scenario
    async def test_a_body_arrives_as_it_was(self, queue: QueueProvider, body: JSONDict) -> None:
        await queue.send(body)
        received = (await one(queue)).body
        assert received == body
        assert repr(received) == repr(body), "also the types and the order of the keys"

    @scenario
    async def test_a_body_may_be_nested_a_hundred_levels_deep(self, queue: QueueProvider) -> None:
        body: JSONDict = {"end": True}
        for _ in range(100):
            body = {"level": body}
        await queue.send(body)
        assert (await one(queue)).body == body

    @scenario
    async def test_a_batch_of_any_size_arrives_whole(self, queue: QueueProvider) -> None:
        sent = [{"n": number} for number in range(25)]
        ids = await queue.send_batch(sent)
        received = await drain(queue)
        assert bodies(received) == sent
        assert {message.id: message.body["n"] for message in received} == dict(zip(ids, range(25), strict=True))

    @scenario
    async def test_a_batch_larger_than_one_request_arrives_whole(self, queue: QueueProvider) -> None:
        sent = [{"n": number, "text": "x" * 300_000} for number in range(7)]
        await queue.send_batch(sent)
        assert bodies(await drain(queue)) == sent

    @scenario
    async def test_an_empty_batch_sends_nothing(self, queue: QueueProvider) -> None:
        assert await queue.send_batch([]) == []
        assert await queue.receive() == []

    @scenario
    async def test_the_same_body_twice_is_two_messages(self, queue: QueueProvider) -> None:
        first, second = await queue.send({"n": 1}), await queue.send({"n": 1})
        assert first != second
        assert len(await drain(queue)) == 2

    @scenario
    async def test_no_more_is_received_than_asked_for(self, queue: QueueProvider) -> None:
        await queue.send_batch([{"n": number} for number in range(6)])
        assert len(await queue.receive(4)) <= 4
        assert len(await queue.receive(1)) == 1

    @scenario
    async def test_an_empty_queue_answers_at_once(self, queue: QueueProvider) -> None:
        await queue.receive()
        started = time.monotonic()
        assert await queue.receive() == []
        assert time.monotonic() - started < 1

    @scenario
    async def test_waiting_ends_when_a_message_comes(self, queue: QueueProvider, other: QueueProvider) -> None:
        waiting = asyncio.create_task(queue.receive(wait_s=10))
        await asyncio.sleep(0.3)
        started = time.monotonic()
        await other.send({"n": 1})
        assert [message.body for message in await waiting] == [{"n": 1}]
        assert time.monotonic() - started < 3

    @scenario
    async def test_waiting_ends_without_a_message_too(self, queue: QueueProvider) -> None:
        started = time.monotonic()
        assert await queue.receive(wait_s=1) == []
        assert 0.7 < time.monotonic() - started < 5

    @scenario
    async def test_the_largest_body_arrives(self, queue: QueueProvider) -> None:
        body = {"text": "x" * (queue.max_body_bytes - len('{"text":""}'))}
        await queue.send(body)
        assert (await one(queue)).body == body

    @pytest.mark.parametrize("letter", ["x", "é", "💥"])
    @scenario
    async def test_a_body_that_is_too_large_is_refused_with_the_remedy(self, queue: QueueProvider, letter: str) -> None:
        length = queue.max_body_bytes // len(letter.encode()) + 1
        with pytest.raises(MessageTooLargeError, match=r"message 1 has .* bytes.*claim-check"):
            await queue.send_batch([{"n": 0}, {"text": letter * length}])
        assert await queue.receive() == [], "nothing of the batch was sent"

    @pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
    @scenario
    async def test_what_is_not_json_is_refused_and_nothing_is_sent(self, queue: QueueProvider, value: Any) -> None:
        with pytest.raises(ProviderError, match=r"message 1 cannot be written as JSON"):
            await queue.send_batch([{"n": 0}, {"value": value}])
        assert await queue.receive() == []

    @pytest.mark.parametrize(
        ("method", "options"),
        [
            ("send", {"body": {}, "delay_s": 901}),
            ("send", {"body": {}, "delay_s": -1}),
            ("receive", {"limit": 0}),
            ("receive", {"wait_s": 21}),
            ("receive", {"wait_s": -1}),
            ("receive", {"visibility_s": 0}),
            ("receive", {"visibility_s": 43_201}),
            ("receive", {"visibility_s": math.nan}),
        ],
        ids=str,
    )
    @scenario
    async def test_numbers_out_of_range_are_refused(self, queue: QueueProvider, method: str, options: Any) -> None:
        with pytest.raises(ProviderError, match=rf"{queue.name}: (delay_s|limit|wait_s|visibility_s) .*must be"):
            await getattr(queue, method)(**options)

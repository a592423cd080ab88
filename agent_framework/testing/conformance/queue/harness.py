"""What the groups of tests share: fixtures to override, and small words for what tests do again and again."""

from collections.abc import Callable
from typing import ClassVar

import pytest

from agent_framework.infrastructure.queue.base import Message, QueueProvider
from agent_framework.testing.conformance._scenario import Case, Sleep, scenarios
from agent_framework.types import JSONDict

__all__ = ["HIDDEN_S", "PAST_S", "QueueCase", "Sleep", "bodies", "drain", "one", "scenario"]

HIDDEN_S = 1.0
"""The visibility time and delay of tests: the shortest that every backend can keep."""
PAST_S = 1.15
"""Long enough for it to be over."""

scenario = scenarios(queue="open_queue", other="open_queue")


class QueueCase(Case):
    """The base of all groups of tests."""

    max_receives: ClassVar[int] = 2

    @pytest.fixture
    def open_queue(self) -> Callable[[], QueueProvider]:
        """Makes a provider on the test's own empty queue, the same at each call."""
        raise NotImplementedError("a subclass of QueueConformance provides the fixture 'open_queue'")

    async def send_raw(self, queue: QueueProvider, text: str) -> None:
        """Put a message with this text into the queue, as a foreign sender may."""
        await queue.send_texts([text])


async def one(queue: QueueProvider, *, visibility_s: float = 30.0) -> Message:
    """The one message that must be there."""
    (message,) = await queue.receive(1, wait_s=5, visibility_s=visibility_s)
    return message


async def drain(queue: QueueProvider) -> list[Message]:
    """Receive and acknowledge until nothing is left."""
    found: list[Message] = []
    while messages := await queue.receive(10):
        await queue.acknowledge(*messages)
        found += messages
    return found


def bodies(messages: list[Message]) -> list[JSONDict]:
    """The bodies, in the order of their ``n``."""
    return sorted((message.body for message in messages), key=lambda body: body["n"])

"""The contract of a queue: messages that are JSON objects, delivered at least once, in no promised order.

A received message is hidden from everybody else for its visibility time. Whoever received it acknowledges it, gives it
back early, or keeps it longer; what is neither comes back by itself, and after too many deliveries it becomes a dead
letter. A message that is not a JSON object becomes one at once, with a note, and no consumer sees it.

A backend brings the abstract methods, which speak text; checking, encoding and the handling of unreadable messages are
here, once.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent_framework.errors import MessageTooLargeError, ProviderError
from agent_framework.infrastructure._json import to_json, to_object
from agent_framework.types import JSONDict

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1_048_576
MAX_DELAY_S = 900.0
MAX_VISIBILITY_S = 43_200.0
MAX_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Message:
    """A received message. ``receipt`` belongs to this delivery; ``receive_count`` is 1 at the first."""

    id: str
    body: JSONDict
    receipt: str
    receive_count: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a backend hands over: a message whose text was not read yet."""

    id: str
    text: str
    receipt: str
    receive_count: int


class DeadReason(StrEnum):
    """Why a message became a dead letter."""

    TOO_MANY_RECEIVES = "too_many_receives"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is received no more. ``body`` is None where ``text`` is not a JSON object; ``note`` says why."""

    id: str
    text: str
    body: JSONDict | None
    reason: DeadReason
    note: str = ""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages there are, roughly: ready to be received, delayed, and received but not acknowledged."""

    ready: int
    delayed: int = 0
    in_flight: int = 0

    @property
    def total(self) -> int:
        """All messages, dead letters not counted."""
        return self.ready + self.delayed + self.in_flight


class QueueProvider(ABC):
    """Where messages wait. All methods raise `ProviderError` for what the backend refuses.

    ``max_body_bytes`` is the largest body, as UTF-8 JSON; ``visibility_s`` the visibility time if `receive` names none.
    """

    name: str = "custom"
    max_body_bytes: int = MAX_BODY_BYTES
    visibility_s: float = 30.0

    # -- for users of a queue --------------------------------------------------------------------------------

    async def send(self, body: JSONDict, *, delay_s: float = 0.0) -> str:
        """Send one message and return its id; nobody receives it before ``delay_s`` (0 to 900) is over.

        Raises:
            MessageTooLargeError: the body is larger than ``max_body_bytes``.
        """
        return (await self.send_batch([body], delay_s=delay_s))[0]

    async def send_batch(self, bodies: Sequence[JSONDict], *, delay_s: float = 0.0) -> list[str]:
        """Send any number of messages and return their ids, in order. Nothing is sent if a body is unfit.

        Raises:
            MessageTooLargeError: a body is larger than ``max_body_bytes``.
            QueueBatchError: the backend refused some; the others are sent. It tells them apart by position.
        """
        self._check("delay_s", delay_s, MAX_DELAY_S)
        texts = [self._encode(position, body) for position, body in enumerate(bodies)]
        return await self.send_texts(texts, delay_s=delay_s) if texts else []

    async def receive(
        self, limit: int = 10, *, wait_s: float = 0.0, visibility_s: float | None = None
    ) -> list[Message]:
        """At most ``limit`` messages, hidden from others for ``visibility_s`` (up to 43,200; backends may round it up).

        Waits up to ``wait_s`` (0 to 20) for the first one; there may be more than are returned. An unreadable message
        becomes a dead letter and is left out.
        """
        if limit < 1:
            raise ProviderError(f"queue provider {self.name}: limit {limit}: must be at least 1")
        self._check("wait_s", wait_s, MAX_WAIT_S)
        visibility_s = self._visibility(self.visibility_s if visibility_s is None else visibility_s)
        deliveries = await self.receive_texts(limit, wait_s=wait_s, visibility_s=visibility_s)
        messages = [await self._read_or_bury(delivery) for delivery in deliveries]
        return [message for message in messages if message is not None]

    def read(self, delivery: Delivery) -> Message:
        """The message in a delivery.

        Raises:
            ValueError: its text is not a JSON object.
        """
        return Message(delivery.id, to_object(delivery.text), delivery.receipt, delivery.receive_count)

    async def release(self, message: Message, *, delay_s: float = 0.0) -> bool:
        """Give a message back: others may receive it after ``delay_s`` (0 to 900). False if it is not ours any more."""
        self._check("delay_s", delay_s, MAX_DELAY_S)
        return await self.change_visibility(message, delay_s)

    async def extend(self, message: Message, visibility_s: float) -> bool:
        """Keep a message hidden for ``visibility_s`` from now on. False if it is not ours any more: stop working on it.

        A backend that cannot tell answers True, so this saves work and guards nothing.
        """
        return await self.change_visibility(message, self._visibility(visibility_s))

    # -- what a backend brings -------------------------------------------------------------------------------

    @abstractmethod
    async def send_texts(self, texts: Sequence[str], *, delay_s: float = 0.0) -> list[str]:
        """Send messages as they are and return their ids; at least one. Raises `QueueBatchError` as `send_batch`."""

    @abstractmethod
    async def receive_texts(self, limit: int, *, wait_s: float, visibility_s: float) -> list[Delivery]:
        """Hide and hand over up to ``limit`` messages; those delivered too often become dead letters instead."""

    @abstractmethod
    async def acknowledge(self, *messages: Message) -> None:
        """These are done and never come back. Doing it twice, or late, is no error.

        Raises:
            QueueBatchError: some could not be acknowledged; they will come back.
        """

    @abstractmethod
    async def change_visibility(self, message: Message, visibility_s: float) -> bool:
        """Hide the message until ``visibility_s`` from now (0: show it at once); False if it is not ours any more."""

    @abstractmethod
    async def bury(self, delivery: Delivery, note: str) -> None:
        """Make a received message a dead letter of reason ``unreadable``."""

    @abstractmethod
    async def receive_limit(self) -> int | None:
        """How often a message is delivered before it becomes a dead letter; None where it comes back for ever."""

    @abstractmethod
    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Up to ``limit`` dead letters, which stay where they are."""

    @abstractmethod
    async def approximate_depth(self) -> QueueDepth:
        """How many messages there are; some backends count late."""

    @abstractmethod
    async def purge(self) -> None:
        """Delete all messages and dead letters. For tests."""

    async def close(self) -> None:  # noqa: B027 - not every backend holds something
        """Release what the provider holds; it is not used afterwards."""

    # -- policy ----------------------------------------------------------------------------------------------

    async def _read_or_bury(self, delivery: Delivery) -> Message | None:
        try:
            return self.read(delivery)
        except ValueError as exc:
            note = str(exc)
        try:
            await self.bury(delivery, note)
        except ProviderError as exc:  # the readable messages of the batch must still reach their consumer
            logger.error("message %s is %s, and cannot be moved to the dead letters: %s", delivery.id, note, exc)
        else:
            logger.warning("message %s is %s: moved to the dead letters", delivery.id, note)
        return None

    def _encode(self, position: int, body: JSONDict) -> str:
        text = to_json(body, what=f"queue provider {self.name}: message {position}")
        size = len(text.encode())
        if size > self.max_body_bytes:
            raise MessageTooLargeError(
                f"queue provider {self.name}: message {position} has {size:,} bytes, {self.max_body_bytes:,} are "
                "allowed; keep the large part in the storage and send what ClaimCheck.put returns (claim-check)"
            )
        return text

    def _visibility(self, visibility_s: float) -> float:
        if not 0 < visibility_s <= MAX_VISIBILITY_S:
            raise ProviderError(
                f"queue provider {self.name}: visibility_s {visibility_s:g}: must be above 0, at most 43,200 s"
            )
        return visibility_s

    def _check(self, what: str, value: float, highest: float) -> None:
        if not 0 <= value <= highest:
            raise ProviderError(f"queue provider {self.name}: {what} {value:g}: must be 0 to {highest:g} s")


def dead_letter(message_id: str, text: str, note: str | None) -> DeadLetter:
    """A dead letter from what a backend kept: with a ``note`` it was unreadable, without it was delivered too often."""
    reason = DeadReason.TOO_MANY_RECEIVES if note is None else DeadReason.UNREADABLE
    try:
        return DeadLetter(message_id, text, to_object(text), reason, note or "")
    except ValueError:
        return DeadLetter(message_id, text, None, reason, note or "")

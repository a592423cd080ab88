"""Amazon EventBridge in front of SQS: messages go to a bus as events, a rule of the bus brings them to a queue.

Others may listen to the same bus. A message that is delayed goes to the queue directly, as an event of the same form,
because a bus delivers at once: other listeners do not see it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent_framework.infrastructure._aws import AwsService
from agent_framework.infrastructure._json import to_json, to_object
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.queue._batches import BatchOutcome, batches
from agent_framework.infrastructure.queue.base import DeadLetter, Delivery, Message, QueueDepth, QueueProvider
from agent_framework.infrastructure.queue.sqs import SqsQueue
from agent_framework.types import JSONDict, is_object

MAX_REQUEST_BYTES = 1_000_000
ENVELOPE_BYTES = 2_000
"""Room for what an event carries besides its detail."""
_LABEL = "queue provider eventbridge"


class EventBridgeConfig(BaseModel):
    """``infrastructure.queue.config`` of provider ``eventbridge``.

    ``bus`` is a name or ARN; ``queue_url`` is the queue that a rule for ``source`` and ``detail_type`` has as target.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bus: str = Field(min_length=1)
    queue_url: str = Field(min_length=1)
    dead_letter_url: str | None = None
    source: str = Field(default="agent-framework", min_length=1, max_length=256)
    detail_type: str = Field(default="job", min_length=1, max_length=128)
    region: str | None = None
    endpoint_url: str | None = None
    visibility_timeout: int = Field(default=30, ge=1, le=43_200)


class EventBridgeQueue(QueueProvider):
    """Sends to ``bus``, receives from ``queue``.

    EventBridge reads what it carries: whole numbers beyond 64 bits are refused, unlike in the other queues.
    """

    name = "eventbridge"
    max_body_bytes = MAX_REQUEST_BYTES - ENVELOPE_BYTES

    def __init__(
        self,
        bus: str,
        queue: SqsQueue,
        *,
        source: str = "agent-framework",
        detail_type: str = "job",
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        self.visibility_s = queue.visibility_s
        self._bus = bus
        self._queue = queue
        self._event = {"source": source, "detail-type": detail_type}
        self._events = AwsService("events", label=_LABEL, client=client, region=region, endpoint_url=endpoint_url)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "EventBridgeQueue":
        """Make it from ``infrastructure.queue.config``; nothing is called yet."""
        settings: EventBridgeConfig = validated(EventBridgeConfig, config, what=_LABEL)
        queue = SqsQueue(
            settings.queue_url,
            dead_letter_url=settings.dead_letter_url,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            visibility_s=settings.visibility_timeout,
            label=_LABEL,
        )
        return cls(
            settings.bus,
            queue,
            source=settings.source,
            detail_type=settings.detail_type,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
        )

    async def send_texts(self, texts: Sequence[str], *, delay_s: float = 0.0) -> list[str]:
        if delay_s > 0:
            return await self._send_directly(texts, delay_s)
        outcome = BatchOutcome(_LABEL, "events were refused by the bus")
        for batch in batches(texts, MAX_REQUEST_BYTES, overhead_bytes=ENVELOPE_BYTES):
            entries = [
                {
                    "EventBusName": self._bus,
                    "Source": self._event["source"],
                    "DetailType": self._event["detail-type"],
                    "Detail": texts[position],
                }
                for position in batch
            ]
            with outcome.request(batch):
                answer = await self._events.call("put_events", Entries=entries)
                for position, entry in zip(batch, answer["Entries"], strict=True):
                    if "EventId" in entry:
                        outcome.done(position, entry["EventId"])
                    else:
                        outcome.failed(position, f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
        return outcome.ids()

    def read(self, delivery: Delivery) -> Message:
        """The event's detail as body and the event's id as id; a target that passes the detail alone is fine too."""
        event = to_object(delivery.text)
        detail: object = event.get("detail")
        if not is_object(detail) or not {"detail-type", "source", "id"} <= event.keys():
            return Message(delivery.id, event, delivery.receipt, delivery.receive_count)
        return Message(str(event["id"]), detail, delivery.receipt, delivery.receive_count)

    async def receive_texts(self, limit: int, *, wait_s: float, visibility_s: float) -> list[Delivery]:
        return await self._queue.receive_texts(limit, wait_s=wait_s, visibility_s=visibility_s)

    async def acknowledge(self, *messages: Message) -> None:
        await self._queue.acknowledge(*messages)

    async def change_visibility(self, message: Message, visibility_s: float) -> bool:
        return await self._queue.change_visibility(message, visibility_s)

    async def bury(self, delivery: Delivery, note: str) -> None:
        await self._queue.bury(delivery, note)

    async def receive_limit(self) -> int | None:
        return await self._queue.receive_limit()

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        return [self._letter(letter) for letter in await self._queue.dead_letters(limit)]

    async def approximate_depth(self) -> QueueDepth:
        return await self._queue.approximate_depth()

    async def purge(self) -> None:
        await self._queue.purge()

    async def close(self) -> None:
        await self._events.close()
        await self._queue.close()

    async def _send_directly(self, texts: Sequence[str], delay_s: float) -> list[str]:
        events = [{"id": str(uuid.uuid4()), **self._event, "detail": to_object(text)} for text in texts]
        await self._queue.send_texts([to_json(event, what=_LABEL) for event in events], delay_s=delay_s)
        return [str(event["id"]) for event in events]

    def _letter(self, letter: DeadLetter) -> DeadLetter:
        if letter.body is None:
            return letter
        message = self.read(Delivery(letter.id, letter.text, "", 0))
        return replace(letter, id=message.id, body=message.body)

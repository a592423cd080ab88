"""Amazon SQS standard queues: long polling, batches of ten, dead letters by the queue's own redrive policy."""

import asyncio
import json
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._aws import AwsService, error_code
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.queue._batches import MAX_ENTRIES, BatchOutcome, batches
from agent_framework.infrastructure.queue.base import (
    MAX_BODY_BYTES,
    DeadLetter,
    Delivery,
    Message,
    QueueDepth,
    QueueProvider,
    dead_letter,
)
from agent_framework.types import JSONDict

_NOTE = "agent-framework-note"
_ID = "agent-framework-id"
_PEEK_S = 30
_NOT_OURS = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"})


class SqsConfig(BaseModel):
    """``infrastructure.queue.config`` of provider ``sqs``. Times in seconds.

    ``url`` or ``name`` says which queue; its redrive policy tells the dead letters' unless ``dead_letter_url`` is set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(default=None, min_length=1)
    name: str | None = Field(default=None, min_length=1, max_length=80)
    dead_letter_url: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    visibility_timeout: int = Field(default=30, ge=1, le=43_200)

    @model_validator(mode="after")
    def _which_queue(self) -> Self:
        if (self.url is None) == (self.name is None):
            raise ValueError("set url or name of the queue (one of them); stage 'local' needs neither")
        return self


class SqsQueue(QueueProvider):
    """One SQS queue. Delays and visibility times are rounded up to whole seconds.

    ``label`` is what errors call it. An old receipt may still work after a new delivery: SQS promises no more.
    """

    name = "sqs"

    def __init__(
        self,
        url: str | None = None,
        *,
        queue_name: str | None = None,
        dead_letter_url: str | None = None,
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        visibility_s: float = 30.0,
        label: str = "queue provider sqs",
    ) -> None:
        self.visibility_s = visibility_s
        self._url = url
        self._queue_name = queue_name
        self._dead_letter_url = dead_letter_url
        self._label = label
        self._redrive: JSONDict | None = None
        self._sqs = AwsService("sqs", label=label, client=client, region=region, endpoint_url=endpoint_url, threads=32)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "SqsQueue":
        """Make it from ``infrastructure.queue.config``; nothing is called yet."""
        settings: SqsConfig = validated(SqsConfig, config, what="queue provider sqs")
        return cls(
            settings.url,
            queue_name=settings.name,
            dead_letter_url=settings.dead_letter_url,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            visibility_s=settings.visibility_timeout,
        )

    async def send_texts(self, texts: Sequence[str], *, delay_s: float = 0.0) -> list[str]:
        url = await self._queue_url()
        outcome = BatchOutcome(self._label, "messages could not be sent")
        for batch in batches(texts, MAX_BODY_BYTES):
            entries = [
                {"Id": str(position), "MessageBody": texts[position], "DelaySeconds": math.ceil(delay_s)}
                for position in batch
            ]
            with outcome.request(batch):
                answer = await self._sqs.call("send_message_batch", QueueUrl=url, Entries=entries)
                outcome.add_failures(answer)
                for entry in answer.get("Successful", ()):
                    outcome.done(int(entry["Id"]), entry["MessageId"])
        return outcome.ids()

    async def receive_texts(self, limit: int, *, wait_s: float, visibility_s: float) -> list[Delivery]:
        url = await self._queue_url()
        abandoned = threading.Event()

        def poll(client: Any) -> list[Delivery]:
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(limit, MAX_ENTRIES),
                WaitTimeSeconds=math.ceil(wait_s),
                VisibilityTimeout=math.ceil(visibility_s),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            deliveries = [_delivery(message) for message in answer.get("Messages", [])]
            if abandoned.is_set() and deliveries:  # nobody waits any more: do not keep them from others
                _show(client, url, [delivery.receipt for delivery in deliveries])
            return deliveries

        try:
            return await self._sqs.run("receive_message", poll)
        except asyncio.CancelledError:
            abandoned.set()
            raise

    async def acknowledge(self, *messages: Message) -> None:
        url = await self._queue_url()
        outcome = BatchOutcome(self._label, "messages could not be acknowledged and will come back")
        for batch in batches([message.receipt for message in messages], MAX_BODY_BYTES):
            entries = [{"Id": str(position), "ReceiptHandle": messages[position].receipt} for position in batch]
            with outcome.request(batch):
                answer = await self._sqs.call("delete_message_batch", QueueUrl=url, Entries=entries)
                outcome.add_failures(answer)
                for entry in answer.get("Successful", ()):
                    outcome.done(int(entry["Id"]), messages[int(entry["Id"])].id)
        outcome.ids()

    async def change_visibility(self, message: Message, visibility_s: float) -> bool:
        url = await self._queue_url()
        try:
            await self._sqs.call(
                "change_message_visibility",
                QueueUrl=url,
                ReceiptHandle=message.receipt,
                VisibilityTimeout=math.ceil(visibility_s),
            )
        except ProviderError as exc:
            if error_code(exc.__cause__).rpartition(".")[2] in _NOT_OURS:
                return False
            raise
        return True

    async def bury(self, delivery: Delivery, note: str) -> None:
        dead_letters = await self._dead_letters_url()
        if dead_letters is None:
            raise ProviderError(
                f"{self._label}: the queue has no dead-letter queue; give it a redrive policy, or set dead_letter_url"
            )
        attributes = {_NOTE: note[:1000], _ID: delivery.id}
        await self._sqs.call(
            "send_message",
            QueueUrl=dead_letters,
            MessageBody=delivery.text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )
        url = await self._queue_url()
        await self._sqs.call("delete_message", QueueUrl=url, ReceiptHandle=delivery.receipt)

    async def receive_limit(self) -> int | None:
        count = (await self._redrive_policy()).get("maxReceiveCount")
        return None if count is None else int(count)

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Up to ``limit`` dead letters. Looking hides them from others for a moment."""
        url = await self._dead_letters_url()
        if url is None:
            return []
        return await self._sqs.run("receive_message (dead letters)", lambda client: _peek(client, url, limit))

    async def approximate_depth(self) -> QueueDepth:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]
        url = await self._queue_url()
        answer = await self._sqs.call("get_queue_attributes", QueueUrl=url, AttributeNames=names)
        ready, delayed, in_flight = (int(answer["Attributes"].get(name, 0)) for name in names)
        return QueueDepth(ready, delayed, in_flight)

    async def purge(self) -> None:
        """Delete all messages and dead letters; SQS allows it once a minute."""
        for url in (await self._queue_url(), await self._dead_letters_url()):
            if url is not None:
                await self._sqs.call("purge_queue", QueueUrl=url)

    async def close(self) -> None:
        """End the threads; a `receive` that waits is waited for."""
        await self._sqs.close()

    async def _queue_url(self) -> str:
        if self._url is None:
            self._url = str((await self._sqs.call("get_queue_url", QueueName=self._queue_name))["QueueUrl"])
        return self._url

    async def _redrive_policy(self) -> JSONDict:
        """The queue's redrive policy, asked for once; empty where it has none."""
        if self._redrive is None:
            url = await self._queue_url()
            answer = await self._sqs.call("get_queue_attributes", QueueUrl=url, AttributeNames=["RedrivePolicy"])
            policy: JSONDict = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
            self._redrive = policy
        return self._redrive

    async def _dead_letters_url(self) -> str | None:
        if self._dead_letter_url is None:
            policy = await self._redrive_policy()
            if "deadLetterTargetArn" in policy:
                name = policy["deadLetterTargetArn"].rpartition(":")[2]
                self._dead_letter_url = str((await self._sqs.call("get_queue_url", QueueName=name))["QueueUrl"])
        return self._dead_letter_url


def _delivery(message: Any) -> Delivery:
    count = int(message["Attributes"]["ApproximateReceiveCount"])
    return Delivery(message["MessageId"], message["Body"], message["ReceiptHandle"], count)


def _show(client: Any, url: str, receipts: Sequence[str]) -> None:
    """Make received messages visible again; at most ten."""
    entries = [
        {"Id": str(position), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
        for position, receipt in enumerate(receipts)
    ]
    client.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _peek(client: Any, url: str, limit: int) -> list[DeadLetter]:
    """Receive dead letters batch by batch, then show all of them again."""
    letters: dict[str, DeadLetter] = {}
    seen: list[list[str]] = []
    while len(letters) < limit:
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(limit - len(letters), MAX_ENTRIES),
            WaitTimeSeconds=1,
            VisibilityTimeout=_PEEK_S,
            MessageAttributeNames=[_NOTE, _ID],
        )
        messages = answer.get("Messages", [])
        if not messages:
            break
        seen.append([message["ReceiptHandle"] for message in messages])
        letters.update((message["MessageId"], _letter(message)) for message in messages)
    for receipts in seen:
        _show(client, url, receipts)
    return list(letters.values())


def _letter(message: Any) -> DeadLetter:
    values = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    return dead_letter(values.get(_ID, message["MessageId"]), message["Body"], values.get(_NOTE))

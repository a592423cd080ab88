"""Reads and conditional writes of one table, in terms of `keys` and `writes`.

Reads of items are strongly consistent. Indexes are not: they say where to look, and what is found there is read again
from the table.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from weakref import WeakValueDictionary

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import DataTooLargeError
from agent_framework.infrastructure.database.dynamodb.calls import Calls
from agent_framework.infrastructure.database.dynamodb.keys import Key
from agent_framework.infrastructure.database.dynamodb.refusals import CLAIM_CHECK, Refused, too_large
from agent_framework.infrastructure.database.dynamodb.writes import (
    Item,
    Put,
    Update,
    Write,
    from_wire,
    names_of,
    render,
    texts,
    to_wire,
    wire_key,
)

MAX_VALUE_BYTES = 390_000
"""The largest value of one item; the rest of DynamoDB's 400 KB holds its keys and small attributes."""
MAX_WRITES = 100
TRANSACTION_BYTES = 3_900_000
"""DynamoDB takes 100 writes and 4 MB in one transaction."""
_BATCH_KEYS = 100
_UNPROCESSED_WAIT_S = 0.05
_UNPROCESSED_TRIES = 40


class Table:
    """One table. ``clock`` gives seconds since the epoch: DynamoDB has no clock to ask."""

    def __init__(self, calls: Calls, clock: Callable[[], float] = time.time) -> None:
        self.calls = calls
        self.clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def name(self) -> str:
        """The table's name."""
        return self.calls.table

    def now(self) -> float:
        """The clock, in seconds to the microsecond."""
        return round(float(self.clock()), 6)

    # -- reading ---------------------------------------------------------------------------------------------

    async def get(self, key: Key) -> Item | None:
        """The item, as of now."""
        answer = await self.calls.call("get_item", TableName=self.name, Key=wire_key(key), ConsistentRead=True)
        return from_wire(answer["Item"]) if "Item" in answer else None

    async def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """The items that exist, as of now.

        Raises:
            ProviderError: DynamoDB left keys unread too often.
        """
        found: dict[Key, Item] = {}
        waiting = [wire_key(key) for key in dict.fromkeys(keys)]
        tries = 0
        while waiting:
            batch, waiting = waiting[:_BATCH_KEYS], waiting[_BATCH_KEYS:]
            request = {self.name: {"Keys": batch, "ConsistentRead": True}}
            answer = await self.calls.call("batch_get_item", RequestItems=request)
            for item in map(from_wire, answer["Responses"].get(self.name, [])):
                found[item["PK"], item["SK"]] = item
            unread = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if len(unread) == len(batch):
                tries += 1
                if tries > _UNPROCESSED_TRIES:
                    raise ProviderError(
                        f"dynamodb table {self.name!r}: {len(unread)} items stayed unread: throttled", retryable=True
                    )
                await asyncio.sleep(_UNPROCESSED_WAIT_S)
            waiting = [*unread, *waiting]
        return found

    async def items(self, partition: str, *, prefix: str = "", start: str = "") -> list[Item]:
        """All items of a partition by sort key: those with ``prefix``, or from ``start`` on."""
        return [item async for page in self.pages(partition, prefix=prefix, start=start) for item in page]

    async def pages(
        self, partition: str, *, prefix: str = "", start: str = "", after: str | None = None
    ) -> AsyncGenerator[list[Item], None]:
        """The same in pages of at most 1 MB; with ``after``, the items behind that sort key."""
        options: dict[str, Any] = {"ConsistentRead": True}
        if after is not None and after >= prefix:
            if not after.startswith(prefix):
                return  # all of them come before it; DynamoDB takes no place outside of the prefix
            options["ExclusiveStartKey"] = to_wire({"PK": partition, "SK": after})
        condition, values = "#PK = :pk", {":pk": partition}
        if prefix or start:
            condition += " AND begins_with(#SK, :sk)" if prefix else " AND #SK >= :sk"
            values[":sk"] = prefix or start
        async for page in self._query(condition, values, **options):
            yield page

    async def index(
        self, name: str, condition: str, values: Mapping[str, Any], *, page: int, newest_first: bool = False
    ) -> AsyncGenerator[list[Key], None]:
        """Keys that an index names, in pages; it may be a moment behind the table."""
        bound = {f":{key}": value for key, value in values.items()}
        options: dict[str, Any] = {"IndexName": name, "Limit": page, "ScanIndexForward": not newest_first}
        async for items in self._query(condition, bound, **options):
            yield [(item["PK"], item["SK"]) for item in items]

    async def _query(
        self, condition: str, values: Mapping[str, Any], **options: Any
    ) -> AsyncGenerator[list[Item], None]:
        params: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names_of(condition),
            "ExpressionAttributeValues": to_wire(values),
            **options,
        }
        while True:
            answer = await self.calls.call("query", **params)
            yield [from_wire(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            params["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # -- writing ---------------------------------------------------------------------------------------------

    async def put(self, write: Put) -> bool:
        """Write the item; False if its condition did not hold."""
        _fits(write)
        try:
            await self.calls.call("put_item", **render(write, self.name)[1])
        except Refused:
            return False
        return True

    async def update(self, write: Update) -> Item | None:
        """Change the item and return it as it is then; None if its condition did not hold."""
        _fits(write)
        try:
            answer = await self.calls.call("update_item", ReturnValues="ALL_NEW", **render(write, self.name)[1])
        except Refused as refused:
            return await self._own(write) if refused.resent else None
        return from_wire(answer["Attributes"])

    async def _own(self, write: Update) -> Item | None:
        """The item, if the write was applied by a try whose answer was lost."""
        item = await self.get(write.key)
        if item is None or write.stamp is None:
            return None
        name, value = write.stamp
        return item if item.get(name) == value else None

    async def transact(
        self, writes: Sequence[Write], *, turn: str | None = None, wanted: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """All of the writes or none; a try whose answer was lost is sent again under the same token (see `calls`).

        Coroutines of this process that name the same ``turn`` (a job) go one after the other, so that they do not
        collide with each other. Who collides with another process asks ``wanted`` before it tries again: each try
        costs as much as the writes do.

        Raises:
            Refused: a condition did not hold, or the writes were no longer ``wanted``.
            ProviderError: too large, or not reached.
        """
        for write in writes:
            _fits(write)
        size = sum(sum(texts(write)) for write in writes)
        if size > TRANSACTION_BYTES:
            raise DataTooLargeError(
                f"dynamodb cannot write {size:,} bytes at once (the limit is {TRANSACTION_BYTES:,} bytes); nothing was "
                f"written. {CLAIM_CHECK}"
            )
        items = [{kind: params} for kind, params in (render(write, self.name) for write in writes)]
        lock = self._turns.setdefault(turn, asyncio.Lock()) if turn is not None else nullcontext()
        async with lock:
            token = uuid.uuid4().hex
            await self.calls.call("transact_write_items", wanted=wanted, TransactItems=items, ClientRequestToken=token)


def _fits(write: Write) -> None:
    size = max(texts(write), default=0)
    if size > MAX_VALUE_BYTES:
        raise too_large(size, MAX_VALUE_BYTES)

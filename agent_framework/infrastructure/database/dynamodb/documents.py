"""The compare-and-set store.

DynamoDB removes expired items some time later, so reads look at ``expires_at`` themselves. The table's TTL attribute is
a day later still: a version number is not used again while somebody may remember it.
"""

import math
import uuid
from contextlib import aclosing

from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database.base import PURGE_AFTER_S
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.items import document_from
from agent_framework.infrastructure.database.dynamodb.refusals import Refused
from agent_framework.infrastructure.database.dynamodb.table import Table
from agent_framework.infrastructure.database.dynamodb.writes import Delete, Item, Update
from agent_framework.types import Document, JSONDict

_NEW = "attribute_not_exists(#PK) OR #expires_at <= :now"
_SAME = "#version = :expected AND (attribute_not_exists(#expires_at) OR #expires_at > :now)"


class Documents:
    """Documents of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, namespace: str, key: str) -> Document | None:
        """The document, unless it is missing or expired."""
        item = await self._table.get(keys.document(namespace, key))
        return document_from(namespace, key, item) if item is not None and self._lives(item) else None

    def _lives(self, item: Item) -> bool:
        return "expires_at" not in item or item["expires_at"] > self._table.now()

    async def put(
        self, namespace: str, key: str, body: JSONDict, expected_version: int, ttl_s: float | None
    ) -> Document | None:
        """Store ``body`` over the expected version."""
        now = self._table.now()
        expires_at = None if ttl_s is None else now + ttl_s
        values = {"now": now} if expected_version == 0 else {"now": now, "expected": expected_version}
        item = await self._table.update(
            Update(
                keys.document(namespace, key),
                set={
                    "body": to_json(body, what=f"the document {namespace}/{key}"),
                    "expires_at": expires_at,
                    "ttl": None if expires_at is None else math.ceil(expires_at) + int(PURGE_AFTER_S),
                },
                stamp=("written_by", uuid.uuid4().hex),
                add={"version": 1},
                condition=_NEW if expected_version == 0 else _SAME,
                values=values,
            )
        )
        return None if item is None else document_from(namespace, key, item)

    async def delete(self, namespace: str, key: str, expected_version: int | None) -> bool:
        """Delete the document; a transaction, because only its token tells an own deletion from another's."""
        condition = "attribute_exists(#PK)" if expected_version is None else "#version = :expected"
        values = {} if expected_version is None else {"expected": expected_version}
        try:
            await self._table.transact([Delete(keys.document(namespace, key), condition, values)])
        except Refused:
            return False
        return True

    async def living(self, namespace: str, prefix: str, limit: int, after: str | None) -> list[Document]:
        """Documents that have not expired, by key; with ``after``, the ones behind that key."""
        partition, first = keys.document(namespace, prefix)
        behind = None if after is None else keys.document(namespace, after)[1]
        found: list[Document] = []
        async with aclosing(self._table.pages(partition, prefix=first, after=behind)) as pages:
            async for page in pages:
                found += [
                    document_from(namespace, item["SK"].removeprefix("KEY#"), item)
                    for item in page
                    if self._lives(item)
                ]
                if len(found) >= limit:
                    break
        return found[: max(limit, 0)]

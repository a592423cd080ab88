"""The table: its keys, its indexes, and the version of its layout.

A Terraform module, or ``create_table: true``, makes it; `migrate` checks that it is the one this version works with.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agent_framework.errors import ProviderError, SchemaVersionError
from agent_framework.infrastructure.database.base import SchemaStatus
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.calls import Calls
from agent_framework.infrastructure.database.dynamodb.refusals import code_of
from agent_framework.infrastructure.database.dynamodb.table import Table
from agent_framework.infrastructure.database.dynamodb.writes import Put

VERSION = 1
TTL_ATTRIBUTE = "ttl"
INDEXES: Mapping[str, tuple[str, str]] = {
    "by_user": ("user_key", "created_key"),
    "by_status": ("status", "created_key"),
    "by_time": ("kind", "created_key"),
    "by_due": ("due_key", "due_at"),
}
"""Global secondary indexes, KEYS_ONLY: partition and sort attribute. Only META items have these attributes.

One partition of an index takes 1,000 writes a second. ``by_time`` has one, so about 1,000 jobs a second can be created;
``by_due`` has `keys.DUE_SHARDS`, which is enough for about 100 jobs of four agents a second.
"""
_NUMBERS = frozenset({"due_at"})
_POLL_S = 0.5
_POLLS = 240


def definition(table: str) -> dict[str, Any]:
    """The parameters of CreateTable."""
    attributes = dict.fromkeys(("PK", "SK", *(name for pair in INDEXES.values() for name in pair)))
    return {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "N" if name in _NUMBERS else "S"} for name in attributes
        ],
        "KeySchema": _key_schema("PK", "SK"),
        "GlobalSecondaryIndexes": [
            {"IndexName": name, "KeySchema": _key_schema(*pair), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for name, pair in INDEXES.items()
        ],
    }


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


async def migrate(table: Table, *, create: bool, point_in_time_recovery: bool) -> int:
    """Make the table if it is missing and may be made, wait until it is active, check it, and return its version.

    Raises:
        ProviderError: it is missing, has other keys or indexes, or does not become active.
        SchemaVersionError: a newer version of the package wrote it.
    """
    calls = table.calls
    description = await _described(calls)
    made = description is None and create
    if made:
        await _create(calls)
    description = await _active(calls, description)
    _check(table.name, description)
    if made:
        await _configure(calls, point_in_time_recovery)
    return await _version(table)


async def status(table: Table) -> SchemaStatus:
    """The version that the table has, 0 for a table that is missing or has none."""
    item = await table.get(keys.SCHEMA) if await _described(table.calls) is not None else None
    return SchemaStatus(0 if item is None else item["version"], VERSION)


async def check(table: Table) -> None:
    """Refuse a table that is missing or of another form.

    Raises:
        ProviderError
    """
    description = await _described(table.calls)
    if description is None:
        raise _missing(table.calls)
    _check(table.name, description)


async def _described(calls: Calls) -> dict[str, Any] | None:
    try:
        return (await calls.call("describe_table", TableName=calls.table))["Table"]
    except ProviderError as exc:
        if exc.__cause__ is not None and code_of(exc.__cause__) == "ResourceNotFoundException":
            return None
        raise


async def _create(calls: Calls) -> None:
    try:
        await calls.call("create_table", **definition(calls.table))
    except ProviderError as exc:
        if exc.__cause__ is None or code_of(exc.__cause__) != "ResourceInUseException":
            raise  # in use: another process makes it


async def _active(calls: Calls, description: dict[str, Any] | None) -> dict[str, Any]:
    """The table's description once it and its indexes can be used."""
    for _ in range(_POLLS):
        description = description or await _described(calls)
        if description is None:
            raise _missing(calls)
        indexes = description.get("GlobalSecondaryIndexes", [])
        if all(part.get("IndexStatus", "ACTIVE") == "ACTIVE" for part in indexes) and (
            description["TableStatus"] in ("ACTIVE", "UPDATING")
        ):
            return description
        await asyncio.sleep(_POLL_S)
        description = None
    raise ProviderError(
        f"dynamodb table {calls.table!r} ({calls.place}) did not become active within {_POLLS * _POLL_S:.0f} s; "
        "run 'agent-framework db migrate' again"
    )


def _missing(calls: Calls) -> ProviderError:
    return ProviderError(
        f"dynamodb table {calls.table!r} does not exist ({calls.place}): deploy it, or set "
        "infrastructure.database.config.create_table: true and run 'agent-framework db migrate'"
    )


def _check(name: str, description: Mapping[str, Any]) -> None:
    """Compare keys and indexes with what this version needs; further indexes do no harm."""
    indexes = {index["IndexName"]: index["KeySchema"] for index in description.get("GlobalSecondaryIndexes", [])}
    wrong: list[str] = []
    if _pair(description["KeySchema"]) != ("PK", "SK"):
        wrong.append("its keys must be PK (partition) and SK (sort)")
    for index, pair in INDEXES.items():
        if index not in indexes or _pair(indexes[index]) != pair:
            wrong.append(f"it needs the index {index} on {pair[0]} (partition) and {pair[1]} (sort)")
    if wrong:
        raise ProviderError(
            f"dynamodb table {name!r} is not a table of this package: {'; '.join(wrong)}. Use another table_name, "
            "or make the table with 'agent-framework db migrate' and create_table: true"
        )


def _pair(schema: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    by_kind = {part["KeyType"]: part["AttributeName"] for part in schema}
    return by_kind.get("HASH", ""), by_kind.get("RANGE", "")


async def _configure(calls: Calls, point_in_time_recovery: bool) -> None:
    await calls.call(
        "update_time_to_live",
        TableName=calls.table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE},
    )
    if point_in_time_recovery:
        await calls.call(
            "update_continuous_backups",
            TableName=calls.table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )


async def _version(table: Table) -> int:
    """The layout's version; a table that has none yet gets this one."""
    item = await table.get(keys.SCHEMA)
    if item is None:
        await table.put(Put(keys.SCHEMA, {"version": VERSION}, "attribute_not_exists(#PK)"))
        item = await table.get(keys.SCHEMA)
    found = item["version"] if item is not None else VERSION
    if found != VERSION:
        raise SchemaVersionError(
            f"dynamodb table {table.name!r} has schema version {found}, this version of the package works with "
            f"{VERSION}; {'upgrade the package' if found > VERSION else 'use an older one'}, or use another table"
        )
    return VERSION

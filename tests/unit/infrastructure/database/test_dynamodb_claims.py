"""A claim on DynamoDB that cannot be read to its end is let go, so that nobody waits for its lease."""

import asyncio
from collections.abc import Callable

import pytest

from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.testing.conformance.database.harness import new_job
from tests.support.dynamodb import DynamoDBServer

BROKEN = {
    "SK": {"S": "EVENT#0000000009"},
    "seq": {"N": "9"},
    "run": {"N": "1"},
    "kind": {"S": "?"},
    "data": {"S": "{}"},
}


def test_a_claim_that_raises_is_not_held(
    open_database: Callable[[], DynamoDBDatabase], dynamodb_server: DynamoDBServer, dynamodb_table: str
) -> None:
    async def check() -> None:
        async with open_database() as db:
            job_id = await new_job(db)
            key = {"PK": {"S": f"JOB#{job_id}"}, "SK": BROKEN["SK"]}
            dynamodb_server.client.put_item(TableName=dynamodb_table, Item={**key, **BROKEN, "at": {"N": "0"}})
            with pytest.raises(ValueError, match="not a valid EventKind"):
                await db.claim_job(job_id, "first", 30)
            assert await db.claim_owner(job_id) is None
            dynamodb_server.client.delete_item(TableName=dynamodb_table, Key=key)
            snapshot = await db.claim_job(job_id, "second", 30)
            assert snapshot is not None
            assert snapshot.job.epoch == 2

    asyncio.run(check())

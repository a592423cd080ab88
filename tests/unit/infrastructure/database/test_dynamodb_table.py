"""The table: made or checked, and errors that say which table, where, and what to do."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.errors import ConfigError, ProviderError, SchemaVersionError, StaleClaimError
from agent_framework.infrastructure.database.base import Changes, SchemaStatus
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.infrastructure.database.dynamodb.schema import definition
from tests.support.clock import FakeClock
from tests.support.dynamodb import DynamoDBServer, Fault

Open = Callable[..., DynamoDBDatabase]
SECRET = "canary-7f3b"


def migrated(db: DynamoDBDatabase) -> int:
    """Migrate and close."""

    async def go() -> int:
        try:
            return await db.migrate()
        finally:
            await db.close()

    return asyncio.run(go())


def test_the_table_is_made_once_by_many(open_database: Open, dynamodb_server: DynamoDBServer) -> None:
    async def check() -> list[int]:
        processes = [open_database() for _ in range(6)]
        versions = await asyncio.gather(*(db.migrate() for db in processes))
        for db in processes:
            await db.close()
        return versions

    assert asyncio.run(check()) == [1] * 6


def test_what_is_made(open_database: Open, dynamodb_server: DynamoDBServer, dynamodb_table: str) -> None:
    migrated(open_database(point_in_time_recovery=True))
    client = dynamodb_server.client
    table = client.describe_table(TableName=dynamodb_table)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert sorted(index["IndexName"] for index in table["GlobalSecondaryIndexes"]) == [
        "by_due",
        "by_status",
        "by_time",
        "by_user",
    ]
    ttl = client.describe_time_to_live(TableName=dynamodb_table)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")
    backups = client.describe_continuous_backups(TableName=dynamodb_table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_missing_table_is_not_made_unless_allowed(open_database: Open, dynamodb_table: str) -> None:
    with pytest.raises(ProviderError, match=rf"'{dynamodb_table}' does not exist.*create_table: true.*db migrate"):
        migrated(open_database(create_table=False))


def test_a_table_made_by_terraform_is_taken_as_it_is(
    open_database: Open, dynamodb_server: DynamoDBServer, dynamodb_table: str
) -> None:
    dynamodb_server.client.create_table(**definition(dynamodb_table))

    async def check() -> None:
        async with open_database(create_table=False) as db:
            await db.create_job("ada", "report", {})
            assert await db.schema_status() == SchemaStatus(1, 1)

    asyncio.run(check())


def test_another_table_is_refused(open_database: Open, dynamodb_server: DynamoDBServer, dynamodb_table: str) -> None:
    dynamodb_server.client.create_table(
        TableName=dynamodb_table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    with pytest.raises(ProviderError, match=r"keys must be PK .*index by_user.*by_status.*by_time.*by_due"):
        migrated(open_database())


@pytest.mark.parametrize(("version", "word"), [(2, "upgrade the package"), (0, "older")])
def test_another_schema_is_refused(
    version: int,
    word: str,
    open_database: Open,
    dynamodb_server: DynamoDBServer,
    dynamodb_table: str,
) -> None:
    migrated(open_database())
    key = {"PK": {"S": "SCHEMA"}, "SK": {"S": "SCHEMA"}}
    dynamodb_server.client.put_item(TableName=dynamodb_table, Item={**key, "version": {"N": str(version)}})
    with pytest.raises(SchemaVersionError, match=rf"schema version {version}.*{word}"):
        migrated(open_database())

    async def check() -> None:
        db = open_database()
        with pytest.raises(SchemaVersionError):
            await db.check_schema()
        await db.close()

    asyncio.run(check())


def test_the_schema_of_a_missing_table_is_none(open_database: Open) -> None:
    async def check() -> None:
        db = open_database()
        assert await db.schema_status() == SchemaStatus(0, 1)
        await db.close()

    asyncio.run(check())


def test_a_table_that_vanished_is_named(open_database: Open, dynamodb_table: str) -> None:
    async def check() -> None:
        db = open_database()
        with pytest.raises(ProviderError, match=rf"'{dynamodb_table}'.*does not exist there.*db migrate"):
            await db.create_job("ada", "report", {})
        await db.close()

    asyncio.run(check())


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AccessDeniedException", "rights on the table and its indexes"),
        ("UnrecognizedClientException", "check the credentials"),
        ("ExpiredTokenException", "check the credentials"),
        ("ValidationException", "simulated"),
    ],
)
def test_a_refusal_names_table_place_and_remedy(
    code: str,
    remedy: str,
    open_database: Open,
    dynamodb_server: DynamoDBServer,
    dynamodb_table: str,
) -> None:
    async def check() -> None:
        client = dynamodb_server.new_client(aws_secret_access_key=SECRET)
        async with open_database(client=client, region="eu-central-1") as db:
            dynamodb_server.fail(Fault("TransactWriteItems", error=code))
            with pytest.raises(
                ProviderError, match=rf"{dynamodb_table}.*region eu-central-1.*{code}.*{remedy}"
            ) as info:
                await db.create_job("ada", "report", {})
            assert SECRET not in f"{info.value!r}{info.value.__cause__!r}"
            assert not info.value.retryable
        client.close()

    asyncio.run(check())


def test_an_unreachable_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ProviderError, match=rf"table 'jobs' \({url}\).*endpoint_url and the network") as info:
            migrated(DynamoDBDatabase("jobs", region="eu-central-1", endpoint_url=url))
    assert SECRET not in str(info.value)
    assert info.value.retryable


def test_no_region_and_no_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ProviderError, match=r"database\.config\.region or AWS_DEFAULT_REGION"):
        migrated(DynamoDBDatabase("jobs"))
    with pytest.raises(ProviderError, match="AWS_PROFILE"):
        migrated(DynamoDBDatabase("jobs", region="eu-central-1"))


def test_the_provider_makes_and_closes_its_own_client(
    monkeypatch: pytest.MonkeyPatch,
    dynamodb_server: DynamoDBServer,
    dynamodb_table: str,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    config = {
        "table_name": dynamodb_table,
        "region": "eu-central-1",
        "endpoint_url": dynamodb_server.url,
        "create_table": True,
    }

    async def check() -> None:
        async with DynamoDBDatabase.from_config(config, Path()) as db:
            job_id = await db.create_job("ada", "report", {})
            assert await db.due_jobs() == [job_id]

    asyncio.run(check())


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({}, "table_name: field required"),
        ({"table_name": "a table"}, "table_name"),
        ({"table_name": "jobs", "regoin": "eu-central-1"}, "regoin"),
        ({"table_name": "jobs", "create_table": "perhaps"}, "create_table"),
    ],
)
def test_wrong_configuration_is_named(config: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=rf"dynamodb: .*{wrong}"):
        DynamoDBDatabase.from_config(config, Path())


def test_times_come_from_the_clock_that_is_given(open_database: Open) -> None:
    clock = FakeClock(1_000_000.25)

    async def check() -> None:
        async with open_database(clock=clock) as db:
            job_id = await db.create_job("ada", "report", {})
            await db.put_document("n", "k", {}, expected_version=0, ttl_s=5.0)
            snapshot = await db.claim_job(job_id, "first", 30.0)
            assert snapshot is not None
            assert (snapshot.now, snapshot.job.created_at) == (1_000_000.25, 1_000_000.25)
            clock.pass_(29.0)
            assert await db.claim_job(job_id, "second", 30.0) is None
            assert await db.get_document("n", "k") is None
            clock.pass_(1.0)
            assert await db.claim_job(job_id, "second", 30.0) is not None

    asyncio.run(check())


def test_row_10_a_clock_that_is_ahead_takes_over_early_and_writes_nothing_twice(open_database: Open) -> None:
    """The documented bound: ten minutes of difference move the claim, and the epoch refuses the other's writes."""

    async def check() -> None:
        now = FakeClock()
        ahead = FakeClock(now() + 600)
        async with open_database(clock=now) as db, open_database(clock=ahead) as hasty:
            job_id = await db.create_job("ada", "report", {})
            mine = await db.claim_job(job_id, "first", 30.0)
            theirs = await hasty.claim_job(job_id, "hasty", 30.0)
            assert mine is not None
            assert theirs is not None
            assert (mine.job.epoch, theirs.job.epoch) == (1, 2)

            with pytest.raises(StaleClaimError):
                await db.commit(mine, Changes(error_message="mine"))
            assert await hasty.commit(theirs, Changes(error_message="theirs")) is None
            job = await db.get_job(job_id)
            assert job is not None
            assert job.error_message == "theirs"

    asyncio.run(check())

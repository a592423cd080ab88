"""Servers that are started once for all tests of this folder, when the first test asks for them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.support.lambda_emulator import lambdas
from tests.support.moto_server import aws
from tests.support.postgres import PASSWORD, USER, PostgresServer, made
from tests.support.rds_data_server import SECRET_ARN, RdsDataServer

__all__ = ["aws", "lambdas", "postgres"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL with an empty database ``conformance``."""
    server = PostgresServer()
    try:
        server.start()
        server.create_database("conformance")
        yield server
    finally:
        server.stop()


@pytest.fixture
def migrated(postgres: PostgresServer) -> PostgresServer:
    """The server, with our tables in its database."""

    async def migrate() -> None:
        async with made(postgres):
            pass

    asyncio.run(migrate())
    return postgres


@pytest.fixture(scope="session")
def rds_data(postgres: PostgresServer) -> Iterator[RdsDataServer]:
    """The RDS Data API in front of that PostgreSQL."""
    server = RdsDataServer(postgres.host, postgres.port, {SECRET_ARN: (USER, PASSWORD)})
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rds_data_client(rds_data: RdsDataServer) -> Iterator[Any]:
    """One boto3 client for all tests: making one takes longer than most of them."""
    client = boto3.client(
        "rds-data",
        region_name="eu-central-1",
        endpoint_url=rds_data.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
    )
    yield client
    client.close()

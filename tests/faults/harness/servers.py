"""Backends that are servers: a real PostgreSQL behind a proxy that cuts, the Data API before it, DynamoDB (moto)."""

import uuid
from typing import Any

import boto3
from botocore.config import Config

from agent_framework.infrastructure.database._postgres_dialect import STATEMENT
from agent_framework.infrastructure.database.aurora import AuroraConfig
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.infrastructure.database.postgres import PostgresConfig
from tests.faults.harness.clocks import ClockedAurora, ClockedPostgres, TableClock
from tests.support.clock import FakeClock
from tests.support.cutting_proxy import CuttingProxy
from tests.support.dynamodb import DynamoDBServer, Fault
from tests.support.postgres import PASSWORD, USER, PostgresServer
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN, RdsDataServer

NAME = "faults"


class PostgresBackend:
    """PostgreSQL, restarted as by a crash, and with writes whose answer is lost."""

    name = "postgres"
    faults: tuple[str, ...] = ("cut", "cut", "cut", "restart")
    own_clocks = False

    def __init__(self) -> None:
        self.server = PostgresServer()
        self.server.start()
        self.server.create_database(NAME)
        self._clock = TableClock(host=str(self.server.folder), port=self.server.port, user="postgres", dbname=NAME)
        self._proxy = CuttingProxy(self.server.host, self.server.port)
        self._db: Any = None

    async def open(self) -> None:
        if self._db is None:
            self.server.query(TableClock.SETUP, NAME)
            self._db = self._made()
            await self._db.migrate()
        self.calm()
        self.server.empty(NAME)

    def _made(self) -> Any:
        config = self.server.config(NAME, port=self._proxy.port, pool_max=4)
        return ClockedPostgres(PostgresConfig.model_validate(config))

    async def close(self) -> None:
        if self._db is not None:
            await self._db.close()
        self._clock.close()
        self._proxy.close()
        self.server.stop()

    @property
    def child_config(self) -> dict[str, Any]:
        """What a child process needs to reach it."""
        config = self.server.config(NAME)
        return {"kind": self.name, "config": config, "clock": {"dbname": NAME, **self._tcp()}}

    def _tcp(self) -> dict[str, Any]:
        return {"host": self.server.host, "port": self.server.port, "user": USER, "password": PASSWORD}

    def database(self, skew_s: float) -> DatabaseProvider:
        return self._db

    async def pass_(self, seconds: float) -> None:
        self._clock.pass_(seconds)

    async def hurt(self, fault: str) -> str:
        if fault == "restart":
            self.server.restart("immediate")
            return "restarts"
        self._proxy.cut(STATEMENT.encode(), b"COMMIT", after=True)
        return "cuts"

    def calm(self) -> None:
        self._proxy.cut(after=False)


class AuroraBackend(PostgresBackend):
    """The Data API: requests that are throttled, and writes whose answer is lost."""

    name = "aurora"
    faults: tuple[str, ...] = ("cut", "throttle")

    def __init__(self) -> None:
        super().__init__()
        self._api = RdsDataServer(self.server.host, self.server.port, {SECRET_ARN: (USER, PASSWORD)})
        self._api.limits.idle_s = 2.0  # AWS: 3 minutes, for which a process killed in a transaction holds its locks
        self._api.start()
        self._client = boto3.client(
            "rds-data",
            region_name="eu-central-1",
            endpoint_url=self._api.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def _made(self) -> Any:
        config = {"cluster_arn": CLUSTER_ARN, "secret_arn": SECRET_ARN, "database": NAME}
        return ClockedAurora(AuroraConfig.model_validate(config), client=self._client)

    @property
    def child_config(self) -> dict[str, Any]:
        config = {"cluster_arn": CLUSTER_ARN, "secret_arn": SECRET_ARN, "database": NAME, "endpoint_url": self._api.url}
        return {"kind": self.name, "config": config, "clock": {"dbname": NAME, **self._tcp()}}

    async def close(self) -> None:
        if self._db is not None:
            await self._db.close()
            self._db = None
        self._client.close()
        self._api.stop()
        await super().close()

    async def hurt(self, fault: str) -> str:
        if fault == "throttle":
            self._api.fail("Execute", "ThrottlingException")
            return "refusals"
        self._api.fail("Write", after=True)
        return "cuts"

    def calm(self) -> None:
        self._api.unplant()


class DynamoDBBackend:
    """DynamoDB: every process has a clock of its own; answers are lost after the write was applied."""

    name = "dynamodb"
    faults: tuple[str, ...] = ("TransactWriteItems", "UpdateItem")
    own_clocks = True

    def __init__(self) -> None:
        self._server = DynamoDBServer()
        self._clock = FakeClock()
        self._table = ""

    async def open(self) -> None:
        self._server.reset()
        if self._table:
            self._server.client.delete_table(TableName=self._table)
        self._table = f"faults-{uuid.uuid4().hex}"
        await self.database(0.0).migrate()

    async def close(self) -> None:
        self._server.stop()

    @property
    def child_config(self) -> dict[str, Any]:
        """What a child process needs to reach it; its clock is a file beside the ledger."""
        return {"kind": self.name, "config": {"table_name": self._table, "endpoint_url": self._server.url}}

    def database(self, skew_s: float) -> DatabaseProvider:
        return DynamoDBDatabase(
            self._table, self._server.client, clock=lambda: self._clock() + skew_s, create_table=True
        )

    async def pass_(self, seconds: float) -> None:
        self._clock.pass_(seconds)

    async def hurt(self, fault: str) -> str:
        self._server.fail(Fault(fault))
        return "cuts"

    def calm(self) -> None:
        self._server.reset()

"""Aurora Serverless v2 (PostgreSQL) through the RDS Data API: HTTPS instead of connections, so no VPC is needed.

The same scripts and migrations as PostgreSQL; `_data_api` runs them with the unmodified boto3 client ``rds-data``.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from agent_framework._optional import require
from agent_framework.infrastructure._boto3 import new_session
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.database._data_api import Cluster, DataApi
from agent_framework.infrastructure.database._migrations import PostgresMigrations
from agent_framework.infrastructure.database._postgres_dialect import DIALECT
from agent_framework.infrastructure.database._postgres_scripts import PostgresScripts
from agent_framework.infrastructure.database._sql_database import Access, MakeScript, SqlDatabase
from agent_framework.types import JSONDict

T = TypeVar("T")
READ_TIMEOUT_S = 60
"""Above the 45 s after which the Data API ends a statement."""


class AuroraConfig(BaseModel):
    """``infrastructure.database.config`` of provider ``aurora-serverless-v2``.

    The region is the cluster's unless it is given. ``engine``, ``engine_version``, ``min_capacity`` and
    ``max_capacity`` are for deploying the cluster; nothing here reads them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster_arn: str = Field(pattern=r"^arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:cluster:[A-Za-z0-9-]+$")
    secret_arn: str = Field(pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$")
    database: str = Field(min_length=1, max_length=64)
    region: str | None = None
    endpoint_url: str | None = None
    max_concurrency: int = Field(default=10, ge=1, le=200)
    resume_seconds: float = Field(default=60.0, ge=0.0, le=600.0)
    retry_seconds: float = Field(default=20.0, ge=0.0, le=600.0)
    engine: Literal["postgresql", "aurora-postgresql"] = "aurora-postgresql"
    engine_version: str | None = None
    min_capacity: float | None = None
    max_capacity: float | None = None


class AuroraDatabase(SqlDatabase):
    """Jobs in an Aurora cluster with the Data API switched on. ``client`` is a boto3 client ``rds-data``."""

    name = "aurora-serverless-v2"
    max_value_bytes = 256 * 1024
    """Larger values go to the storage: an answer of the Data API holds 1 MiB, and all above 64 KB is read in parts."""

    def __init__(self, config: AuroraConfig, *, client: Any = None) -> None:
        self._config = config
        self._client = client
        self._own_client = client is None
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        cluster = config.cluster_arn.rpartition(":")[2]
        super().__init__(
            PostgresScripts(DIALECT), PostgresMigrations(), f"database {self.name} ({cluster}/{config.database})"
        )
        if client is None:
            require("boto3", extra="aws", needed_for=f"database provider {self.name}")

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "AuroraDatabase":
        """Make it from ``infrastructure.database.config``; nothing of it depends on ``root``."""
        return cls(validated(AuroraConfig, config, what=f"database provider {cls.name}"))

    async def _run(self, make: MakeScript[T], access: Access) -> T:
        # A transaction keeps its thread from begin to commit, so none waits for a lock of one that has no thread.
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._config.max_concurrency, thread_name_prefix="rds-data")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run_in_thread, make, access)

    def _run_in_thread(self, make: MakeScript[T], access: Access) -> T:
        config = self._config
        api = DataApi(
            self._made_client(),
            Cluster(config.cluster_arn, config.secret_arn, config.database),
            place=self.place,
            resume_s=config.resume_seconds,
            retry_s=config.retry_seconds,
        )
        return api.run(make, access)

    def _made_client(self) -> Any:
        with self._lock:
            if self._client is None:
                session = new_session(f"database provider {self.name}")
                botocore_config = require("botocore.config", extra="aws", needed_for=f"database provider {self.name}")
                self._client = session.client(
                    "rds-data",
                    region_name=self._config.region or self._config.cluster_arn.split(":")[3],
                    endpoint_url=self._config.endpoint_url,
                    config=botocore_config.Config(
                        retries={"total_max_attempts": 1},
                        connect_timeout=10,
                        read_timeout=READ_TIMEOUT_S,
                        max_pool_connections=self._config.max_concurrency,
                    ),
                )
            return self._client

    async def close(self) -> None:
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        if self._own_client and self._client is not None:
            client, self._client = self._client, None
            client.close()

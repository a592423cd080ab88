"""`DynamoDBDatabase`: the contract of a database, over one DynamoDB table.

DynamoDB has no clock, so times are this process's ``clock``. What that bounds: a claim may be taken over too early by
as much as two machines' clocks differ, and the writes of the one it was taken from are then refused by its epoch; times
that jobs and attempts are held to (due, not before, not after, expiry) are off by as much. Nothing is ever written
under two claims.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider, SchemaStatus
from agent_framework.infrastructure.database.dynamodb import schema
from agent_framework.infrastructure.database.dynamodb.attempts import Attempts
from agent_framework.infrastructure.database.dynamodb.calls import Calls
from agent_framework.infrastructure.database.dynamodb.claims import Claims
from agent_framework.infrastructure.database.dynamodb.documents import Documents
from agent_framework.infrastructure.database.dynamodb.jobs import Jobs
from agent_framework.infrastructure.database.dynamodb.table import MAX_VALUE_BYTES, Table
from agent_framework.types import (
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    Document,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
)


class DynamoDBConfig(BaseModel):
    """``infrastructure.database.config`` of provider ``dynamodb``.

    ``create_table`` lets ``migrate`` make a missing table (on demand, ``point_in_time_recovery`` where asked for).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table_name: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")
    region: str | None = None
    endpoint_url: str | None = None
    create_table: bool = False
    point_in_time_recovery: bool = False


class DynamoDBDatabase(DatabaseProvider):
    """Jobs in one DynamoDB table; ``client`` is a boto3 client, made on first use where none is given."""

    name = "dynamodb"
    max_value_bytes = MAX_VALUE_BYTES
    """The largest JSON text of one value; larger ones are refused and belong into storage (claim-check)."""

    def __init__(
        self,
        table_name: str,
        client: Any = None,
        *,
        clock: Callable[[], float] = time.time,
        region: str | None = None,
        endpoint_url: str | None = None,
        create_table: bool = False,
        point_in_time_recovery: bool = False,
    ) -> None:
        self._calls = Calls(table_name, client, region, endpoint_url)
        self._table = Table(self._calls, clock)
        self._create_table = create_table
        self._point_in_time_recovery = point_in_time_recovery
        self._jobs = Jobs(self._table)
        self._claims = Claims(self._table)
        self._attempts = Attempts(self._table)
        self._documents = Documents(self._table)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "DynamoDBDatabase":
        """Make it from ``infrastructure.database.config``; ``root`` is not needed."""
        settings: DynamoDBConfig = validated(DynamoDBConfig, config, what="database provider dynamodb")
        return cls(**settings.model_dump())

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self._calls.requests

    async def migrate(self) -> int:
        return await schema.migrate(
            self._table, create=self._create_table, point_in_time_recovery=self._point_in_time_recovery
        )

    async def schema_status(self) -> SchemaStatus:
        return await schema.status(self._table)

    async def check_schema(self) -> None:
        await schema.check(self._table)
        await super().check_schema()

    async def close(self) -> None:
        await self._calls.close()

    async def create_job(
        self,
        user_id: str,
        job_type: str,
        request_payload: JSONDict,
        *,
        client_key: str | None = None,
        job_id: str | None = None,
    ) -> str:
        return await self._jobs.create(user_id, job_type, request_payload, client_key, job_id)

    async def get_job(self, job_id: str) -> Job | None:
        return await self._jobs.get(job_id)

    async def update_job_status(self, job_id: str, status: JobStatus, error_message: str | None = None) -> None:
        await self._jobs.update_status(job_id, JobStatus(status), error_message)

    async def store_agent_output(
        self, job_id: str, agent_name: str, output_payload: JSONDict, *, execution_time_ms: int | None = None
    ) -> None:
        await self._attempts.store_output(job_id, agent_name, output_payload, execution_time_ms)

    async def get_agent_output(self, job_id: str, agent_name: str) -> JSONDict | None:
        return await self._attempts.output(job_id, agent_name)

    async def list_jobs(
        self, user_id: str | None = None, status: JobStatus | None = None, limit: int = 50, *, after: str | None = None
    ) -> list[Job]:
        return await self._jobs.newest(user_id, None if status is None else JobStatus(status), limit, after)

    async def claim_job(
        self, job_id: str, owner: str, lease_s: float, *, take_over_from: str | None = None
    ) -> Snapshot | None:
        return await self._claims.claim(job_id, owner, lease_s, take_over_from)

    async def claim_owner(self, job_id: str) -> str | None:
        return await self._claims.owner(job_id)

    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        return await self._claims.commit(snapshot, changes)

    async def load(self, job_id: str) -> Snapshot | None:
        return await self._claims.load(job_id)

    async def get_results(self, job_id: str) -> Sequence[AgentResult]:
        return await self._jobs.results(job_id)

    async def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Attempt | None:
        return await self._attempts.start(key, owner, run_for_s)

    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str) -> bool:
        return await self._attempts.commit_outcome(key, owner, outcome, produced_by)

    async def signal_job(self, job_id: str, *, cancel: bool = False) -> bool:
        return await self._jobs.signal(job_id, cancel)

    async def due_jobs(self, limit: int = 100) -> list[str]:
        return await self._jobs.due_ids(limit)

    async def retry_job(self, job_id: str) -> Job:
        return await self._jobs.retry(job_id)

    async def now(self) -> float:
        return self._table.now()

    async def get_document(self, namespace: str, key: str) -> Document | None:
        return await self._documents.get(namespace, key)

    async def put_document(
        self, namespace: str, key: str, body: JSONDict, *, expected_version: int, ttl_s: float | None = None
    ) -> Document | None:
        return await self._documents.put(namespace, key, body, expected_version, ttl_s)

    async def delete_document(self, namespace: str, key: str, *, expected_version: int | None = None) -> bool:
        return await self._documents.delete(namespace, key, expected_version)

    async def list_documents(
        self, namespace: str, *, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[Document]:
        return await self._documents.living(namespace, prefix, limit, after)

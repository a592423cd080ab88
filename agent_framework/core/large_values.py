"""Large values beside the database: what is over its limit goes to the storage, and a small stub stays in its place.

`LargeValues` wraps a database that names a limit (``max_value_bytes``). The engine decides from the stubs, in which the
paths that conditions read are kept; users and agents get the whole values, their hash checked.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from agent_framework.config.conditions import parse_condition
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database.base import PURGE_AFTER_S, Changes, DatabaseProvider, SchemaStatus
from agent_framework.infrastructure.storage.base import StorageProvider
from agent_framework.infrastructure.storage.claim_check import ClaimCheck, is_stub
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

PREFIX = "claims"
INPUTS = "_inputs"
"""Where the inputs of jobs are kept; agents' outputs are kept under the agent's name."""
DOCUMENTS = "_documents"
"""Where large documents of the compare-and-set store are kept."""


def input_paths(conditions: Iterable[str]) -> tuple[str, ...]:
    """Paths within a job's input that conditions read."""
    return tuple(path.removeprefix("input.") for path in _paths(conditions) if path.startswith("input."))


@lru_cache(maxsize=4096)
def output_paths(conditions: tuple[str, ...], agent: str) -> tuple[str, ...]:
    """Paths within ``agent``'s output that conditions may read, by its name or as the previous step."""
    found: dict[str, None] = {}
    for path in _paths(conditions):
        root, _, rest = path.partition(".")
        if root == "results" and rest.startswith(f"{agent}."):
            found[rest.removeprefix(f"{agent}.")] = None
        elif root == "prev_step" and rest:
            found |= dict.fromkeys((rest, rest.removeprefix(f"{agent}.")))
    return tuple(found)


def _paths(conditions: Iterable[str]) -> list[str]:
    return [path for condition in conditions for path in parse_condition(condition).paths]


class LargeValues(DatabaseProvider):
    """``inner`` with its large values in ``storage``; ``conditions`` are the project's, for what must stay readable."""

    def __init__(self, inner: DatabaseProvider, storage: StorageProvider, conditions: Collection[str] = ()) -> None:
        self.inner = inner
        self.name = inner.name
        self._storage = storage
        self._conditions = tuple(conditions)
        self._limit = inner.max_value_bytes or 0

    # -- moving values ---------------------------------------------------------------------------------------

    def _claims(self, owner: str) -> ClaimCheck:
        return ClaimCheck(self._storage, f"{PREFIX}/{owner}")

    async def _away(self, owner: str, value: JSONDict, keep: Collection[str]) -> JSONDict:
        """The value, or its stub if it is too large (or has the form of a stub itself, which only we may store)."""
        size = len(to_json(value, what=f"the value of {owner}").encode())
        if size <= self._limit and not is_stub(value):
            return value
        return await self._claims(owner).put(value, keep)

    async def _back(self, owner: str, value: JSONDict) -> JSONDict:
        return await self._claims(owner).get(value) if is_stub(value) else value

    async def _whole_job(self, job: Job) -> Job:
        results = {agent: await self._back(agent, value) for agent, value in job.agent_results.items()}
        return replace(job, request_payload=await self._back(INPUTS, job.request_payload), agent_results=results)

    async def _whole_result(self, result: AgentResult) -> AgentResult:
        return replace(result, payload=await self._back(result.agent, result.payload))

    async def _whole_document(self, document: Document) -> Document:
        return replace(document, body=await self._back(DOCUMENTS, document.body))

    async def _whole_attempt(self, attempt: Attempt) -> Attempt:
        outcome = attempt.outcome
        if outcome is None or not is_stub(outcome.detail):
            return attempt
        detail = await self._back(attempt.key.agent, outcome.detail)
        return replace(attempt, outcome=replace(outcome, detail=detail))

    # -- methods in which values travel ----------------------------------------------------------------------

    async def create_job(
        self,
        user_id: str,
        job_type: str,
        request_payload: JSONDict,
        *,
        client_key: str | None = None,
        job_id: str | None = None,
    ) -> str:
        payload = await self._away(INPUTS, request_payload, input_paths(self._conditions))
        return await self.inner.create_job(user_id, job_type, payload, client_key=client_key, job_id=job_id)

    async def get_job(self, job_id: str) -> Job | None:
        job = await self.inner.get_job(job_id)
        return await self._whole_job(job) if job else None

    async def store_agent_output(
        self, job_id: str, agent_name: str, output_payload: JSONDict, *, execution_time_ms: int | None = None
    ) -> None:
        keep = output_paths(self._conditions, agent_name)
        payload = await self._away(agent_name, output_payload, keep)
        await self.inner.store_agent_output(job_id, agent_name, payload, execution_time_ms=execution_time_ms)

    async def get_agent_output(self, job_id: str, agent_name: str) -> JSONDict | None:
        output = await self.inner.get_agent_output(job_id, agent_name)
        return None if output is None else await self._back(agent_name, output)

    async def get_results(self, job_id: str) -> Sequence[AgentResult]:
        return [await self._whole_result(result) for result in await self.inner.get_results(job_id)]

    async def load(self, job_id: str) -> Snapshot | None:
        """The whole snapshot; `claim_job` and `commit` hand out the stubs, which are enough to decide from."""
        snapshot = await self.inner.load(job_id)
        if snapshot is None:
            return None
        results = {name: await self._whole_result(result) for name, result in snapshot.results.items()}
        attempts = [await self._whole_attempt(attempt) for attempt in snapshot.attempts]
        job = await self._whole_job(snapshot.job)
        return replace(snapshot, job=job, attempts=tuple(attempts), results=results)

    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str) -> bool:
        keep = {*outcome.inline, *output_paths(self._conditions, key.agent)}
        if outcome.output is not None:
            outcome = replace(outcome, output=await self._away(key.agent, outcome.output, keep))
        outcome = replace(outcome, detail=await self._away(key.agent, outcome.detail, ("calls", "approvals")))
        return await self.inner.commit_outcome(key, owner, outcome, produced_by=produced_by)

    # -- methods that pass through ---------------------------------------------------------------------------

    async def migrate(self) -> int:
        return await self.inner.migrate()

    async def schema_status(self) -> SchemaStatus:
        return await self.inner.schema_status()

    async def close(self) -> None:
        await self.inner.close()

    async def update_job_status(self, job_id: str, status: JobStatus, error_message: str | None = None) -> None:
        await self.inner.update_job_status(job_id, status, error_message)

    async def list_jobs(
        self, user_id: str | None = None, status: JobStatus | None = None, limit: int = 50, *, after: str | None = None
    ) -> list[Job]:
        return await self.inner.list_jobs(user_id, status, limit, after=after)

    async def claim_job(
        self, job_id: str, owner: str, lease_s: float, *, take_over_from: str | None = None
    ) -> Snapshot | None:
        return await self.inner.claim_job(job_id, owner, lease_s, take_over_from=take_over_from)

    async def claim_owner(self, job_id: str) -> str | None:
        return await self.inner.claim_owner(job_id)

    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        return await self.inner.commit(snapshot, changes)

    async def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Attempt | None:
        return await self.inner.start_attempt(key, owner, run_for_s)

    async def signal_job(self, job_id: str, *, cancel: bool = False) -> bool:
        return await self.inner.signal_job(job_id, cancel=cancel)

    async def due_jobs(self, limit: int = 100) -> list[str]:
        return await self.inner.due_jobs(limit)

    async def retry_job(self, job_id: str) -> Job:
        return await self.inner.retry_job(job_id)

    async def now(self) -> float:
        return await self.inner.now()

    async def get_document(self, namespace: str, key: str) -> Document | None:
        document = await self.inner.get_document(namespace, key)
        return await self._whole_document(document) if document else None

    async def put_document(
        self, namespace: str, key: str, body: JSONDict, *, expected_version: int, ttl_s: float | None = None
    ) -> Document | None:
        small = await self._away(DOCUMENTS, body, ())
        stored = await self.inner.put_document(namespace, key, small, expected_version=expected_version, ttl_s=ttl_s)
        return stored if stored is None or small is body else replace(stored, body=body)

    async def delete_document(self, namespace: str, key: str, *, expected_version: int | None = None) -> bool:
        return await self.inner.delete_document(namespace, key, expected_version=expected_version)

    async def list_documents(
        self, namespace: str, *, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[Document]:
        found = await self.inner.list_documents(namespace, prefix=prefix, limit=limit, after=after)
        return [await self._whole_document(document) for document in found]

    async def purge_documents(self, *, expired_for_s: float = PURGE_AFTER_S, limit: int = 1000) -> int:
        return await self.inner.purge_documents(expired_for_s=expired_for_s, limit=limit)


def with_large_values(db: DatabaseProvider, storage: StorageProvider, conditions: Collection[str]) -> DatabaseProvider:
    """``db`` itself where it takes values of any size, else wrapped."""
    return db if db.max_value_bytes is None else LargeValues(db, storage, conditions)

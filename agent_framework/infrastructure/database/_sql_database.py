"""A database provider over transaction scripts: all methods once, for every SQL backend.

A backend subclasses `SqlDatabase` with its scripts, its migrations and `_run`, which executes one script in
one transaction. It gets a function that makes the script, because a transaction that certainly did not happen may be
run again from its beginning.
"""

import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import TypeVar

from agent_framework.errors import AgentFrameworkError, SchemaVersionError
from agent_framework.infrastructure._ids import new_id
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._migrations import Migrations
from agent_framework.infrastructure.database._output_view import output_view
from agent_framework.infrastructure.database._recent import Recent, as_read
from agent_framework.infrastructure.database._requests import Ended, NewJob, Write, certain
from agent_framework.infrastructure.database._script import Script
from agent_framework.infrastructure.database._sql_steps import StepScripts
from agent_framework.infrastructure.database.base import (
    PURGE_AFTER_S,
    Changes,
    DatabaseProvider,
    Decide,
    Decided,
    SchemaStatus,
)
from agent_framework.infrastructure.database.snapshots import as_committed, created
from agent_framework.types import (
    TRANSITIONS,
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    Document,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
    check_transition,
)

R = TypeVar("R")
T = TypeVar("T")
MakeScript = Callable[[], Script[T]]
Carry = Callable[[Sequence[R]], Script[list[T]]]
"""Makes a script for several requests of one kind, which answers in their order."""

PROMPT_S = 1.0
"""An answer that took longer does not tell the time."""

MOST_KEPT_CHARACTERS = 8192
"""A new job with a longer input is read again when it is first decided about, if that happens here at all."""

MOST_DECISIONS = 5
"""How often a decision is made again because news came meanwhile, before its job is claimed."""


class Access(Enum):
    """What a script needs.

    One reading statement, several that see one moment, a writing transaction that happens at most once, or one that
    changes the schema, which may happen twice without harm. The statements of one that is apart are transactions of
    their own, and those that write happen at most once.
    """

    ONE = "one"
    READ = "read"
    WRITE = "write"
    SCHEMA = "schema"
    APART = "apart"

    @property
    def happens_once(self) -> bool:
        """It must not be carried out twice, whatever is lost on the way."""
        return self in (Access.WRITE, Access.APART)


class SqlDatabase(DatabaseProvider):
    """The contract in SQL; ``place`` names the database in messages, without secrets."""

    def __init__(self, scripts: StepScripts, migrations: Migrations, place: str) -> None:
        self.place = place
        self._migrations = migrations
        self._scripts = scripts
        self._recent = Recent()
        self._ahead_s = 0.0

    @abstractmethod
    def _run(self, make: MakeScript[T], access: Access) -> Awaitable[T]:
        """Execute one script in one transaction, at most once, or raise `ProviderError`."""

    def _together(self, carry: Carry[R, T], request: R, *, last: bool = False) -> Awaitable[T]:
        """Carry a request that writes out, perhaps in one script with others of its kind.

        ``last``: after requests of other kinds that wait too, and not at all if nobody waits for it any more.
        """
        return self._alone(carry, request)

    async def _alone(self, carry: Carry[R, T], request: R) -> T:
        [answer] = await self._step(lambda: carry([request]))
        return answer

    def _moment(self) -> float:
        """The database's time, as far as its last answer tells."""
        return time.time() + self._ahead_s

    def _told(self, now: float, asked_at: float) -> None:
        """Note the database's time, unless the answer took so long that nobody knows what it was the time of."""
        if time.time() - asked_at <= PROMPT_S:
            self._ahead_s = now - asked_at

    def _access(self, together: Access) -> Access:
        """How the engine's scripts run, which are one transaction each unless their statements are."""
        return Access.APART if self._scripts.apart else together

    def _step(self, make: MakeScript[T]) -> Awaitable[T]:
        return self._run(make, self._access(Access.WRITE))

    def _write(self, make: MakeScript[T]) -> Awaitable[T]:
        return self._run(make, Access.WRITE)

    def _one(self, make: MakeScript[T]) -> Awaitable[T]:
        return self._run(make, Access.ONE)

    # -- schema ----------------------------------------------------------------------------------------------

    async def migrate(self, *, outputs: Mapping[str, str] | None = None) -> int:
        """Bring the schema up to date; with ``outputs`` also the view, see `create_output_view`.

        Raises:
            SchemaVersionError: the schema is newer than this version of the package.
        """
        if (await self.schema_status()).is_older:
            await self._run(lambda: self._migrations.apply(self.place), Access.SCHEMA)
        await self.check_schema()
        if outputs is not None:
            await self.create_output_view(outputs)
        return self._migrations.latest

    async def schema_status(self) -> SchemaStatus:
        return SchemaStatus(await self._run(self._migrations.current, Access.READ), self._migrations.latest)

    async def check_schema(self) -> None:
        status = await self.schema_status()
        if not status.is_current:
            raise SchemaVersionError(self._migrations.mismatch(self.place, status.current))

    async def create_output_view(self, fields: Mapping[str, str]) -> None:
        """Make the view ``job_outputs``: a row per job with each agent's result under its ``database_field``.

        ``fields`` maps agents to columns (JSON). The view is replaced, so it follows agents.yaml.

        Raises:
            ConfigError: a column has a bad name, the name of a column of the job, or two agents share it.
        """
        chosen = dict(fields)
        await self._run(lambda: self._migrations.alone(output_view(chosen)), Access.SCHEMA)

    # -- the seed's six methods ------------------------------------------------------------------------------

    async def create_job(
        self,
        user_id: str,
        job_type: str,
        request_payload: JSONDict,
        *,
        client_key: str | None = None,
        job_id: str | None = None,
    ) -> str:
        payload = to_json(request_payload, what="the job's request_payload")
        job = NewJob(job_id or new_id(), user_id, job_type, payload, client_key, self._moment())
        asked_at = time.time()
        answer = await self._together(self._scripts.create, job)
        if isinstance(answer, AgentFrameworkError):
            raise answer
        stored_id, at = answer
        if at is not None and len(payload) <= MOST_KEPT_CHARACTERS:
            self._told(at, asked_at)
            self._recent.keep(created(stored_id, user_id, job_type, loads(payload), at))
        return stored_id

    async def get_job(self, job_id: str) -> Job | None:
        return await self._run(lambda: self._scripts.get_job(job_id), self._access(Access.READ))

    async def update_job_status(self, job_id: str, status: JobStatus, error_message: str | None = None) -> None:
        await self._write(lambda: self._scripts.update_job_status(job_id, JobStatus(status), error_message))

    async def store_agent_output(
        self, job_id: str, agent_name: str, output_payload: JSONDict, *, execution_time_ms: int | None = None
    ) -> None:
        self._recent.forget(job_id)
        await self._write(lambda: self._scripts.store_output(job_id, agent_name, output_payload, execution_time_ms))

    async def get_agent_output(self, job_id: str, agent_name: str) -> JSONDict | None:
        return await self._one(lambda: self._scripts.get_output(job_id, agent_name))

    async def list_jobs(
        self, user_id: str | None = None, status: JobStatus | None = None, limit: int = 50, *, after: str | None = None
    ) -> list[Job]:
        return await self._one(lambda: self._scripts.list_jobs(user_id, status, limit, after))

    # -- the engine's primitives -----------------------------------------------------------------------------

    async def claim_job(
        self, job_id: str, owner: str, lease_s: float, *, take_over_from: str | None = None
    ) -> Snapshot | None:
        return await self._step(lambda: self._scripts.claim(job_id, owner, lease_s, take_over_from))

    async def claim_owner(self, job_id: str) -> str | None:
        return await self._one(lambda: self._scripts.claim_owner(job_id))

    async def decide_job(self, job_id: str, owner: str, lease_s: float, decide: Decide) -> Decided | None:
        for _ in range(MOST_DECISIONS):
            known = self._recent.find(job_id)
            snapshot = known.snapshot(self._moment()) if known else await self._free(job_id)
            if snapshot is None:
                return None
            changes = decide(snapshot)
            if changes is None:
                claimed = await self.claim_job(job_id, owner, lease_s)
                return None if claimed is None else Decided(claimed)
            check_move(snapshot.job, changes)
            decision = Write(snapshot.job, changes, snapshot.now, known.is_stored if known else certain)
            at, asked_at = None, time.time()
            try:
                at = await self._together(self._scripts.move, decision, last=True)
            finally:
                if at is None:
                    self._recent.forget(job_id)
            if at is not None:
                self._told(at, asked_at)
                after = as_committed(snapshot, changes, at)
                self._recent.keep(after, before=known)
                return Decided(snapshot, after)
        return None

    async def _free(self, job_id: str) -> Snapshot | None:
        """The job as it is now, if it is active and nobody has claimed it."""
        asked_at = time.time()
        snapshot = await self._step(lambda: self._scripts.free(job_id))
        if snapshot is not None:
            self._told(snapshot.now, asked_at)
        return snapshot

    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        job, status = snapshot.job, changes.status
        self._recent.forget(job.id)
        if status is None or status is job.status or status in TRANSITIONS[job.status]:
            decision = Write(job, changes, self._moment(), is_claimed=True)
            if await self._together(self._scripts.move, decision, last=True) is not None:
                return None
        return await self._step(lambda: self._scripts.refused(job, changes))

    async def load(self, job_id: str) -> Snapshot | None:
        return await self._run(lambda: self._scripts.load(job_id), self._access(Access.READ))

    async def get_results(self, job_id: str) -> Sequence[AgentResult]:
        return await self._one(lambda: self._scripts.get_results(job_id))

    async def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Attempt | None:
        return await self._step(lambda: self._scripts.start_attempt(key, owner, run_for_s))

    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str) -> bool:
        ended = Ended(key, owner, as_read(outcome), produced_by, self._moment())
        if self.in_order:  # whoever decides now may count on it
            self._recent.note(ended)
        at = None
        try:
            at = await self._together(self._scripts.end, ended)
        finally:
            if at is None:
                self._recent.forget(key.job_id)
        if at is not None and not self.in_order:
            ended.at = at
            self._recent.note(ended)
        return at is not None

    async def signal_job(self, job_id: str, *, cancel: bool = False) -> bool:
        return await self._step(lambda: self._scripts.signal_job(job_id, cancel))

    async def due_jobs(self, limit: int = 100) -> list[str]:
        return await self._one(lambda: self._scripts.due_jobs(limit))

    async def retry_job(self, job_id: str) -> Job:
        return await self._write(lambda: self._scripts.retry_job(job_id))

    async def now(self) -> float:
        return await self._one(self._scripts.now)

    # -- documents -------------------------------------------------------------------------------------------

    async def get_document(self, namespace: str, key: str) -> Document | None:
        return await self._one(lambda: self._scripts.get_document(namespace, key))

    async def put_document(
        self, namespace: str, key: str, body: JSONDict, *, expected_version: int, ttl_s: float | None = None
    ) -> Document | None:
        return await self._write(lambda: self._scripts.put_document(namespace, key, body, expected_version, ttl_s))

    async def delete_document(self, namespace: str, key: str, *, expected_version: int | None = None) -> bool:
        return await self._write(lambda: self._scripts.delete_document(namespace, key, expected_version))

    async def list_documents(
        self, namespace: str, *, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[Document]:
        return await self._one(lambda: self._scripts.list_documents(namespace, prefix, limit, after))

    async def purge_documents(self, *, expired_for_s: float = PURGE_AFTER_S, limit: int = 1000) -> int:
        return await self._write(lambda: self._scripts.purge_documents(expired_for_s, limit))


def check_move(job: Job, changes: Changes) -> None:
    """Refuse a decision that the job's state machine does not allow.

    Raises:
        IllegalTransitionError
    """
    if changes.status is not None and changes.status is not job.status:
        check_transition(job.id, job.status, changes.status)

"""The contract of a database: the seed's six methods and the few primitives that the engine builds on.

All policy (who may claim, what is retried, what a plan means) lives above, once. A provider promises that each method
is atomic, that a claim's writes are refused once the claim was taken over, and that an attempt's outcome is stored at
most once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from agent_framework.errors import DataTooLargeError as DataTooLargeError
from agent_framework.errors import JobNotFoundError, SchemaVersionError
from agent_framework.types import (
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    Document,
    Event,
    Job,
    JobStatus,
    JSONDict,
    Snapshot,
    value,
)

PURGE_AFTER_S = 86_400.0
"""How long expired documents stay: a version number is not used again while somebody may remember it."""


@value
class Changes:
    """What one `advance` writes, all or nothing.

    ``settle`` closes open attempts (given up, crashed); ``due_at`` None means that nobody needs to look at the job;
    ``status`` must be a legal transition where it is set. ``plan`` pins the plan of a run.
    """

    events: tuple[Event, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    settle: tuple[tuple[AttemptKey, AgentOutcome], ...] = ()
    status: JobStatus | None = None
    error_message: str | None = None
    due_at: float | None = None
    plan: JSONDict | None = None


@value
class SchemaStatus:
    """The version of a database's schema and the one that this package works with; both 0 where there is none."""

    current: int = 0
    expected: int = 0

    @property
    def is_current(self) -> bool:
        """The package can work with the database."""
        return self.current == self.expected

    @property
    def is_older(self) -> bool:
        """`DatabaseProvider.migrate` brings it up to date."""
        return self.current < self.expected


def schema_mismatch(place: str, status: SchemaStatus) -> str:
    """Why the schema of the database at ``place`` is refused, and what to do."""
    known = f"{place} has schema version {status.current}, this version of the package works with {status.expected}"
    if status.is_older:
        return f"{known}; run: agent-framework db migrate"
    return f"{known}; upgrade the package, or use another database"


class DatabaseProvider(ABC):
    """Where jobs live. Methods raise `ProviderError` for what the backend refuses, and the errors each one names."""

    name: str = "custom"
    in_order: bool = False
    """Whether an outcome that is asked for before a decision is written before it, without waiting for its answer."""
    max_value_bytes: int | None = None
    """Largest JSON value that is stored in place; a larger one goes to the storage. None: any size."""

    # -- life cycle ------------------------------------------------------------------------------------------

    @abstractmethod
    async def migrate(self) -> int:
        """Bring the schema up to this version and return it; safe to call from several processes at once."""

    async def schema_status(self) -> SchemaStatus:
        """Which schema the database has; a backend without versions answers with zeros."""
        return SchemaStatus()

    async def check_schema(self) -> None:
        """Refuse a schema of another version, for processes that do not migrate.

        Raises:
            SchemaVersionError: it is older or newer than this version of the package.
        """
        status = await self.schema_status()
        if not status.is_current:
            raise SchemaVersionError(schema_mismatch(f"database {self.name}", status))

    async def probe(self) -> str:
        """Look whether the database can be used, and write nothing: what was found, in a few words.

        Raises:
            ProviderError: it cannot be reached, refuses us, or lacks its tables.
            SchemaVersionError: as `check_schema`.
        """
        await self.check_schema()
        await self.now()
        version = (await self.schema_status()).current
        return f"schema version {version}" if version else "it answers"

    @abstractmethod
    async def close(self) -> None:
        """Release connections; the provider is not used afterwards."""

    async def __aenter__(self) -> Self:
        await self.migrate()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- the seed's six methods ------------------------------------------------------------------------------

    @abstractmethod
    async def create_job(
        self,
        user_id: str,
        job_type: str,
        request_payload: JSONDict,
        *,
        client_key: str | None = None,
        job_id: str | None = None,
    ) -> str:
        """Store a pending job that is due now, and return its id.

        With ``client_key``, the same key and payload return the job of the first call.

        Raises:
            IdempotencyConflictError: the key was used with another payload or type.
        """

    @abstractmethod
    async def get_job(self, job_id: str) -> Job | None:
        """The job with all agent results, in at most two statements; None if there is none."""

    @abstractmethod
    async def update_job_status(self, job_id: str, status: JobStatus, error_message: str | None = None) -> None:
        """Change the status outside a claim.

        Raises:
            JobNotFoundError, IllegalTransitionError
        """

    @abstractmethod
    async def store_agent_output(
        self, job_id: str, agent_name: str, output_payload: JSONDict, *, execution_time_ms: int | None = None
    ) -> None:
        """Store an agent's result directly; fills the slot that `commit_outcome` fills.

        Raises:
            JobNotFoundError
        """

    @abstractmethod
    async def get_agent_output(self, job_id: str, agent_name: str) -> JSONDict | None:
        """The newest result of one agent."""

    @abstractmethod
    async def list_jobs(
        self, user_id: str | None = None, status: JobStatus | None = None, limit: int = 50, *, after: str | None = None
    ) -> list[Job]:
        """Jobs, newest first, without their results; ``after`` is the id of the last job of the page before."""

    # -- the engine's primitives -----------------------------------------------------------------------------

    @abstractmethod
    async def claim_job(
        self, job_id: str, owner: str, lease_s: float, *, take_over_from: str | None = None
    ) -> Snapshot | None:
        """Claim the job for a moment: epoch + 1, owner and lease set.

        None if the job is final, does not exist, or is claimed by somebody whose lease runs; ``take_over_from`` names
        an owner whose lease counts no more, because its process is known to be dead.
        """

    @abstractmethod
    async def claim_owner(self, job_id: str) -> str | None:
        """Who holds a running lease on the job."""

    @abstractmethod
    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        """Write ``changes`` and release the claim that ``snapshot`` came from.

        If the job was signalled since the snapshot, nothing is written, the claim is kept, and a newer snapshot is
        returned to decide from again. None means written and released.

        Raises:
            StaleClaimError: the claim was taken over; nothing was written.
        """

    @abstractmethod
    async def load(self, job_id: str) -> Snapshot | None:
        """Job, events, attempts and results, without claiming."""

    @abstractmethod
    async def get_results(self, job_id: str) -> Sequence[AgentResult]:
        """All newest results of the job with their usage."""

    @abstractmethod
    async def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Attempt | None:
        """Mark a pending attempt as started; ``not_after`` becomes now + ``run_for_s``.

        None if it was started before, is settled, or the job is final or being cancelled: then it must not run.
        """

    @abstractmethod
    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str) -> bool:
        """Store the outcome of an attempt that ``owner`` started, the result if it succeeded, and signal the job.

        False if the attempt is no longer this owner's (given up, settled, job final): then nothing was written.
        """

    @abstractmethod
    async def signal_job(self, job_id: str, *, cancel: bool = False) -> bool:
        """Make the job due now, and ask for its cancellation if ``cancel``. False if it is final or unknown."""

    @abstractmethod
    async def due_jobs(self, limit: int = 100) -> list[str]:
        """Ids of jobs that somebody should look at now, the longest due first."""

    @abstractmethod
    async def retry_job(self, job_id: str) -> Job:
        """Start a new run: ``failed | needs_review -> pending``, run + 1, due now; results are kept.

        Raises:
            JobNotFoundError, IllegalTransitionError
        """

    @abstractmethod
    async def now(self) -> float:
        """The database's clock, in seconds since the epoch."""

    # -- documents: the compare-and-set store ----------------------------------------------------------------

    @abstractmethod
    async def get_document(self, namespace: str, key: str) -> Document | None:
        """The document, unless it is missing or expired."""

    @abstractmethod
    async def put_document(
        self, namespace: str, key: str, body: JSONDict, *, expected_version: int, ttl_s: float | None = None
    ) -> Document | None:
        """Store ``body`` if the current version is ``expected_version`` (0: there is none); None if it is not."""

    @abstractmethod
    async def delete_document(self, namespace: str, key: str, *, expected_version: int | None = None) -> bool:
        """Delete the document, only at ``expected_version`` if given; whether one was deleted."""

    @abstractmethod
    async def list_documents(
        self, namespace: str, *, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[Document]:
        """Documents that have not expired, by key; ``after`` is the key of the last one of the page before."""

    async def purge_documents(self, *, expired_for_s: float = PURGE_AFTER_S, limit: int = 1000) -> int:
        """Delete up to ``limit`` documents that expired so long ago, and tell how many; sweepers do it each round.

        A database that removes them by itself has nothing to do here.
        """
        return 0


Decide = Callable[[Snapshot], Changes | None]
"""From a job to what is written; None if that needs more than the snapshot. Pure: it may be called again."""


@value
class Decided:
    """A job as it was decided from, and as it is ``after``; None: nothing was decided, and the job is claimed."""

    snapshot: Snapshot
    after: Snapshot | None = None


@runtime_checkable
class DecidesAtOnce(Protocol):
    """A provider that can decide about a job without a claim that others see, which would be two writes and a lease.

    It writes the decision only if the job is still as it was decided from.
    """

    async def decide_job(self, job_id: str, owner: str, lease_s: float, decide: Decide) -> Decided | None:
        """Ask ``decide`` about a job that is not claimed, and write what it says at once; it takes an epoch.

        If it says None, the job stays claimed for ``owner`` as by `DatabaseProvider.claim_job`. None if it cannot be
        claimed.
        """
        ...


async def require_job(db: DatabaseProvider, job_id: str) -> Job:
    """The job that must be there.

    Raises:
        JobNotFoundError
    """
    job = await db.get_job(job_id)
    if job is None:
        raise JobNotFoundError(job_id)
    return job

"""The words of the framework as values: jobs, steps, events, attempts, outcomes.

Everything here is data that nobody changes, see `value`. Times are seconds since the epoch (``float``), measured by the
database where it has a clock; durations are seconds unless a name ends in ``_ms``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple, TypeGuard, TypeVar, dataclass_transform

from agent_framework.errors import IllegalTransitionError

C = TypeVar("C")

JSONDict = dict[str, Any]

SESSION_ID = "session_id"
"""The field of a job's input that names the conversation it belongs to."""

MAX_NESTING = 200
"""Levels of objects and arrays that a job's input or an agent's output may have."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[C]) -> type[C]:
    """A dataclass with slots that is hashed by its fields and never changed once it is made.

    Type checkers refuse a change. There is no guard at run time: with one, making an instance takes three times as
    long, and the engine makes more than a hundred for each job.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


def is_object(value: object) -> TypeGuard[JSONDict]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def nesting(value: object) -> int:
    """How deep objects and arrays are nested: 0 for a plain value."""
    deepest = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        current, depth = waiting.pop()
        deepest = max(deepest, depth)
        inner = current.values() if is_object(current) else current if is_array(current) else ()
        waiting += [(item, depth + 1) for item in inner if isinstance(item, (dict, list))]
    return deepest + 1 if isinstance(value, (dict, list)) else 0


class JobStatus(StrEnum):
    """Where a job stands. ``JobStatus("processing")`` and ``JobStatus("error")`` read the words of older systems."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_REVIEW = "needs_review"

    @classmethod
    def _missing_(cls, value: object) -> "JobStatus | None":
        return {"processing": cls.RUNNING, "error": cls.FAILED}.get(str(value))

    @property
    def is_final(self) -> bool:
        """No agent will run any more unless somebody retries the job."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.NEEDS_REVIEW})

TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.NEEDS_REVIEW}),
    JobStatus.RUNNING: frozenset({JobStatus.WAITING_FOR_APPROVAL, *FINAL_STATUSES}),
    JobStatus.WAITING_FOR_APPROVAL: frozenset(
        {JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.NEEDS_REVIEW}
    ),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.NEEDS_REVIEW: frozenset({JobStatus.PENDING}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


def check_transition(job_id: str, current: JobStatus, new: JobStatus) -> None:
    """Raise `IllegalTransitionError` unless ``current -> new`` is a transition of the job state machine."""
    if new not in TRANSITIONS[current]:
        allowed = ", ".join(sorted(TRANSITIONS[current])) or "nothing: it is final"
        raise IllegalTransitionError(f"job {job_id} is {current} and cannot become {new} (from {current}: {allowed})")


@value
class Step:
    """Agents that run one after another (``sequential``) or at once (``parallel``)."""

    type: str
    agents: tuple[str, ...]
    rerun: bool = False


@value
class Usage:
    """What model calls cost. ``cost_usd`` is None as soon as the price of one call is unknown."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    models: tuple[str, ...] = ()

    def __add__(self, other: "Usage") -> "Usage":
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
            models=tuple(dict.fromkeys((*self.models, *other.models))),
        )

    def to_dict(self) -> JSONDict:
        """The JSON form that is stored with an outcome."""
        return {
            "requests": self.requests,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "models": list(self.models),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> "Usage":
        """Read the JSON form; None is no usage at all."""
        if not data:
            return cls()
        return cls(
            requests=data["requests"],
            input_tokens=data["input_tokens"],
            output_tokens=data["output_tokens"],
            cost_usd=data["cost_usd"],
            models=tuple(data.get("models", ())),
        )


NO_USAGE = Usage()
"""Of attempts that have asked no model."""


@value
class AgentResult:
    """The newest stored result of one agent of one job; ``produced_by`` names the fallback that stood in, if any."""

    agent: str
    payload: JSONDict
    seq: int | None = None
    execution_time_ms: int | None = None
    usage: Usage = field(default_factory=Usage)
    produced_by: str | None = None
    created_at: float = 0.0


@value
class Job:
    """One job as stored. Reads like the seed's dictionary too: ``job["request_payload"]``, ``job.get("status")``."""

    id: str
    user_id: str
    job_type: str
    status: JobStatus
    request_payload: JSONDict
    agent_results: dict[str, JSONDict] = field(default_factory=dict[str, JSONDict])
    run: int = 1
    epoch: int = 0
    signals: int = 0
    due_at: float | None = None
    plan: JSONDict | None = None
    error_message: str | None = None
    cancel_requested: bool = False
    created_at: float = 0.0
    started_at: float | None = None
    completed_at: float | None = None
    updated_at: float = 0.0

    def with_data(self, request_payload: JSONDict, agent_results: dict[str, JSONDict]) -> "Job":
        """The same job with other data; `dataclasses.replace` would take five times as long."""
        return Job(
            self.id,
            self.user_id,
            self.job_type,
            self.status,
            request_payload,
            agent_results,
            self.run,
            self.epoch,
            self.signals,
            self.due_at,
            self.plan,
            self.error_message,
            self.cancel_requested,
            self.created_at,
            self.started_at,
            self.completed_at,
            self.updated_at,
        )

    def __getitem__(self, key: str) -> Any:
        if key == "job_id":
            return self.id
        if key not in _JOB_FIELDS:
            raise KeyError(f"a job has no field {key!r}; it has {', '.join(sorted(_JOB_FIELDS))}")
        return getattr(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """``job.get("status")``, as with a dictionary."""
        return self[key] if key in _JOB_FIELDS or key == "job_id" else default

    def __iter__(self) -> Iterator[str]:
        return iter(_JOB_FIELDS)

    def __contains__(self, key: object) -> bool:
        return key in _JOB_FIELDS or key == "job_id"


_JOB_FIELDS = {f.name: None for f in fields(Job)}


class EventKind(StrEnum):
    """What the trace of a job can say. Only `advance` writes events, in the order of ``seq``."""

    STARTED = "started"
    RULE = "rule"
    STEP = "step"
    WAITING = "waiting"
    APPROVAL = "approval"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    FINISHED = "finished"


@value
class Event:
    """One recorded decision or transition of one run of a job. ``seq`` grows by one through all runs of a job."""

    seq: int
    run: int
    kind: EventKind
    data: JSONDict
    at: float = 0.0


class AttemptState(StrEnum):
    """Where one attempt stands; the last six are settled and never change again."""

    PENDING = "pending"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"
    ABANDONED = "abandoned"

    @property
    def is_open(self) -> bool:
        """It may still run or is running."""
        return self in OPEN_STATES


OPEN_STATES = frozenset({AttemptState.PENDING, AttemptState.STARTED})


class ErrorKind(StrEnum):
    """Why an attempt failed; ``retry.on`` in agents.yaml names these."""

    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH = "crash"
    TRANSIENT = "transient"
    INVALID_OUTPUT = "invalid_output"
    BUDGET = "budget"
    REVIEW = "review"


class AttemptKey(NamedTuple):
    """Names one attempt: the ``number``-th try of ``agent`` in step ``seq`` of run ``run``. A row begins with these."""

    job_id: str
    run: int
    seq: int
    agent: str
    number: int

    def __str__(self) -> str:
        return f"{self.job_id}/{self.run}/{self.seq}/{self.agent}/{self.number}"


def _nothing() -> JSONDict:
    return {}  # `dict[str, Any]()` fails to note its parameters first, which takes ten times as long


@value
class AgentOutcome:
    """What one attempt ended with. ``output`` is set on success, ``error`` and ``error_kind`` on failure.

    ``detail`` holds what the engine needs later: the saved state of an interrupted turn with the calls it asks for, or
    of a run that waits, with its approvals. ``inline`` names dotted paths of the output that conditions read, so they
    stay in place where a large output is moved to the storage.
    """

    state: AttemptState
    output: JSONDict | None = None
    error: str | None = None
    error_kind: ErrorKind | None = None
    retry_after_s: float | None = None
    execution_time_ms: int | None = None
    usage: Usage = NO_USAGE
    detail: JSONDict = field(default_factory=_nothing)
    inline: tuple[str, ...] = ()


@value
class Attempt:
    """One stored attempt. ``performer`` is the agent whose code runs: ``key.agent``, or its fallback.

    Times: ``not_before`` holds back a retry, past ``not_after`` the attempt is given up. ``owner`` names the process
    that started it.
    """

    key: AttemptKey
    performer: str
    state: AttemptState
    not_before: float
    not_after: float
    owner: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    outcome: AgentOutcome | None = None


@value
class Snapshot:
    """A job with everything the planner needs, read at one moment; ``now`` is the database's clock then."""

    job: Job
    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    results: Mapping[str, AgentResult]
    now: float


@value
class Document:
    """One entry of the compare-and-set store."""

    namespace: str
    key: str
    body: JSONDict
    version: int
    expires_at: float | None = None

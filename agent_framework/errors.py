"""Every error this package raises on purpose, in one tree.

Each message says what is wrong, where, and what to do about it; a driver's own error is kept as ``__cause__``.

    AgentFrameworkError
    ├── ConfigError                 agents.yaml, a rule, a condition or an input file is wrong (all problems at once)
    ├── ProjectError                the project's own code or files cannot be used (missing module, wrong class, ...)
    │   └── PackagingError          an agent's deployment package cannot be built
    │       ├── ForbiddenFileError  something that no package may carry: a ``.pth`` file, a link out of the project
    │       └── PackageTooLargeError a package is above Lambda's limit
    ├── MissingExtraError           an optional dependency is not installed
    ├── DeploymentError             a stage cannot be deployed, destroyed or looked at
    ├── ProviderError               a database, queue, storage or model provider refused or failed; `retryable` says
    │   │                           whether another try can help
    │   ├── ModelError              a model call failed
    │   │   ├── ModelRefusedError   the call was certainly not billed
    │   │   └── ReplayMismatchError a recorded request changed
    │   ├── StorageKeyError         a storage key leaves its root or has a bad form
    │   ├── StoredObjectMissingError a storage has no object with this key
    │   ├── StoredObjectChangedError a stored object is not what was stored: its hash differs
    │   ├── MessageTooLargeError    a message does not fit into the queue; put it into the storage instead
    │   ├── QueueBatchError         some messages of a batch were refused; it names them
    │   ├── StatementTimeoutError   the database ended a statement that took too long
    │   ├── DataTooLargeError       a value or result is larger than the database transports
    │   ├── EntryVersionError       an entry of the document store was written by another version of this package
    │   └── SchemaVersionError      the database's schema is not the one this version works with
    ├── JobError                    something about one job
    │   ├── JobNotFoundError
    │   ├── IllegalTransitionError  a status change the state machine does not have
    │   ├── JobBusyError            somebody else is deciding about the job at this moment
    │   ├── StaleClaimError         a write by somebody whose claim on the job was taken over
    │   ├── IdempotencyConflictError the same client key with another request
    │   ├── NoRuleMatchedError      rules exist, none matched
    │   └── EffectError             a recorded write cannot be settled as asked
    ├── ApprovalError               an approval was not decided; nothing was changed
    │   ├── ApprovalNotFoundError   unknown id, or a token that opens nothing
    │   ├── ApprovalUsedError       it was decided before
    │   ├── ApprovalExpiredError    its time is over
    │   ├── ApprovalChangedError    the arguments are not the ones that were shown
    │   ├── ApprovalForbiddenError  it is another user's
    │   └── ApprovalVoidError       its job does not wait for it any more
    ├── SessionError                something about one conversation
    │   ├── SessionNotFoundError    this user has no session of that id
    │   └── SessionExpiredError     its time is over, or somebody ended it
    └── AgentError                  raised by or for one agent's attempt
        ├── AgentTimeoutError
        ├── OutputValidationError   the agent's answer does not fit its output type
        ├── RetryableError          raise it from an agent or a tool: another attempt may succeed
        ├── BudgetExceededError     the next model call would pass the job's budget
        ├── CircuitOpenError        what the agent calls failed too often lately, so it was not started
        ├── NeedsReviewError        a person must look before anything goes on
        ├── WriteRefusedError       a write was not started: the job is cancelled, or the attempt was given up
        ├── NotWritten              raise it from a tool that writes: certainly nothing was written
        ├── ApprovalNeeded          not a failure: the agent waits for somebody to approve a call
        └── SkipAgent               not a failure: this agent has nothing to do for this job
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class AgentFrameworkError(Exception):
    """Root of every deliberate error; the CLI prints its message without a traceback and exits with 1."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where it is, what it is, and how to mend it."""

    message: str
    path: str = ""
    file: str = ""
    line: int | None = None
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(AgentFrameworkError):
    """Configuration is wrong. ``problems`` holds every one of them, in file order."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = (Problem(problems),) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ProjectError(AgentFrameworkError):
    """The project's own code or files cannot be used as they are."""


class PackagingError(ProjectError):
    """An agent's deployment package cannot be built; nothing of it was written."""


class ForbiddenFileError(PackagingError):
    """The project or a dependency has a file that no package may carry; the message names the file and its package."""


class PackageTooLargeError(PackagingError):
    """A package is above Lambda's limit; the message names what is heavy in it."""


class MissingExtraError(AgentFrameworkError):
    """An optional dependency is needed and not installed."""


class DeploymentError(AgentFrameworkError):
    """A stage cannot be deployed, destroyed or looked at; the message names the resource, the reason and the remedy."""


class ProviderError(AgentFrameworkError):
    """A provider refused or failed; the message names the provider, what was tried and the remedy.

    ``retryable`` is true for an outage that may pass (nobody answers, too many ask, somebody else holds the lock): an
    agent's attempt that ends with it is transient. What would be refused again is not, which is the default.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ModelError(ProviderError):
    """A model call failed.

    ``retryable`` is true for throttling, time-outs, connection errors and 5xx answers: the engine may try the attempt
    again, and a fallback model may be asked. ``retry_after_s`` is the provider's own wish, in seconds.
    """

    def __init__(self, message: str, *, retryable: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message, retryable=retryable)
        self.retry_after_s = retry_after_s


class ModelRefusedError(ModelError):
    """The provider refused the call or was never reached, so it was certainly not billed."""


class ReplayMismatchError(ModelError):
    """A request differs from the recorded one; the message carries the difference."""


class StorageKeyError(ProviderError):
    """A storage key leaves its root or has a form that not every backend can keep."""


class StoredObjectMissingError(ProviderError):
    """The storage has no object with this key."""


class StoredObjectChangedError(ProviderError):
    """What is stored under this key is not what was stored: its hash differs or is not known."""


class MessageTooLargeError(ProviderError):
    """A message is larger than the queue takes."""


class QueueBatchError(ProviderError):
    """A queue refused some entries of a batch and took the others.

    ``failed`` maps the position of each refused entry to the reason, ``done`` that of each other one to its message id.
    """

    def __init__(self, message: str, *, failed: Mapping[int, str], done: Mapping[int, str]) -> None:
        super().__init__(message)
        self.failed = dict(failed)
        self.done = dict(done)


class SchemaVersionError(ProviderError):
    """The database's schema version is not the one this version of the package works with."""


class StatementTimeoutError(ProviderError):
    """The database ended a statement that took too long."""


class DataTooLargeError(ProviderError):
    """A value or result is larger than the database transports; keep it in storage and store where it lies."""


class EntryVersionError(ProviderError):
    """A shared entry (a circuit, a cached result, a session) has a form that this version does not know."""


class JobError(AgentFrameworkError):
    """Something about one job."""


class JobNotFoundError(JobError):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id!r}; 'agent-framework jobs list' shows the ones there are")


class IllegalTransitionError(JobError):
    """The job's state machine has no such transition."""


class JobBusyError(JobError):
    """Somebody else holds the claim on the job; that takes milliseconds, or a lease's time if its process died."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"somebody else is deciding about job {job_id} at this moment; try again")


class StaleClaimError(JobError):
    """The job was claimed by somebody else since; nothing was written."""


class IdempotencyConflictError(JobError):
    """The same client key was used before with another request."""


class NoRuleMatchedError(JobError):
    """Success rules exist and none of them matched the job."""


class EffectError(JobError):
    """A recorded write cannot be settled as asked: it is unknown, or settled already."""


class ApprovalError(AgentFrameworkError):
    """An approval was not decided, and nothing was changed. Every such refusal is recorded."""


class ApprovalNotFoundError(ApprovalError):
    """There is no approval with this id, or the token does not open it."""


class ApprovalUsedError(ApprovalError):
    """The approval was decided before; the first decision stands."""


class ApprovalExpiredError(ApprovalError):
    """The time to decide is over, which counts as a rejection."""


class ApprovalChangedError(ApprovalError):
    """The arguments are not the ones that were shown when the approval was asked for."""


class ApprovalForbiddenError(ApprovalError):
    """The approval belongs to another user's job."""


class ApprovalVoidError(ApprovalError):
    """The job does not wait for this approval any more."""


class SessionError(AgentFrameworkError):
    """Something about one conversation."""


class SessionNotFoundError(SessionError):
    """This user has no session of that id; whether anybody else has is not told."""


class SessionExpiredError(SessionError):
    """The session's time is over, or somebody ended it; nothing is added to it any more."""


class AgentError(AgentFrameworkError):
    """Raised by or for one attempt of one agent."""


class AgentTimeoutError(AgentError):
    """The attempt ran longer than ``runtime.timeout``."""


class OutputValidationError(AgentError):
    """The agent's answer does not fit its output type."""


class RetryableError(AgentError):
    """Raise it from an agent or a tool where another attempt may succeed (a dropped connection, a busy service)."""


class BudgetExceededError(AgentError):
    """The next model call could pass the job's budget, so it was not made."""


class CircuitOpenError(AgentError):
    """What the agent calls failed too often lately (``circuit_breaker``), so the agent was not started."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NeedsReviewError(AgentError):
    """Nobody knows whether a write took effect, so nothing is tried again: the job becomes ``needs_review``."""


class WriteRefusedError(AgentError):
    """A write was not started, because its job is being cancelled or its attempt was given up."""


class NotWritten(AgentError):  # noqa: N818 - a signal with the name users write
    """Raise it from a tool that writes where certainly nothing was written; the model is told ``str(exc)``."""


class ApprovalNeeded(AgentError):  # noqa: N818 - a signal, not a failure
    """An agent waits for approvals. ``detail`` is what its next attempt resumes from."""

    def __init__(self, message: str, detail: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.detail = dict(detail)


class SkipAgent(AgentError):  # noqa: N818 - a signal with the name users write, not a failure
    """Raise it from an agent that has nothing to do for this job; ``str(exc)`` is the reason that is recorded."""

"""What a database must do with one job, written down a second time: plain values, no SQL, no provider.

`ModelStore` answers each of the engine's primitives in a word or a value; a provider's answers are compared with it.
"""

from dataclasses import dataclass, field

from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import AgentOutcome, AttemptKey, AttemptState, JobStatus, JSONDict, Snapshot

OPEN = (AttemptState.PENDING, AttemptState.STARTED)


@dataclass
class ModelAttempt:
    """One attempt: where it stands and whose it is."""

    state: AttemptState = AttemptState.PENDING
    owner: str | None = None


@dataclass
class ModelStore:
    """One job. ``lease`` is who has claimed it and until when."""

    now: float
    status: JobStatus = JobStatus.PENDING
    run: int = 1
    epoch: int = 0
    signals: int = 0
    due_at: float | None = None
    lease: tuple[str, float] | None = None
    cancelled: bool = False
    events: int = 0
    attempts: dict[AttemptKey, ModelAttempt] = field(default_factory=dict[AttemptKey, ModelAttempt])
    results: dict[str, JSONDict] = field(default_factory=dict[str, JSONDict])

    @property
    def held(self) -> bool:
        """Somebody's lease runs."""
        return self.lease is not None and self.lease[1] > self.now

    @property
    def is_due(self) -> bool:
        """The sweeper must find it."""
        return self.due_at is not None and self.due_at <= self.now and not self.held

    def claim(self, owner: str, lease_s: float, take_over_from: str | None = None) -> int | None:
        """The new epoch, if the claim is given."""
        taken = self.lease is not None and self.lease[0] == take_over_from
        if self.status.is_final or (self.held and not taken):
            return None
        self.epoch, self.lease = self.epoch + 1, (owner, self.now + lease_s)
        return self.epoch

    def commit(self, snapshot: Snapshot, changes: Changes) -> str:
        """``written``, ``newer`` (it was signalled since) or ``stale`` (the claim is over)."""
        if snapshot.job.epoch != self.epoch or self.lease is None:
            return "stale"
        if snapshot.job.signals != self.signals:
            return "newer"
        for key, outcome in changes.settle:
            if self.attempts[key].state in OPEN:
                self.attempts[key].state = outcome.state
        self.attempts.update({attempt.key: ModelAttempt() for attempt in changes.attempts})
        self.events += len(changes.events)
        self.status = changes.status or self.status
        self.due_at, self.lease = changes.due_at, None
        return "written"

    def start(self, key: AttemptKey, owner: str) -> bool:
        """Whether ``owner`` may run the attempt."""
        attempt = self.attempts[key]
        if self.status.is_final or self.cancelled or key.run != self.run or attempt.state is not AttemptState.PENDING:
            return False
        attempt.state, attempt.owner = AttemptState.STARTED, owner
        return True

    def end(self, key: AttemptKey, owner: str, outcome: AgentOutcome) -> bool:
        """Whether the outcome is taken."""
        attempt = self.attempts[key]
        ours = attempt.state is AttemptState.STARTED and attempt.owner == owner
        if self.status.is_final or key.run != self.run or not ours:
            return False
        attempt.state = outcome.state
        if outcome.state is AttemptState.SUCCEEDED:
            self.results[key.agent] = outcome.output or {}
        return self.signal()

    def signal(self, *, cancel: bool = False) -> bool:
        """Whether there is anybody to signal."""
        if self.status.is_final:
            return False
        self.signals, self.due_at, self.cancelled = self.signals + 1, self.now, self.cancelled or cancel
        return True

    def retry(self) -> bool:
        """Whether another run begins."""
        if self.status not in (JobStatus.FAILED, JobStatus.NEEDS_REVIEW):
            return False
        self.status, self.run, self.signals = JobStatus.PENDING, self.run + 1, self.signals + 1
        self.due_at, self.cancelled, self.lease = self.now, False, None
        return True

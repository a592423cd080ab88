"""What each process of a schedule asked its database and was told, and what of that must never be.

The audit keeps books of its own: who was given which claim, who started which attempt, what was settled. It compares
every accepted write with them.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import Changes, Decide, Decided
from agent_framework.types import AgentOutcome, Attempt, AttemptKey, AttemptState, JobStatus, Snapshot
from tests.faults.harness.turns import Turns

KINDS = ("lost", "stuck", "duplicated", "stale")


@dataclass(frozen=True)
class Finding:
    """A promise that was broken; ``kind`` is one of `KINDS`."""

    kind: str
    text: str


class Audit:
    """The books of one job."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.writes = 0
        self.refusals: Counter[str] = Counter()
        self.final = False
        self._claimed = 0
        self._committed = 0
        self._owners: dict[AttemptKey, str] = {}
        self._settled: set[AttemptKey] = set()
        self._succeeded: set[tuple[int, int, str]] = set()

    def found(self, kind: str, text: str) -> None:
        """A promise was broken."""
        self.findings.append(Finding(kind, text))

    def create_job(self, result: str, *given: Any, **options: Any) -> None:
        self.writes += 1

    def claim_job(self, result: Snapshot | None, *given: Any, **options: Any) -> None:
        if result is not None:
            self._claimed = max(self._claimed, result.job.epoch)

    def commit(self, result: Snapshot | None, snapshot: Snapshot, changes: Changes) -> None:
        if result is not None:
            return
        epoch = snapshot.job.epoch
        if epoch < self._claimed or epoch <= self._committed:
            self.found("stale", f"a decision of epoch {epoch} was accepted, the claim was of epoch {self._claimed}")
        self._committed = max(self._committed, epoch)
        self._settled.update(key for key, _ in changes.settle)
        if changes.events or changes.attempts or changes.settle or changes.status is not None:
            self.writes += 1
        self._note_status(changes.status)

    def decide_job(self, result: Decided | None, changes: Changes | None) -> None:
        """A claim and its commit in one, or the claim alone where nothing could be decided."""
        if result is None:
            return
        job = result.snapshot.job
        if result.after is None or changes is None:
            self.claim_job(result.snapshot)
            return
        taken = replace(result.snapshot, job=replace(job, epoch=job.epoch + 1))
        self.claim_job(taken)
        self.commit(None, taken, changes)
        for attempt in changes.attempts:
            if attempt.owner is not None:
                self.start_attempt(attempt, attempt.key, attempt.owner, 0.0)

    def start_attempt(self, result: Attempt | None, key: AttemptKey, owner: str, run_for_s: float) -> None:
        if result is None:
            return
        self.writes += 1
        if (key.run, key.seq, key.agent) in self._succeeded:
            self.found("duplicated", f"attempt {key} was started although its agent's outcome is committed")
        if key in self._settled or key in self._owners or self.final:
            self.found("stale", f"attempt {key} was started, and it was over or somebody's")
        self._owners[key] = owner

    def commit_outcome(
        self, result: bool, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str
    ) -> None:
        if not result:
            self.refusals["outcome"] += 1
            return
        self.writes += 1
        if key in self._settled or self._owners.get(key, owner) != owner or self.final:
            self.found("stale", f"the outcome of attempt {key} by {owner} was accepted, and it was over or another's")
        self._settled.add(key)
        if outcome.state is AttemptState.SUCCEEDED:
            self._succeeded.add((key.run, key.seq, key.agent))

    def update_job_status(self, result: None, job_id: str, status: JobStatus, *given: Any) -> None:
        self.writes += 1
        self._note_status(status)

    def retry_job(self, result: Any, job_id: str) -> None:
        self.final, self._committed = False, self._claimed
        self.writes += 1

    def _note_status(self, status: JobStatus | None) -> None:
        self.final = self.final or (status is not None and status.is_final)


@dataclass
class Outage:
    """The next write fails: it is not done, or (``applied``) it is done and its answer is lost."""

    applied: bool
    met: bool = False


_WRITES = frozenset(
    {
        "create_job",
        "claim_job",
        "decide_job",
        "commit",
        "start_attempt",
        "commit_outcome",
        "retry_job",
        "update_job_status",
    }
)
_READS = frozenset({"load", "get_job", "claim_owner", "due_jobs", "signal_job", "now"})


class Watched:
    """A database as one process uses it: every call waits for its turn, may meet an outage, and is audited.

    Where the database can decide ``at_once``, the process uses that or not.
    """

    def __init__(self, db: Any, turns: Turns, audit: Audit, outages: list[Outage], *, at_once: bool = False) -> None:
        self._db, self._turns, self._audit, self._outages = db, turns, audit, outages
        self._at_once = at_once

    def __getattr__(self, name: str) -> Any:
        if name == "decide_job" and not self._at_once:
            raise AttributeError(name)
        method = getattr(self._db, name)
        if name not in _WRITES | _READS:
            return method
        made: list[Changes | None] = []

        async def call(*given: Any, **options: Any) -> Any:
            await self._turns.gate()
            outage = self._outages.pop(0) if self._outages and name in _WRITES else None
            if outage is not None and not outage.applied:
                raise ProviderError("simulated outage: the request did not arrive")
            if name == "decide_job":
                given = (*given[:3], _noting(given[3], made))
            result = await method(*given, **options)
            if name == "decide_job":
                self._audit.decide_job(result, made[-1] if made else None)
            elif name in _WRITES:
                getattr(self._audit, name)(result, *given, **options)
            if outage is not None:
                raise ProviderError("simulated outage: the answer was lost")
            return result

        return call


def _noting(decide: Decide, made: list[Changes | None]) -> Decide:
    """``decide`` that also tells what it decided."""

    def noting(snapshot: Snapshot) -> Changes | None:
        made.append(decide(snapshot))
        return made[-1]

    return noting

"""Any order of claims, decisions, starts, outcomes, signals and time: planner and store do what the model says.

Several owners hold snapshots as long as they like, so decisions and outcomes come late, twice, and after others.
"""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agent_framework.core.decide import decide
from agent_framework.core.job_manager import LEASE_S
from agent_framework.errors import IllegalTransitionError, ProviderError, StaleClaimError
from agent_framework.types import AgentOutcome, AttemptKey, JSONDict, Snapshot
from tests.faults.harness.backends import InlineSqlite
from tests.faults.harness.model import ModelStore
from tests.faults.harness.mutations import UnfencedSqlite
from tests.faults.harness.shapes import SHAPES, Shape
from tests.support.clock import FakeClock
from tests.support.simulation import fails, gives, skips, stumbles

T = TypeVar("T")
OWNERS = ("left", "right", "third")
OUTCOMES = (gives(n=1), gives(n=9), fails(), stumbles(), skips())
PLAIN = [shape for shape in SHAPES if shape.name != "agent strategy"]


class StoreMachine(RuleBasedStateMachine):
    """One job in a real SQLite, and the same job in the model."""

    provider: type[InlineSqlite] = InlineSqlite

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.db = self.provider(Path(":memory:"), clock=self.clock)
        self.job = "job"
        self.held: list[Snapshot] = []
        self.settled: dict[AttemptKey, Any] = {}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The provider waits for nothing, so no event loop is needed."""
        try:
            work.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("the provider waits")

    @initialize(shape=st.sampled_from(PLAIN))
    def submit(self, shape: Shape) -> None:
        self.shape = shape
        self.do(self.db.migrate())
        self.do(self.db.create_job("me", "t", dict(shape.input), job_id=self.job))
        self.model = ModelStore(self.clock(), due_at=self.clock())

    @rule(owner=st.sampled_from(OWNERS), dead=st.sampled_from((None, *OWNERS)))
    def claim(self, owner: str, dead: str | None) -> None:
        snapshot = self.do(self.db.claim_job(self.job, owner, LEASE_S, take_over_from=dead))
        assert self.model.claim(owner, LEASE_S, dead) == (snapshot.job.epoch if snapshot else None)
        if snapshot is not None:
            self.held.append(snapshot)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), keep=st.booleans(), dead=st.sets(st.sampled_from(OWNERS)))
    def decide_and_commit(self, data: st.DataObject, keep: bool, dead: set[str]) -> None:
        """Of any claim that was ever given, also of one that is long over, and twice."""
        snapshot = data.draw(st.sampled_from(self.held))
        if not keep:
            self.held.remove(snapshot)
        if snapshot.job.status.is_final:
            return
        plan = self.shape.plan
        changes = decide(snapshot, plan, random=lambda: 0.5, owner_is_dead=lambda owner: owner in dead).changes
        wanted = self.model.commit(snapshot, changes)
        try:
            newer = self.do(self.db.commit(snapshot, changes))
        except StaleClaimError:
            assert wanted == "stale"
            return
        assert wanted == ("written" if newer is None else "newer")
        if newer is not None:
            self.held.append(newer)

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data(), owner=st.sampled_from(OWNERS))
    def start(self, data: st.DataObject, owner: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.attempts, key=str)))
        started = self.do(self.db.start_attempt(key, owner, 30.0))
        assert self.model.start(key, owner) == (started is not None)

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data(), owner=st.sampled_from(OWNERS), outcome=st.sampled_from(OUTCOMES))
    def end(self, data: st.DataObject, owner: str, outcome: AgentOutcome) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.attempts, key=str)))
        taken = self.do(self.db.commit_outcome(key, owner, outcome, produced_by=key.agent))
        assert self.model.end(key, owner, outcome) == taken

    @rule(cancel=st.sampled_from((False, False, True)))
    def signal(self, cancel: bool) -> None:
        assert self.do(self.db.signal_job(self.job, cancel=cancel)) == self.model.signal(cancel=cancel)

    @rule()
    def retry(self) -> None:
        wanted = self.model.retry()
        try:
            self.do(self.db.retry_job(self.job))
        except IllegalTransitionError:
            assert not wanted
        else:
            assert wanted

    @rule(seconds=st.sampled_from((0.5, 5.0, 31.0, 600.0)))
    def time_goes_by(self, seconds: float) -> None:
        self.clock.pass_(seconds)
        self.model.now = self.clock()

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        snapshot = self.do(self.db.load(self.job))
        assert snapshot is not None
        job, model = snapshot.job, self.model
        assert (job.status, job.run, job.epoch, job.signals, job.cancel_requested, job.due_at) == (
            model.status,
            model.run,
            model.epoch,
            model.signals,
            model.cancelled,
            model.due_at,
        )
        assert [event.seq for event in snapshot.events] == list(range(1, model.events + 1))
        assert {a.key: (a.state, a.owner) for a in snapshot.attempts} == {
            key: (attempt.state, attempt.owner) for key, attempt in model.attempts.items()
        }
        results: dict[str, JSONDict] = {name: result.payload for name, result in snapshot.results.items()}
        assert results == model.results
        assert self.do(self.db.due_jobs()) == ([self.job] if model.is_due else [])

    @invariant()
    def what_is_settled_stays_as_it_is(self) -> None:
        if not hasattr(self, "model"):
            return
        snapshot = self.do(self.db.load(self.job))
        assert snapshot is not None
        for attempt in snapshot.attempts:
            if not attempt.state.is_open:
                assert self.settled.setdefault(attempt.key, attempt) == attempt

    def teardown(self) -> None:
        """Left alone, one process brings the job to rest."""
        if hasattr(self, "model"):
            self.do(self._finish())
        self.do(self.db.close())

    async def _finish(self) -> None:
        for _ in range(300):
            self.clock.pass_(31.0)
            snapshot = await self.db.claim_job(self.job, "last", LEASE_S)
            if snapshot is None:
                return
            move = decide(snapshot, self.shape.plan, random=lambda: 0.5, owner_is_dead=lambda owner: False)
            await self.db.commit(snapshot, move.changes)
            for attempt in move.dispatch:
                if await self.db.start_attempt(attempt.key, "last", 30.0) is not None:
                    await self.db.commit_outcome(attempt.key, "last", gives(n=1), produced_by=attempt.performer)
        raise AssertionError("the job does not come to rest")


class UnfencedMachine(StoreMachine):
    """The same with the epoch check taken out."""

    provider = UnfencedSqlite


def test_row_10_11_26_32_any_order_of_events_is_as_the_model_says() -> None:
    run_state_machine_as_test(StoreMachine, settings=settings(max_examples=40, stateful_step_count=30))


def test_a_store_without_the_epoch_check_is_not_as_the_model_says() -> None:
    with pytest.raises((AssertionError, ProviderError)):
        run_state_machine_as_test(
            UnfencedMachine,
            settings=settings(
                max_examples=300, stateful_step_count=40, report_multiple_bugs=False, phases=[Phase.generate]
            ),
        )

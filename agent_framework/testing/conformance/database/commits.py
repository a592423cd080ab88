"""Commits of a decision: all or nothing, fenced by the claim, and never over a signal that came meanwhile."""

import pytest

from agent_framework.errors import AgentFrameworkError, IllegalTransitionError, StaleClaimError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import (
    Case,
    Sleep,
    attempt_of,
    claimed,
    failure,
    new_job,
    running,
    scenario,
    started,
    success,
)
from agent_framework.types import AttemptState, Event, EventKind, JobStatus


class CommitTests(Case):
    """What `commit` and `load` promise."""

    @scenario
    async def test_everything_of_a_decision_is_stored(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        events = (
            Event(1, 1, EventKind.STARTED, {"plan": "digest"}),
            Event(2, 1, EventKind.RULE, {"rule": "first", "values": {"input.topic": "tea"}}),
        )
        attempt = attempt_of(snapshot, "writer")
        changes = Changes(
            events=events,
            attempts=(attempt,),
            status=JobStatus.RUNNING,
            due_at=snapshot.now + 5.0,
            plan={"steps": [{"agents": ["writer"]}]},
        )
        assert await db.commit(snapshot, changes) is None
        stored = await db.load(job_id)
        assert stored is not None
        assert [(event.seq, event.run, event.kind, event.data) for event in stored.events] == [
            (event.seq, event.run, event.kind, event.data) for event in events
        ]
        assert all(event.at > 0 for event in stored.events)
        [kept] = stored.attempts
        assert (kept.key, kept.performer, kept.state, kept.owner) == (
            attempt.key,
            "writer",
            AttemptState.PENDING,
            None,
        )
        assert kept.not_before == pytest.approx(attempt.not_before, abs=1e-3)
        assert kept.not_after == pytest.approx(attempt.not_after, abs=1e-3)
        assert stored.job.status is JobStatus.RUNNING
        assert stored.job.started_at is not None
        assert stored.job.due_at == pytest.approx(snapshot.now + 5.0, abs=1e-3)
        assert stored.job.plan == {"steps": [{"agents": ["writer"]}]}

    @scenario
    async def test_what_a_decision_leaves_out_stays(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.commit(await claimed(db, job_id), Changes(status=JobStatus.RUNNING, plan={"a": 1}, error_message="e"))
        await db.commit(await claimed(db, job_id), Changes())
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.status, job.plan, job.error_message, job.due_at) == (JobStatus.RUNNING, {"a": 1}, "e", None)

    @scenario
    async def test_events_come_back_in_order(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        for first in (1, 8, 15):
            events = tuple(Event(first + n, 1, EventKind.RULE, {"n": first + n}) for n in range(7))
            await db.commit(await claimed(db, job_id), Changes(events=events))
        snapshot = await db.load(job_id)
        assert snapshot is not None
        assert [event.seq for event in snapshot.events] == list(range(1, 22))

    @scenario
    async def test_row_09_a_claim_taken_over_after_its_lease_writes_nothing(
        self, db: DatabaseProvider, sleep: Sleep
    ) -> None:
        job_id = await new_job(db)
        old = await claimed(db, job_id, "alice", lease_s=0.2)
        await sleep(0.3)
        await claimed(db, job_id, "bob")
        event = Event(1, 1, EventKind.STARTED, {})
        with pytest.raises(StaleClaimError):
            await db.commit(old, Changes(events=(event,), status=JobStatus.RUNNING))
        snapshot = await db.load(job_id)
        assert snapshot is not None
        assert (snapshot.events, snapshot.job.status) == ((), JobStatus.PENDING)
        assert await db.claim_owner(job_id) == "bob"

    @scenario
    async def test_a_claim_taken_over_from_the_dead_writes_nothing(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        old = await claimed(db, job_id, "alice")
        new = await db.claim_job(job_id, "bob", 30.0, take_over_from="alice")
        assert new is not None
        with pytest.raises(StaleClaimError):
            await db.commit(old, Changes(status=JobStatus.RUNNING))
        assert await db.commit(new, Changes(status=JobStatus.RUNNING)) is None

    @scenario
    async def test_a_decision_is_committed_once(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        changes = Changes(events=(Event(1, 1, EventKind.STARTED, {}),), status=JobStatus.RUNNING)
        assert await db.commit(snapshot, changes) is None
        with pytest.raises(StaleClaimError):
            await db.commit(snapshot, changes)
        stored = await db.load(job_id)
        assert stored is not None
        assert len(stored.events) == 1

    @scenario
    async def test_a_signal_meanwhile_gives_the_newer_snapshot_and_keeps_the_claim(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        old = await claimed(db, job_id, "alice")
        await db.signal_job(job_id, cancel=True)
        fresh = await db.commit(old, Changes(events=(Event(1, 1, EventKind.STARTED, {}),), status=JobStatus.RUNNING))
        assert fresh is not None
        assert (fresh.job.cancel_requested, fresh.job.epoch, fresh.events) == (True, old.job.epoch, ())
        assert fresh.job.status is JobStatus.PENDING
        assert await db.claim_owner(job_id) == "alice"
        assert await db.claim_job(job_id, "bob", 30.0) is None
        assert await db.commit(fresh, Changes(status=JobStatus.CANCELLED)) is None
        job = await db.get_job(job_id)
        assert job is not None
        assert job.status is JobStatus.CANCELLED

    @scenario
    async def test_an_outcome_meanwhile_is_in_the_newer_snapshot(self, db: DatabaseProvider) -> None:
        key = await started(db)
        old = await claimed(db, key.job_id)
        assert await db.commit_outcome(key, "worker", success({"text": "new"}), produced_by="writer")
        fresh = await db.commit(old, Changes(due_at=None))
        assert fresh is not None
        assert fresh.attempts[0].state is AttemptState.SUCCEEDED
        assert fresh.results["writer"].payload == {"text": "new"}
        assert fresh.job.agent_results == {"writer": {"text": "new"}}

    @scenario
    async def test_an_illegal_transition_writes_nothing_at_all(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        changes = Changes(
            events=(Event(1, 1, EventKind.FINISHED, {}),),
            attempts=(attempt_of(snapshot, "writer"),),
            status=JobStatus.COMPLETED,
        )
        with pytest.raises(IllegalTransitionError):
            await db.commit(snapshot, changes)
        stored = await db.load(job_id)
        assert stored is not None
        assert (stored.events, stored.attempts, stored.job.status) == ((), (), JobStatus.PENDING)

    @scenario
    async def test_a_refused_value_writes_nothing_at_all(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        events = (Event(1, 1, EventKind.STARTED, {}), Event(2, 1, EventKind.RULE, {"value": float("nan")}))
        with pytest.raises(AgentFrameworkError):
            await db.commit(snapshot, Changes(events=events, status=JobStatus.RUNNING))
        stored = await db.load(job_id)
        assert stored is not None
        assert (stored.events, stored.job.status) == ((), JobStatus.PENDING)

    @scenario
    async def test_attempts_that_are_given_up_are_settled(self, db: DatabaseProvider) -> None:
        job_id, [pending, begun] = await running(db, "pending", "begun")
        await db.start_attempt(begun, "worker", 60.0)
        snapshot = await claimed(db, job_id)
        await db.commit(snapshot, Changes(settle=((pending, failure("late")), (begun, failure("dead")))))
        stored = await db.load(job_id)
        assert stored is not None
        errors = {a.key.agent: a.outcome.error for a in stored.attempts if a.outcome is not None}
        assert errors == {"pending": "late", "begun": "dead"}
        assert {attempt.state for attempt in stored.attempts} == {AttemptState.FAILED}
        assert all(attempt.ended_at is not None for attempt in stored.attempts)

    @scenario
    async def test_a_settled_attempt_is_never_settled_again(self, db: DatabaseProvider) -> None:
        key = await started(db)
        assert await db.commit_outcome(key, "worker", success({"text": "done"}), produced_by="writer")
        snapshot = await claimed(db, key.job_id)
        await db.commit(snapshot, Changes(settle=((key, failure("late")),)))
        stored = await db.load(key.job_id)
        assert stored is not None
        assert stored.attempts[0].state is AttemptState.SUCCEEDED

    @scenario
    async def test_many_attempts_and_events_fit_one_decision(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        snapshot = await claimed(db, job_id)
        events = tuple(Event(n, 1, EventKind.RULE, {"n": n, "why": "x" * 200}) for n in range(1, 61))
        attempts = tuple(attempt_of(snapshot, f"agent_{n:02}") for n in range(40))
        await db.commit(snapshot, Changes(events=events, attempts=attempts, status=JobStatus.RUNNING))
        stored = await db.load(job_id)
        assert stored is not None
        assert (len(stored.events), len(stored.attempts)) == (60, 40)

"""Attempts: started once, ended once, by the one who started them, and never behind the engine's back."""

import pytest

from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import (
    Case,
    attempt_of,
    claimed,
    failure,
    reach,
    running,
    scenario,
    started,
    success,
)
from agent_framework.types import (
    FINAL_STATUSES,
    AgentOutcome,
    AttemptKey,
    AttemptState,
    ErrorKind,
    JobStatus,
    Usage,
)


class AttemptTests(Case):
    """What `start_attempt` and `commit_outcome` promise."""

    @scenario
    async def test_a_start_names_the_owner_and_limits_the_time(self, db: DatabaseProvider) -> None:
        _, [key] = await running(db, "writer")
        before = await db.now()
        attempt = await db.start_attempt(key, "worker", 45.0)
        assert attempt is not None
        assert (attempt.key, attempt.state, attempt.owner) == (key, AttemptState.STARTED, "worker")
        assert attempt.started_at is not None
        assert before - 0.01 <= attempt.started_at <= await db.now() + 0.01
        assert attempt.not_after == pytest.approx(attempt.started_at + 45.0, abs=0.01)

    @scenario
    async def test_an_attempt_starts_once(self, db: DatabaseProvider) -> None:
        key = await started(db)
        assert await db.start_attempt(key, "worker", 60.0) is None
        assert await db.start_attempt(key, "another", 60.0) is None

    @scenario
    async def test_an_attempt_that_nobody_decided_does_not_start(self, db: DatabaseProvider) -> None:
        job_id, _ = await running(db, "writer")
        assert await db.start_attempt(AttemptKey(job_id, 1, 1, "stranger", 1), "worker", 60.0) is None
        assert await db.start_attempt(AttemptKey("nobody", 1, 1, "writer", 1), "worker", 60.0) is None

    @scenario
    async def test_a_settled_attempt_does_not_start(self, db: DatabaseProvider) -> None:
        job_id, [key] = await running(db, "writer")
        await db.commit(await claimed(db, job_id), Changes(settle=((key, failure()),)))
        assert await db.start_attempt(key, "worker", 60.0) is None

    @scenario
    async def test_row_32_nothing_starts_once_a_cancel_was_asked_for(self, db: DatabaseProvider) -> None:
        job_id, [key] = await running(db, "writer")
        await db.signal_job(job_id, cancel=True)
        assert await db.start_attempt(key, "worker", 60.0) is None

    @pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
    @scenario
    async def test_nothing_starts_in_a_final_job(self, db: DatabaseProvider, status: JobStatus) -> None:
        job_id, [key] = await running(db, "writer")
        await db.update_job_status(job_id, status)
        assert await db.start_attempt(key, "worker", 60.0) is None

    @scenario
    async def test_nothing_of_an_earlier_run_starts_or_ends(self, db: DatabaseProvider) -> None:
        job_id, [waiting, begun] = await running(db, "waiting", "begun")
        assert await db.start_attempt(begun, "worker", 60.0) is not None
        await db.update_job_status(job_id, JobStatus.FAILED)
        await db.retry_job(job_id)
        assert await db.start_attempt(waiting, "worker", 60.0) is None
        assert not await db.commit_outcome(begun, "worker", success({"text": "late"}), produced_by="begun")
        assert await db.get_agent_output(job_id, "begun") is None

    @scenario
    async def test_a_success_is_stored_with_its_result_and_makes_the_job_due(self, db: DatabaseProvider) -> None:
        key = await started(db)
        assert await db.due_jobs() == []
        usage = Usage(requests=2, input_tokens=10, output_tokens=5, cost_usd=0.25, models=("m",))
        outcome = AgentOutcome(
            AttemptState.SUCCEEDED, output={"text": "hello"}, execution_time_ms=1234, usage=usage, detail={"turn": 1}
        )
        assert await db.commit_outcome(key, "worker", outcome, produced_by="writer")
        snapshot = await db.load(key.job_id)
        assert snapshot is not None
        [attempt] = snapshot.attempts
        assert attempt.state is AttemptState.SUCCEEDED
        assert attempt.ended_at is not None
        assert attempt.outcome is not None
        assert (attempt.outcome.usage, attempt.outcome.detail) == (usage, {"turn": 1})
        result = snapshot.results["writer"]
        assert (result.payload, result.seq, result.execution_time_ms) == ({"text": "hello"}, 1, 1234)
        assert (result.usage, result.produced_by) == (usage, None)
        assert snapshot.job.signals == 1
        assert await db.due_jobs() == [key.job_id]

    @pytest.mark.parametrize(
        "outcome",
        [
            AgentOutcome(AttemptState.FAILED, error="Grüße\nline 2", error_kind=ErrorKind.TRANSIENT, retry_after_s=1.5),
            AgentOutcome(AttemptState.FAILED, error="", error_kind=ErrorKind.TIMEOUT, execution_time_ms=0),
            AgentOutcome(AttemptState.SKIPPED, error="nothing to do"),
            AgentOutcome(AttemptState.INTERRUPTED, detail={"state": "{}", "calls": [{"agent": "a", "input": None}]}),
            AgentOutcome(AttemptState.FAILED, error="x", usage=Usage(requests=1, cost_usd=None, models=("a", "b"))),
            AgentOutcome(AttemptState.SKIPPED),
        ],
        ids=["failed", "timeout", "skipped", "interrupted", "unknown cost", "says nothing"],
    )
    @scenario
    async def test_other_outcomes_come_back_and_store_no_result(
        self, db: DatabaseProvider, outcome: AgentOutcome
    ) -> None:
        key = await started(db)
        assert await db.commit_outcome(key, "worker", outcome, produced_by="writer")
        snapshot = await db.load(key.job_id)
        assert snapshot is not None
        assert snapshot.attempts[0].outcome == outcome
        assert snapshot.attempts[0].state is outcome.state
        assert snapshot.results == {}
        assert await db.get_agent_output(key.job_id, "writer") is None

    @scenario
    async def test_an_outcome_is_stored_once(self, db: DatabaseProvider) -> None:
        key = await started(db)
        assert await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")
        assert not await db.commit_outcome(key, "worker", success({"n": 2}), produced_by="writer")
        assert not await db.commit_outcome(key, "worker", failure(), produced_by="writer")
        assert await db.get_agent_output(key.job_id, "writer") == {"n": 1}
        job = await db.get_job(key.job_id)
        assert job is not None
        assert job.signals == 1

    @scenario
    async def test_only_the_one_who_started_an_attempt_ends_it(self, db: DatabaseProvider) -> None:
        key = await started(db, owner="alice")
        assert not await db.commit_outcome(key, "bob", success({"n": 1}), produced_by="writer")
        assert await db.get_agent_output(key.job_id, "writer") is None
        assert await db.commit_outcome(key, "alice", success({"n": 2}), produced_by="writer")

    @scenario
    async def test_an_attempt_that_was_never_started_has_no_outcome(self, db: DatabaseProvider) -> None:
        job_id, [key] = await running(db, "writer")
        assert not await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")
        assert await db.get_agent_output(job_id, "writer") is None

    @scenario
    async def test_the_outcome_of_a_given_up_attempt_is_refused(self, db: DatabaseProvider) -> None:
        key = await started(db)
        snapshot = await claimed(db, key.job_id)
        await db.commit(snapshot, Changes(settle=((key, failure("given up")),), due_at=snapshot.now))
        assert not await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")
        stored = await db.load(key.job_id)
        assert stored is not None
        assert (stored.attempts[0].state, stored.results) == (AttemptState.FAILED, {})

    @pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
    @scenario
    async def test_no_outcome_comes_into_a_final_job(self, db: DatabaseProvider, status: JobStatus) -> None:
        key = await started(db)
        await db.update_job_status(key.job_id, status)
        assert not await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")
        stored = await db.load(key.job_id)
        assert stored is not None
        assert (stored.results, stored.attempts[0].state) == ({}, AttemptState.STARTED)

    @scenario
    async def test_an_outcome_may_come_while_the_job_waits_or_is_being_cancelled(self, db: DatabaseProvider) -> None:
        key = await started(db)
        await db.update_job_status(key.job_id, JobStatus.WAITING_FOR_APPROVAL)
        await db.signal_job(key.job_id, cancel=True)
        assert await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")

    @scenario
    async def test_a_stand_ins_result_has_the_name_of_the_agent_it_stood_in_for(self, db: DatabaseProvider) -> None:
        key = await started(db)
        assert await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="understudy")
        [result] = await db.get_results(key.job_id)
        assert (result.agent, result.produced_by) == ("writer", "understudy")

    @scenario
    async def test_a_success_without_output_is_an_empty_result(self, db: DatabaseProvider) -> None:
        key = await started(db)
        assert await db.commit_outcome(key, "worker", AgentOutcome(AttemptState.SUCCEEDED), produced_by="writer")
        assert await db.get_agent_output(key.job_id, "writer") == {}

    @scenario
    async def test_the_newest_attempts_result_counts(self, db: DatabaseProvider) -> None:
        job_id = await reach(db, JobStatus.RUNNING)
        for seq in (1, 2):
            snapshot = await claimed(db, job_id)
            attempt = attempt_of(snapshot, "writer", seq=seq, number=seq)
            await db.commit(snapshot, Changes(attempts=(attempt,)))
            assert await db.start_attempt(attempt.key, "worker", 60.0) is not None
            assert await db.commit_outcome(attempt.key, "worker", success({"seq": seq}), produced_by="writer")
        [result] = await db.get_results(job_id)
        assert (result.payload, result.seq) == ({"seq": 2}, 2)
        snapshot = await db.load(job_id)
        assert snapshot is not None
        assert [attempt.key.seq for attempt in snapshot.attempts] == [1, 2]

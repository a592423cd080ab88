"""The state machine of a job: every legal transition works, every other is refused and changes nothing."""

import pytest

from agent_framework.errors import IllegalTransitionError, JobNotFoundError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.testing.conformance.database.harness import Case, claimed, new_job, reach, scenario
from agent_framework.types import FINAL_STATUSES, TRANSITIONS, JobStatus

_LEGAL = [(old, new) for old, targets in TRANSITIONS.items() for new in sorted(targets)]
_ILLEGAL = [(old, new) for old, targets in TRANSITIONS.items() for new in JobStatus if new not in targets]


class TransitionTests(Case):
    """What `update_job_status` and `retry_job` promise."""

    @pytest.mark.parametrize(("old", "new"), _LEGAL)
    @scenario
    async def test_a_legal_transition_happens(self, db: DatabaseProvider, old: JobStatus, new: JobStatus) -> None:
        job_id = await reach(db, old)
        await db.update_job_status(job_id, new)
        job = await db.get_job(job_id)
        assert job is not None
        assert job.status is new

    @pytest.mark.parametrize(("old", "new"), _ILLEGAL)
    @scenario
    async def test_any_other_transition_is_refused(self, db: DatabaseProvider, old: JobStatus, new: JobStatus) -> None:
        job_id = await reach(db, old)
        with pytest.raises(IllegalTransitionError, match=job_id):
            await db.update_job_status(job_id, new)
        job = await db.get_job(job_id)
        assert job is not None
        assert job.status is old

    @scenario
    async def test_an_unknown_job_changes_no_status(self, db: DatabaseProvider) -> None:
        with pytest.raises(JobNotFoundError, match="nobody"):
            await db.update_job_status("nobody", JobStatus.RUNNING)
        with pytest.raises(JobNotFoundError, match="nobody"):
            await db.retry_job("nobody")
        with pytest.raises(JobNotFoundError, match="nobody"):
            await db.store_agent_output("nobody", "writer", {})

    @scenario
    async def test_start_and_end_are_noted(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.update_job_status(job_id, JobStatus.RUNNING)
        await db.update_job_status(job_id, JobStatus.FAILED, "the well is dry")
        job = await db.get_job(job_id)
        assert job is not None
        assert job.started_at is not None
        assert job.completed_at is not None
        assert job.created_at <= job.started_at <= job.completed_at
        assert (job.error_message, job.due_at) == ("the well is dry", None)

    @scenario
    async def test_a_status_change_counts_as_a_signal(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await db.update_job_status(job_id, JobStatus.RUNNING)
        job = await db.get_job(job_id)
        assert job is not None
        assert job.signals == 1

    @pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.NEEDS_REVIEW])
    @scenario
    async def test_a_retry_starts_a_new_run_and_keeps_results(self, db: DatabaseProvider, status: JobStatus) -> None:
        job_id = await reach(db, status)
        await db.store_agent_output(job_id, "writer", {"text": "kept"})
        job = await db.retry_job(job_id)
        assert (job.id, job.status, job.run, job.error_message) == (job_id, JobStatus.PENDING, 2, None)
        assert (job.cancel_requested, job.completed_at, job.plan) == (False, None, None)
        assert await db.due_jobs() == [job_id]
        assert await db.get_agent_output(job_id, "writer") == {"text": "kept"}

    @pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.FAILED, JobStatus.NEEDS_REVIEW}))
    @scenario
    async def test_no_other_status_is_retried(self, db: DatabaseProvider, status: JobStatus) -> None:
        job_id = await reach(db, status)
        with pytest.raises(IllegalTransitionError):
            await db.retry_job(job_id)
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.status, job.run) == (status, 1)

    @scenario
    async def test_a_retried_job_that_was_cancelled_before_it_failed_is_not_cancelled_any_more(
        self, db: DatabaseProvider
    ) -> None:
        job_id = await new_job(db)
        await db.signal_job(job_id, cancel=True)
        await db.update_job_status(job_id, JobStatus.FAILED)
        assert not (await db.retry_job(job_id)).cancel_requested

    @scenario
    async def test_a_retried_job_can_be_claimed_though_the_old_claim_never_ended(self, db: DatabaseProvider) -> None:
        job_id = await new_job(db)
        await claimed(db, job_id)
        await db.update_job_status(job_id, JobStatus.FAILED)
        await db.retry_job(job_id)
        assert (await claimed(db, job_id, "another")).job.run == 2

    @pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
    @scenario
    async def test_a_decision_may_end_a_job(self, db: DatabaseProvider, status: JobStatus) -> None:
        job_id = await reach(db, JobStatus.RUNNING)
        snapshot = await claimed(db, job_id)
        assert await db.commit(snapshot, Changes(status=status, error_message="why")) is None
        job = await db.get_job(job_id)
        assert job is not None
        assert (job.status, job.error_message) == (status, "why")
        assert job.completed_at is not None
        assert await db.claim_job(job_id, "worker", 30.0) is None

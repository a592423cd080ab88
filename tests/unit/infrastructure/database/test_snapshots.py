"""Jobs that are made anew field by field keep each field in its place."""

from dataclasses import fields, replace
from typing import Any

from agent_framework.infrastructure.database._requests import Ended
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.snapshots import as_committed, with_ended
from agent_framework.types import AgentOutcome, Attempt, AttemptKey, AttemptState, Job, JobStatus, Snapshot

KEY = AttemptKey("id", 1, 1, "a", 1)
DIFFERENT: dict[str, Any] = {one.name: f"the {one.name}" for one in fields(Job)}
JOB = Job(**{**DIFFERENT, "status": JobStatus.RUNNING, "epoch": 7, "signals": 9, "agent_results": {}})
SNAPSHOT = Snapshot(JOB, (), (Attempt(KEY, "a", AttemptState.STARTED, 0.0, 9.0),), {}, 1.0)


def test_a_job_with_other_data() -> None:
    assert JOB.with_data({"n": 1}, {"a": {}}) == replace(JOB, request_payload={"n": 1}, agent_results={"a": {}})


def test_a_job_that_was_decided_about() -> None:
    after = as_committed(SNAPSHOT, Changes(status=JobStatus.FAILED, error_message="no", due_at=3.0), 2.0).job
    changed = {"status": JobStatus.FAILED, "error_message": "no", "due_at": 3.0, "epoch": 8}
    assert after == replace(JOB, **changed, completed_at=2.0, updated_at=2.0)


def test_a_job_of_which_nothing_was_decided() -> None:
    assert as_committed(SNAPSHOT, Changes(), 2.0).job == replace(JOB, due_at=None, epoch=8, updated_at=2.0)


def test_a_job_with_an_outcome() -> None:
    outcome = AgentOutcome(AttemptState.SUCCEEDED, {"n": 1})
    after = with_ended(SNAPSHOT, (Ended(KEY, "me", outcome, "a", 2.0),), 3.0)
    assert after.job == replace(JOB, signals=10, agent_results={"a": {"n": 1}}, due_at=2.0, updated_at=2.0)
    assert after.attempts == (
        replace(SNAPSHOT.attempts[0], state=AttemptState.SUCCEEDED, ended_at=2.0, outcome=outcome),
    )


def test_a_job_without_news_is_as_it_was() -> None:
    assert with_ended(SNAPSHOT, (), 3.0) == replace(SNAPSHOT, now=3.0)

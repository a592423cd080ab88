"""Policies around real jobs: circuits that refuse, the fallback that stands in, entries of other versions."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework import JobStatus, Project, RetryableError
from agent_framework.core.circuit_guard import NAMESPACE as CIRCUITS
from agent_framework.errors import EntryVersionError
from agent_framework.types import Job, Snapshot
from tests.support.projects import open_project

BREAKER = {"failures": 2, "open_seconds": 60, "window_seconds": 600}
ONCE = {"max_attempts": 1}


class Flaky:
    """An agent that fails while it is ``down``."""

    def __init__(self) -> None:
        self.down, self.calls = True, 0

    async def __call__(self, job: Job) -> dict[str, Any]:
        self.calls += 1
        if self.down:
            raise RetryableError("the service is away")
        return {"ok": True}


def project_with(
    folder: Path, flaky: Flaky, *, breaker: dict[str, Any] = BREAKER, agent: dict[str, Any] | None = None
) -> Project:
    async def asks(job: Job) -> dict[str, Any]:
        return await flaky(job)

    async def stands_in(job: Job) -> dict[str, Any]:
        return {"by": "substitute"}

    settings = {"asks": {"circuit_breaker": breaker, "retry": ONCE, **(agent or {})}}
    rules = "selection_rules: [{name: all, agents: [asks]}]"
    return open_project(folder, {"asks": asks, "substitute": stands_in}, rules, settings=settings)


def play(project: Project, story: Callable[[Project], Any]) -> Any:
    async def run() -> Any:
        async with project:
            return await story(project)

    return asyncio.run(run())


async def snapshot_of(project: Project, job: Job) -> Snapshot:
    snapshot = await project.db.load(job.id)
    assert snapshot is not None
    return snapshot


def test_an_open_circuit_refuses_without_a_call_and_says_so(tmp_path: Path) -> None:
    flaky = Flaky()

    async def story(project: Project) -> None:
        for _ in range(2):
            await project.run({})
        job = await project.run({})
        assert (job.status, flaky.calls) == (JobStatus.FAILED, 2)
        assert "the circuit of asks is open" in (job.error_message or "")
        (attempt,) = (await snapshot_of(project, job)).attempts
        assert attempt.outcome is not None
        assert attempt.outcome.usage.requests == 0
        assert 55 < (attempt.outcome.retry_after_s or 0) <= 60
        report = await project.failure_report(job.id)
        assert report is not None
        assert report["error_code"] == "CircuitOpenError"
        (status,) = await project.policies.circuits.status(list(project.config.agents.values()))
        assert (status.state, status.reason) == ("open", "the service is away")

    play(project_with(tmp_path, flaky), story)


def test_the_fallback_stands_in_at_once_while_the_circuit_is_open(tmp_path: Path) -> None:
    flaky = Flaky()

    async def story(project: Project) -> None:
        for _ in range(2):
            await project.run({})
        calls, job = flaky.calls, await project.run({})
        snapshot = await snapshot_of(project, job)
        assert (job.status, flaky.calls) == (JobStatus.COMPLETED, calls)
        assert [attempt.performer for attempt in snapshot.attempts] == ["asks", "substitute"]
        assert snapshot.results["asks"].produced_by == "substitute"

    play(project_with(tmp_path, flaky, agent={"fallback": "substitute", "retry": {"max_attempts": 3}}), story)


def test_after_its_time_a_trial_closes_it_again(tmp_path: Path) -> None:
    flaky = Flaky()

    async def story(project: Project) -> None:
        for _ in range(2):
            await project.run({})
        flaky.down = False
        await asyncio.sleep(0.35)
        assert (await project.run({})).status is JobStatus.COMPLETED
        (status,) = await project.policies.circuits.status(list(project.config.agents.values()))
        assert (status.state, status.failures) == ("closed", 0)

    play(project_with(tmp_path, flaky, breaker={**BREAKER, "open_seconds": 0.3}), story)


def test_a_refused_attempt_waits_for_the_circuit_and_is_not_shortened_by_jitter(tmp_path: Path) -> None:
    flaky = Flaky()

    async def story(project: Project) -> None:
        for _ in range(2):
            await project.run({})
        flaky.down = False
        job = await project.run({})
        assert (job.status, flaky.calls) == (JobStatus.COMPLETED, 5)
        assert len((await snapshot_of(project, job)).attempts) == 2

    retries = {"retry": {"max_attempts": 2, "initial_seconds": 0.01}}
    play(project_with(tmp_path, flaky, breaker={**BREAKER, "failures": 4, "open_seconds": 0.6}, agent=retries), story)


def test_agents_that_share_a_target_share_its_circuit(tmp_path: Path) -> None:
    flaky = Flaky()

    async def asks(job: Job) -> dict[str, Any]:
        return await flaky(job)

    async def other(job: Job) -> dict[str, Any]:
        return {"ok": True}

    breaker = {"circuit_breaker": {**BREAKER, "target": "crm"}, "retry": ONCE}
    rules = """
    selection_rules:
      - {name: one, condition: "input.agent == 'asks'", agents: [asks], else: [other]}
    """
    project = open_project(
        tmp_path, {"asks": asks, "other": other}, rules, settings={"asks": breaker, "other": breaker}
    )

    async def story(project: Project) -> None:
        for _ in range(2):
            await project.run({"agent": "asks"})
        job = await project.run({"agent": "other"})
        assert "the circuit of crm is open" in (job.error_message or "")

    play(project, story)


def test_an_entry_of_a_newer_version_is_left_alone_and_the_agent_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flaky = Flaky()
    newer: dict[str, Any] = {"format": 99, "state": "open", "since": 1}

    async def story(project: Project) -> None:
        await project.db.put_document(CIRCUITS, "asks", newer, expected_version=0)
        for _ in range(3):
            await project.run({})
        kept = await project.db.get_document(CIRCUITS, "asks")
        assert kept is not None
        assert (kept.body, kept.version, flaky.calls) == (newer, 1, 3)
        for job in await project.db.list_jobs():
            [attempt] = (await snapshot_of(project, job)).attempts
            assert attempt.outcome is not None
            [on_record] = attempt.outcome.detail["without"]
            assert on_record.startswith("circuit breaker: the circuit of asks is stored in format 99")
        (status,) = await project.policies.circuits.status(list(project.config.agents.values()))
        assert status.to_dict()["state"] == "unknown"
        with pytest.raises(EntryVersionError, match="upgrade the package"):
            await project.policies.circuits.close("asks")

    with caplog.at_level(logging.WARNING):
        play(project_with(tmp_path, flaky), story)
    assert "runs without its circuit breaker" in caplog.text

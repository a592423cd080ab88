"""The charter is killed in a run, with SIGKILL, until its attempts are used up; a retry then runs it alone."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import JobStatus, Snapshot
from tests.examples.alex_finance.support import Alex, after_import
from tests.support import commands

HANGS = """
from pathlib import Path as _Path

_HERE = _Path(__file__).parents[3]
_drawn = Charter.context


async def _hang(self, job):
    if not (_HERE / "pens").exists():
        import asyncio
        (_HERE / "drawing").touch()
        await asyncio.sleep(600)
    return await _drawn(self, job)


Charter.context = _hang
"""
FAILS = HANGS.replace("await asyncio.sleep(600)", "raise RuntimeError('the pens are dry')")


def _copy(tmp_path: Path, code: str) -> Alex:
    """A copy whose charter misbehaves until there are pens, and has two attempts."""
    alex = Alex.copy_to(tmp_path / "alex-finance")
    after_import(alex.folder, "charter", code)
    file = alex.folder / "agents.yaml"
    policy = "max_attempts: 5, initial_seconds: 4"
    text = file.read_text("utf-8")
    assert policy in text
    file.write_text(text.replace(policy, "max_attempts: 2, initial_seconds: 0.1"), "utf-8")
    alex.data("reset")
    return alex


def _submit(alex: Alex) -> str:
    done = alex.framework("submit", "--user", "test_user_001")
    found = re.search(r"job ([0-9a-f-]{36}) is stored", done.stdout)
    assert found, done.stdout + done.stderr
    return found[1]


def _load(alex: Alex, job_id: str) -> Snapshot:
    async def load() -> Snapshot | None:
        async with SqliteDatabase(alex.folder / ".agent-framework" / "jobs.sqlite") as db:
            return await db.load(job_id)

    found = asyncio.run(load())
    assert found
    return found


def _until(condition: Callable[[], bool], worker: commands.Running) -> None:
    until = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < until, worker.printed()
        time.sleep(0.1)


def _is(alex: Alex, job_id: str, status: JobStatus) -> Callable[[], bool]:
    return lambda: _load(alex, job_id).job.status is status


def _retried(alex: Alex, job_id: str, worker: commands.Running) -> list[str]:
    """Retry with pens; the agents of the second run."""
    (alex.folder / "pens").touch()
    assert alex.framework("jobs", "retry", job_id).returncode == 0
    _until(_is(alex, job_id, JobStatus.COMPLETED), worker)
    return [attempt.key.agent for attempt in _load(alex, job_id).attempts if attempt.key.run == 2]


@pytest.mark.timeout(400)
def test_charter_is_killed_until_its_attempts_are_used_up_and_a_retry_runs_it_alone(tmp_path: Path):
    alex = _copy(tmp_path, HANGS)
    drawing = alex.folder / "drawing"
    job_id = _submit(alex)
    for start in (alex.worker, lambda: alex.resume(job_id)):
        process = start()
        try:
            _until(lambda: drawing.exists() and _others_are_stored(alex, job_id), process)
        finally:
            process.kill()
        drawing.unlink()
    assert alex.resume(job_id).wait(150) == 1
    worker = alex.worker("second.log")
    try:
        assert _load(alex, job_id).job.status is JobStatus.FAILED
        job = _load(alex, job_id).job
        assert "charter" in (job.error_message or "")
        assert "charter" not in job.agent_results
        assert len(job.agent_results["reporter"]["content"]) >= 2_800
        assert job.agent_results["retirement"]["portfolio_value"] == "99437.50"
        assert not drawing.exists()
        shown = alex.framework("jobs", "show", job_id).stdout
        assert "died" in shown, shown
        assert _retried(alex, job_id, worker) == ["charter"]
        assert len(_load(alex, job_id).job.agent_results["charter"]) == 5
    finally:
        worker.terminate()
        worker.wait()


def _others_are_stored(alex: Alex, job_id: str) -> bool:
    return {"reporter", "retirement"} <= set(_load(alex, job_id).job.agent_results)


@pytest.mark.timeout(120)
def test_a_charter_that_fails_fails_the_job_with_its_reason_and_a_retry_runs_it_alone(tmp_path: Path):
    alex = _copy(tmp_path, FAILS)
    job_id = _submit(alex)
    worker = alex.worker()
    try:
        _until(_is(alex, job_id, JobStatus.FAILED), worker)
        job = _load(alex, job_id).job
        assert "the pens are dry" in (job.error_message or "")
        assert {"reporter", "retirement"} <= set(job.agent_results)
        assert _retried(alex, job_id, worker) == ["charter"]
    finally:
        worker.terminate()
        worker.wait()

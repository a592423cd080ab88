"""Worker processes over one database and queue: shared work, SIGTERM, SIGKILL, lost messages."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_framework import Job, JobStatus, Project
from agent_framework.core.worker import send_hint
from tests.support import commands
from tests.support.projects import write_agent_file, yaml_of

RULES = """
selection_rules:
  - {name: all, agents: [a, {parallel: [b, c]}, d]}
"""
AGENT = """
import asyncio, os
from agent_framework import agent

@agent("{name}")
async def work(job, context):
    with open(os.path.join(context.project_dir, "ran.log"), "a") as log:
        log.write(f"{{job.id}} {name}\\n")
    await asyncio.sleep(job.request_payload.get("{name}", 0.02))
    return {{"by": "{name}"}}
"""


def _write(folder: Path) -> Path:
    retry = {"retry": {"initial_seconds": 0.05, "jitter": False}, "runtime": {"timeout": 5}}
    (folder / "agents.yaml").write_text(yaml_of(dict.fromkeys("abcd", retry), RULES), "utf-8")
    for name in "abcd":
        write_agent_file(folder, name, AGENT.format(name=name))
    return folder


@contextmanager
def _worker(folder: Path, *options: str) -> Iterator[commands.Running]:
    log = folder / f"{uuid.uuid4().hex}.log"
    process = commands.start("worker", "--project", str(folder), "--sweep", "0.5", *options, log=log)
    try:
        _wait_for(lambda: "database sqlite, queue local, storage local" in process.printed())
        yield process
    finally:
        process.kill()


async def _submit(folder: Path, count: int, *, hint: bool = True, **seconds: float) -> list[str]:
    async with Project.open(folder, environ={}) as project:
        ids = [await project.jobs.submit({"number": number, **seconds}) for number in range(count)]
        for job_id in ids if hint else ():
            await send_hint(project.queue, job_id)
        return ids


async def _finished(folder: Path, ids: list[str], *, within_s: float = 40) -> list[Job]:
    async with Project.open(folder, environ={}) as project:
        until = time.monotonic() + within_s
        while True:
            jobs = [await project.jobs.get(job_id) for job_id in ids]
            if all(job.status.is_final for job in jobs):
                return jobs
            assert time.monotonic() < until, [job.status for job in jobs]
            await asyncio.sleep(0.1)


def _ran(folder: Path) -> list[str]:
    return (folder / "ran.log").read_text().splitlines()


def test_several_workers_share_jobs_and_no_agent_runs_twice(tmp_path: Path):
    _write(tmp_path)
    ids = asyncio.run(_submit(tmp_path, 12))
    with _worker(tmp_path), _worker(tmp_path):
        jobs = asyncio.run(_finished(tmp_path, ids))
    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
    assert len(_ran(tmp_path)) == len(set(_ran(tmp_path))) == 48


def test_row_15_a_job_whose_message_was_lost_is_found_by_the_sweeper(tmp_path: Path):
    _write(tmp_path)
    ids = asyncio.run(_submit(tmp_path, 1, hint=False))
    with _worker(tmp_path):
        (job,) = asyncio.run(_finished(tmp_path, ids))
    assert job.status is JobStatus.COMPLETED


def test_a_stopped_worker_finishes_what_runs(tmp_path: Path):
    _write(tmp_path)
    asyncio.run(_submit(tmp_path, 1, a=1.0))
    with _worker(tmp_path) as process:
        _wait_for(lambda: (tmp_path / "ran.log").exists())
        process.terminate()
        assert process.wait(20) == 0
    assert "  a  succeeded" in process.printed()
    assert process.printed().rstrip().endswith("stopped")


def test_a_stopped_worker_hands_back_what_does_not_finish_and_another_takes_it_up(tmp_path: Path):
    _write(tmp_path)
    ids = asyncio.run(_submit(tmp_path, 1, a=3.0))
    with _worker(tmp_path, "--drain", "0.2") as process:
        _wait_for(lambda: (tmp_path / "ran.log").exists())
        process.terminate()
        assert process.wait(20) == 0
    with _worker(tmp_path):
        (job,) = asyncio.run(_finished(tmp_path, ids))
    assert job.status is JobStatus.COMPLETED
    assert _ran(tmp_path).count(f"{job.id} a") == 2
    assert len(_ran(tmp_path)) == 5


def test_a_killed_workers_jobs_are_completed_by_the_other_and_stored_results_stay(tmp_path: Path):
    _write(tmp_path)
    ids = asyncio.run(_submit(tmp_path, 8, b=0.3, c=0.3))
    with _worker(tmp_path) as victim, _worker(tmp_path):
        _wait_for(lambda: (tmp_path / "ran.log").exists() and len(_ran(tmp_path)) > 12)
        os.kill(victim.pid, signal.SIGKILL)
        jobs = asyncio.run(_finished(tmp_path, ids))
    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
    again = {line for line in _ran(tmp_path) if _ran(tmp_path).count(line) > 1}
    assert all(line.split()[1] in "abcd" for line in again)
    assert len(again) <= 20, "only what ran in the killed process may have run again"


def _wait_for(condition, *, within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)

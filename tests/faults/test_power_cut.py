"""A power cut loses nothing that was acknowledged: the files are rebuilt from what was synced, and looked into.

A power cut cannot be had by killing a process: what it wrote stays in the system's cache. So the disk is recorded.
"""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Project
from agent_framework.infrastructure.database.base import Decide, Decided
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import AgentOutcome, AttemptKey, JobStatus
from tests.support.power_cut import Disk, recording, reopened
from tests.support.projects import open_project

JOBS = 6
NAME = "jobs.sqlite"
FOUND = {
    "job": "SELECT 1 FROM jobs WHERE id = ?",
    "outcome": "SELECT 1 FROM agent_results WHERE job_id || '/' || agent_name = ?",
    "epoch": "SELECT 1 FROM jobs WHERE id = ? AND epoch >= ?",
    "completed": "SELECT 1 FROM jobs WHERE id = ? AND status = 'completed'",
}


class Acknowledging(SqliteDatabase):
    """The product's provider; each word of it that something is stored goes to the disk's log."""

    disk: Disk

    async def create_job(self, *given: Any, **options: Any) -> str:
        job_id = await super().create_job(*given, **options)
        self.disk.acknowledge(("job", job_id))
        return job_id

    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, *, produced_by: str) -> bool:
        stored = await super().commit_outcome(key, owner, outcome, produced_by=produced_by)
        if stored:
            self.disk.acknowledge(("outcome", f"{key.job_id}/{key.agent}"))
        return stored

    async def decide_job(self, job_id: str, owner: str, lease_s: float, decide: Decide) -> Decided | None:
        decided = await super().decide_job(job_id, owner, lease_s, decide)
        if decided is not None and decided.after is not None:
            self.disk.acknowledge(("epoch", job_id, decided.after.job.epoch))
        return decided


def recorded(folder: Path, monkeypatch: pytest.MonkeyPatch, *, synchronous: str | None = None) -> Disk:
    """Some jobs side by side, on a recorded disk."""
    disk = Disk()

    def database(config: Any, root: Path) -> Acknowledging:
        db = Acknowledging(folder / NAME)
        db.disk, db._reader = disk, db._writer  # the one connection
        return db

    async def run(project: Project) -> None:
        job = await project.run({"n": 1})
        assert job.status is JobStatus.COMPLETED
        disk.acknowledge(("completed", job.id))

    async def go() -> None:
        rules = "selection_rules: [{name: all, agents: [a, {parallel: [b, c, d]}]}]"
        async with open_project(folder, dict.fromkeys("abcd", lambda: {"ok": True}), rules) as project:
            await asyncio.gather(*(run(project) for _ in range(JOBS)))

    with monkeypatch.context() as patched:
        patched.setattr(SqliteDatabase, "from_config", database)
        patched.setattr(sqlite3, "connect", recording(disk, synchronous=synchronous))
        asyncio.run(go())
    return disk


def lost(disk: Disk, folder: Path) -> list[Any]:
    """What was acknowledged and is gone, for a cut right after each acknowledgement."""
    gone: list[Any] = []
    ends = [end for end in range(1, len(disk.log) + 1) if disk.log[end - 1].what == "acknowledged"]
    for end in ends:
        connection = reopened(disk.after_cut(end), folder / str(end), NAME)
        for what, *values in disk.acknowledged(end):
            if connection is None or not _is_there(connection, what, values):
                gone.append((end, what, *values))
        if connection is not None:
            connection.close()
    return gone


def _is_there(connection: sqlite3.Connection, what: str, values: list[Any]) -> bool:
    try:
        return connection.execute(FOUND[what], values).fetchone() is not None
    except sqlite3.DatabaseError:  # the table is not there, or the file is no database
        return False


def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = recorded(tmp_path, monkeypatch)
    told = [what for what, *_ in disk.acknowledged(len(disk.log))]
    assert (told.count("job"), told.count("outcome"), told.count("completed")) == (JOBS, 4 * JOBS, JOBS)
    assert lost(disk, tmp_path / "rebuilt") == []


def test_the_commits_of_many_jobs_share_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = recorded(tmp_path, monkeypatch)
    syncs = sum(entry.what == "sync" for entry in disk.log)
    told = len(disk.acknowledged(len(disk.log)))
    assert syncs < told, "several acknowledgements share a sync"


def test_without_syncs_the_same_check_turns_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = recorded(tmp_path, monkeypatch, synchronous="OFF")
    assert {what for _, what, *_ in lost(disk, tmp_path / "rebuilt")} >= {"job", "outcome", "completed"}

"""What SQLite makes of the statements that run for each job: none of them builds a table of its own first."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from agent_framework.infrastructure.database import sqlite as module
from agent_framework.infrastructure.database._rows import Row
from agent_framework.infrastructure.database._script import Statement
from agent_framework.types import JobStatus
from tests.support.projects import open_project

STEPS = "selection_rules: [{name: all, condition: always, agents: [a, {parallel: [b, c]}]}]"


def test_no_statement_of_a_job_builds_a_table_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one with a list of more than two words does, which takes about as long as all else that it does."""
    written: set[str] = set()
    execute = module._execute  # pyright: ignore[reportPrivateUsage]

    def seen(connection: sqlite3.Connection, statement: Statement) -> Sequence[Row]:
        if statement.many is not None:
            written.add(statement.sql)
        return execute(connection, statement)

    async def go() -> None:
        agents = {name: lambda: {"ok": True} for name in "abc"}
        async with open_project(tmp_path, agents, STEPS) as project, asyncio.timeout(30):
            monkeypatch.setattr(module, "_execute", seen)
            assert (await project.run({})).status is JobStatus.COMPLETED

    asyncio.run(go())
    verbs = {" ".join(sql.split()[:3]) for sql in written}
    assert verbs >= {"UPDATE jobs SET", "UPDATE attempts SET", "INSERT INTO jobs", "INSERT INTO agent_results"}

    with closing(module.open_file(tmp_path / ".agent-framework/jobs.sqlite", clock=lambda: 0.0, what="it")) as file:
        for sql in written:
            steps = [row["opcode"] for row in file.execute(f"EXPLAIN {sql}", [None] * sql.count("?"))]
            assert steps
            assert "OpenEphemeral" not in steps, sql

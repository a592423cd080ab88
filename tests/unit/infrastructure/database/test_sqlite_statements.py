"""What SQLite makes of the statements that run for each job: none of them builds a table of its own first."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.infrastructure.database import sqlite as module
from agent_framework.infrastructure.database._rows import Row
from agent_framework.infrastructure.database._script import Statement
from agent_framework.infrastructure.database._sql_documents import after_all_with
from agent_framework.types import JobStatus
from tests.support.projects import open_project

STEPS = "selection_rules: [{name: all, condition: always, agents: [a, {parallel: [b, c]}]}]"


def keep_statements(monkeypatch: pytest.MonkeyPatch, asked: list[Statement]) -> None:
    """From here on SQLite's statements are kept in ``asked``."""
    execute = module._execute  # pyright: ignore[reportPrivateUsage]

    def seen(connection: sqlite3.Connection, statement: Statement) -> Sequence[Row]:
        asked.append(statement)
        return execute(connection, statement)

    monkeypatch.setattr(module, "_execute", seen)


def test_no_statement_of_a_job_builds_a_table_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one with a list of more than two words does, which takes about as long as all else that it does."""
    asked: list[Statement] = []

    async def go() -> None:
        agents = {name: lambda: {"ok": True} for name in "abc"}
        async with open_project(tmp_path, agents, STEPS) as project, asyncio.timeout(30):
            keep_statements(monkeypatch, asked)
            assert (await project.run({})).status is JobStatus.COMPLETED

    asyncio.run(go())
    written = {statement.sql for statement in asked if statement.many is not None}
    verbs = {" ".join(sql.split()[:3]) for sql in written}
    assert verbs >= {"UPDATE jobs SET", "UPDATE attempts SET", "INSERT INTO jobs", "INSERT INTO agent_results"}

    with closing(module.open_file(tmp_path / ".agent-framework/jobs.sqlite", clock=lambda: 0.0, what="it")) as file:
        for sql in written:
            steps = [row["opcode"] for row in file.execute(f"EXPLAIN {sql}", [None] * sql.count("?"))]
            assert steps
            assert "OpenEphemeral" not in steps, sql


@pytest.mark.parametrize("after", [None, "", "one/7"])
def test_a_prefix_is_looked_for_where_it_is_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str | None
) -> None:
    """Of a million records about approvals, those of one are read."""
    asked: list[Statement] = []

    async def go() -> None:
        database = module.SqliteDatabase(tmp_path / "jobs.sqlite")
        await database.migrate()
        keep_statements(monkeypatch, asked)
        assert await database.list_documents("audit", prefix="one/", after=after) == []
        await database.close()

    asyncio.run(go())
    with closing(module.open_file(tmp_path / "jobs.sqlite", clock=lambda: 0.0, what="it")) as file:
        [plan] = file.execute(f"EXPLAIN QUERY PLAN {asked[-1].sql}", asked[-1].params or {}).fetchall()
    assert "SEARCH documents USING PRIMARY KEY (namespace=? AND key>? AND key<?)" in plan["detail"]


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=2))
def test_exactly_what_begins_with_a_prefix_lies_between_its_ends(prefix: str, other: str, more: str) -> None:
    end = after_all_with(prefix)
    for key in (prefix, prefix + more, other):
        assert key.startswith(prefix) == (prefix <= key and (end is None or key < end)), (prefix, key)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("", None), ("a", "b"), ("a/", "a0"), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("\ud7ff", "\ue000")],
)
def test_the_end_of_a_prefix(prefix: str, end: str | None) -> None:
    assert after_all_with(prefix) == end

"""The package with something grown: the jobs in the table, the agents of a fan, the bytes of an input."""

import asyncio
import json
import sqlite3
import tempfile
import time
from pathlib import Path

from agent_framework import AgentConfig, Project
from agent_framework.types import JobStatus
from benchmarks.contestants.ours import work
from benchmarks.contestants.turn import clock_starts, order

DATABASE = ".agent-framework/jobs.sqlite"


def write(folder: Path, agents: int) -> list[str]:
    """A project with one step of so many agents at once."""
    names = [f"part_{n}" for n in range(agents)]
    lines = [
        "project: {name: bench}",
        "orchestration:",
        "  max_concurrent_agents: 1000",
        f"  selection_rules: [{{name: all, condition: always, agents: [{{parallel: [{', '.join(names)}]}}]}}]",
        "agents:",
        *(f"  {name}: {{}}" for name in names),
    ]
    (folder / "agents.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    return names


def fill(path: Path, like: str, jobs: int) -> None:
    """Copy the finished job ``like``, with all that belongs to it, until the table holds ``jobs``."""
    connection = sqlite3.connect(path)
    for table in ("jobs", "job_inputs", "job_events", "attempts", "agent_results"):
        key = "id" if table == "jobs" else "job_id"
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        others = ", ".join(column for column in columns if column != key)
        connection.execute(
            f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {jobs})
            INSERT INTO {table} ({key}, {others})
            SELECT lower(hex(randomblob(2))) || '-copy-' || i, {others} FROM {table}, n WHERE {key} = ?"""
            if table == "jobs"
            else f"""INSERT INTO {table} ({key}, {others})
            SELECT copies.id, {", ".join(f"t.{c}" for c in columns if c != key)} FROM {table} t
            JOIN jobs copies ON copies.id LIKE '%-copy-%' WHERE t.{key} = ?""",
            (like,),
        )
    connection.commit()
    connection.close()


async def main() -> None:
    """One turn."""
    given = order()
    payload = {"text": "x" * given["bytes"]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write(folder, given["agents"])
        project = Project.open(folder, environ={})
        for agent in names:
            project.registry.register(agent, work, AgentConfig(name=agent))
        async with project:
            first = await project.run(payload)
            if given["table"] > 1:
                await asyncio.to_thread(fill, folder / DATABASE, first.id, given["table"] - 1)
            await project.run(payload)
            begun = clock_starts()
            for _ in range(given["jobs"]):
                job = await project.run(payload)
                assert job.status is JobStatus.COMPLETED
            seconds = time.perf_counter() - begun
    print(json.dumps({"job_us": seconds / given["jobs"] * 1e6}))


if __name__ == "__main__":
    asyncio.run(main())

"""PostgreSQL restarted again and again, also as by a crash, under worker processes with jobs running."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_framework.core.worker import send_hint
from agent_framework.testing.conformance.engine import WorkerPlace
from tests.support.postgres import PostgresServer
from tests.support.projects import write_agent_file, yaml_of

JOBS = 200
WORKERS = 4
RESTARTS = 10
AGENTS = ("a", "b", "c", "d")
RULES = """
selection_rules:
  - {name: all, agents: [a, {parallel: [b, c]}, d]}
"""
AGENT = """
import asyncio, json, os, time, uuid
from agent_framework import agent

@agent("{name}")
async def work(job, context):
    ran = uuid.uuid4().hex
    line = json.dumps({{"job": job.id, "agent": "{name}", "ran": ran, "at": time.time()}})
    log = os.open(os.path.join(context.project_dir, "ran.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (line + "\\n").encode())
    os.close(log)
    await asyncio.sleep(0.4)
    return {{"ran": ran, "saw": sorted(job.agent_results)}}
"""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of this test's own: others would not like what happens to it."""
    server = PostgresServer()
    try:
        server.start()
        server.create_database("jobs")
        yield server
    finally:
        server.stop()


def _write(folder: Path, server: PostgresServer) -> None:
    settings = {"retry": {"initial_seconds": 0.05, "jitter": False, "max_attempts": 6}, "runtime": {"timeout": 30}}
    database = {"provider": "rds-postgres", "config": server.config("jobs")}
    stages = json.dumps({"local": {"infrastructure": {"database": database}}})
    (folder / "agents.yaml").write_text(yaml_of(dict.fromkeys(AGENTS, settings), RULES, more=f"stages: {stages}"))
    for name in AGENTS:
        write_agent_file(folder, name, AGENT.format(name=name))


async def _submit(place: WorkerPlace) -> list[str]:
    ids = [await place.project.jobs.submit({"number": number}) for number in range(JOBS)]
    for job_id in ids:
        await send_hint(place.project.queue, job_id)
    return ids


def _running(server: PostgresServer) -> int:
    [[count]] = server.query("SELECT count(*) FROM attempts WHERE state = 'started'", "jobs")
    return int(str(count))


def _unfinished(server: PostgresServer) -> int:
    [[count]] = server.query("SELECT count(*) FROM jobs WHERE status IN ('pending', 'running')", "jobs")
    return int(str(count))


@pytest.mark.timeout(180)
def test_row_24_jobs_go_through_restarts_of_the_database_and_no_committed_agent_runs_again(
    tmp_path: Path, server: PostgresServer, record_property: Callable[[str, object], None]
) -> None:
    _write(tmp_path, server)
    place = WorkerPlace(tmp_path, processes=WORKERS, options=("--sweep", "1", "--concurrency", "8"))
    place.open()
    begun = time.monotonic()
    try:
        ids = place.do(_submit(place))
        restarts = Counter[str]()
        while _unfinished(server):
            assert time.monotonic() - begun < 150, f"{_unfinished(server)} jobs do not come to an end"
            if _running(server) and restarts.total() < 2 * RESTARTS:
                mode = ("immediate", "fast")[restarts.total() % 2]
                server.restart(mode, down_s=0.2)
                restarts[mode] += 1
            time.sleep(0.5)
        took = time.monotonic() - begun
        assert all(process.poll() is None for process in place.processes), "a worker died"
        snapshots = [place.load(job_id) for job_id in ids]
    finally:
        place.close()

    assert restarts.total() >= RESTARTS
    lines = [json.loads(line) for line in (tmp_path / "ran.log").read_text().splitlines()]
    runs: dict[tuple[str, str], dict[str, float]] = {}
    for line in lines:
        runs.setdefault((line["job"], line["agent"]), {})[line["ran"]] = line["at"]
    for snapshot in snapshots:
        assert snapshot.job.status == "completed", snapshot.job.error_message
        assert sorted(snapshot.results) == sorted(AGENTS), "no result is lost"
        assert snapshot.job.agent_results["d"]["saw"] == ["a", "b", "c"]
        for agent in AGENTS:
            ran = runs[snapshot.job.id, agent]
            attempts = [attempt for attempt in snapshot.attempts if attempt.key.agent == agent]
            [committed] = [attempt for attempt in attempts if attempt.state == "succeeded"]
            assert snapshot.job.agent_results[agent]["ran"] in ran
            assert len(ran) <= len(attempts), "a run without an attempt"
            assert committed.ended_at is not None
            assert all(at <= committed.ended_at for at in ran.values()), f"{agent} ran again after it was committed"
    again = len(lines) - JOBS * len(AGENTS)
    record_property(
        "fact",
        f"restarts: {JOBS} jobs of {len(AGENTS)} agents with {WORKERS} workers completed through {restarts.total()} "
        f"restarts of PostgreSQL with jobs running ({restarts['immediate']} immediate, {restarts['fast']} fast) in "
        f"{took:.0f} s; {again} runs were repeated, none of them committed before",
    )

"""``check_jobs`` prints recent jobs and the sizes of their payloads, ``watch_agents`` what agents do as they do it."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from agent_framework import Job, Project
from agent_framework.types import Attempt, AttemptKey, Snapshot
from backend.data.settings import PROJECT_DIR

from .product import product
from .queued import LOCAL

PAYLOADS = {"report": "reporter", "charts": "charter", "retirement": "retirement", "summary": "planner"}
"""The original's columns (each with ``_payload``), and whose results they are."""
_stage = click.option("--stage", default=LOCAL, show_default=True, help="The stage whose jobs are read.")


@click.command("check_jobs")
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many jobs.")
@click.option("--user", help="Only this user's.")
@_stage
def check_jobs(limit: int, user: str | None, stage: str) -> None:
    """Print recent jobs: times, user, status, and the size of each payload in bytes."""
    jobs = asyncio.run(_recent(limit, user, stage))
    if not jobs:
        click.echo("no jobs; 'python -m backend test_full' makes one")
    for job in jobs:
        click.echo(f"job {job.id}  {job.status.value}  user {job.user_id}  {job.job_type}")
        click.echo(
            f"  created {_time(job.created_at)}  started {_time(job.started_at)}  ended {_time(job.completed_at)}"
        )
        click.echo("  " + "  ".join(f"{name}_payload {_size(job, agent)}" for name, agent in PAYLOADS.items()))
        if job.error_message:
            click.echo(f"  error: {job.error_message}")


async def _recent(limit: int, user: str | None, stage: str) -> list[Job]:
    async with Project.open(PROJECT_DIR, stage=stage) as project:
        return [await project.jobs.get(job.id) for job in await project.db.list_jobs(user, None, limit)]


def _size(job: Job, agent: str) -> str:
    payload = job.agent_results.get(agent)
    return "-" if payload is None else f"{len(json.dumps(payload, ensure_ascii=False).encode()):,}"


def _time(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


@click.command("watch_agents")
@click.option("--once", is_flag=True, help="Print what happened so far, and end.")
@click.option(
    "--jobs", "count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many recent jobs."
)
@_stage
def watch_agents(once: bool, count: int, stage: str) -> None:
    """Print what the agents of recent jobs do, merged by time; on a deployed stage their logs."""
    if stage == LOCAL:
        asyncio.run(_watch(count, once=once))
        return
    product("logs", "--stage", stage, *(() if once else ("--follow",)))


async def _watch(count: int, *, once: bool) -> None:
    shown: set[tuple[AttemptKey, str]] = set()
    async with Project.open(PROJECT_DIR) as project:
        while True:
            jobs = await project.db.list_jobs(None, None, count)
            snapshots = [await project.db.load(job.id) for job in jobs]
            news = sorted(line for snapshot in snapshots if snapshot for line in _news(snapshot, shown))
            for at, text in news:
                click.echo(f"{_time(at)}  {text}")
            if once:
                return
            await asyncio.sleep(1)


def _news(snapshot: Snapshot, shown: set[tuple[AttemptKey, str]]) -> Iterator[tuple[float, str]]:
    """What attempts did that was not shown yet, with its time."""
    for attempt in snapshot.attempts:
        for what, at, text in _moments(attempt):
            if at is not None and (attempt.key, what) not in shown:
                shown.add((attempt.key, what))
                yield at, f"job {attempt.key.job_id}  {attempt.key.agent:<10}  {text}"


def _moments(attempt: Attempt) -> Iterator[tuple[str, float | None, str]]:
    again = f" (attempt {attempt.key.number})" if attempt.key.number > 1 else ""
    yield "started", attempt.started_at, f"started{again}"
    reason = attempt.outcome.error if attempt.outcome else None
    yield "ended", attempt.ended_at, f"{attempt.state.value}{f': {reason}' if reason else ''}"

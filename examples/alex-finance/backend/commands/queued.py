"""Jobs through a stage's queue, worked on by a worker process of their own, or by whoever works there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import click

from agent_framework import Job, JobStatus, Project
from backend.context import valuation_of
from backend.data.settings import PROJECT_DIR, VARIABLE, open_store
from backend.data.store import Store
from backend.payloads import problems

LOCAL = "local"
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs are sent: a stage, whether a worker is started for it, and how long a job may take."""

    stage: str
    worker: bool
    offline: bool
    timeout_s: float


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that make a `Place`."""

    def wrapped(stage: str, worker: bool | None, with_model: bool, timeout: float, **others: Any) -> Any:
        starts = stage == LOCAL if worker is None else worker
        return command(place=Place(stage, starts, not with_model, timeout), **others)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    for option in (
        click.option("--timeout", type=float, default=300, show_default=True, help="Seconds that a job may take."),
        click.option("--with-model", is_flag=True, help="Let the worker call models, instead of working offline."),
        click.option(
            "--worker/--no-worker", default=None, help="Start a worker process.  [default: only for stage local]"
        ),
        click.option("--stage", default=LOCAL, show_default=True, help="The stage whose queue and database are used."),
    ):
        wrapped = option(wrapped)
    return wrapped


def portfolios(place: Place) -> Store:
    """The stage's database of portfolios.

    Raises:
        click.ClickException: nothing names that of a deployed stage.
    """
    if place.stage != LOCAL and not os.environ.get(VARIABLE):
        raise click.ClickException(
            f"{VARIABLE} has to name the database that the functions of stage {place.stage} read, in the environment "
            "or in .env: without it the trial would look at a file of this folder"
        )
    return open_store()


@asynccontextmanager
async def working(place: Place) -> AsyncIterator[Project]:
    """The project, with somebody at work on its queue."""
    with _worker(place) if place.worker else _somebody_else():
        async with Project.open(PROJECT_DIR, stage=place.stage) as project:
            yield project


@contextmanager
def _worker(place: Place) -> Iterator[None]:
    """A worker process, stopped at the end; it finishes what it works on."""
    log = PROJECT_DIR / ".agent-framework" / "worker.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "agent_framework.cli.main", "worker", "--project", str(PROJECT_DIR)]
    command += ["--stage", place.stage, "--sweep", "1", *(["--offline"] if place.offline else [])]
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        click.echo(f"worker {process.pid} works on stage {place.stage}, its log is {log}")
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _somebody_else() -> Iterator[None]:
    yield


async def run_job(project: Project, place: Place, user_id: str, job_type: str = "portfolio_analysis") -> Job:
    """Send a job through the queue, and wait for its end.

    Raises:
        click.ClickException: it takes longer than it may.
    """
    job_id = await project.submit({}, user_id=user_id, job_type=job_type)
    try:
        async with asyncio.timeout(place.timeout_s):
            return await project.wait_for(job_id, poll_s=POLL_S)
    except TimeoutError as exc:
        raise click.ClickException(
            f"job {job_id} has not come to an end in {place.timeout_s:g} s; does a worker work on stage "
            f"{place.stage}? 'python -m backend check_jobs --stage {place.stage}' shows the job"
        ) from exc


def wrong_with(job: Job) -> list[str]:
    """What is wrong with a job's end and its payloads; nothing, if it is as it should be."""
    if job.status is not JobStatus.COMPLETED:
        return [f"the job is {job.status.value}: {job.error_message}"]
    valuation = valuation_of(job, open_store())
    found = ((agent, problem) for agent, payload in job.agent_results.items()
             for problem in problems(agent, payload, valuation))  # fmt: skip
    return [f"{agent}: {problem}" for agent, problem in found]


def verdict(wrong: Sequence[str]) -> bool:
    """Print what is wrong, if anything; whether nothing is."""
    for problem in wrong:
        click.echo(f"❌ {problem}")
    return not wrong

"""``submit`` and ``worker``: jobs through the stage's queue, worked on by any number of processes."""

import asyncio
import gc
import signal
from pathlib import Path

import click

from agent_framework.cli.console import OFFLINE_NOTICE, print_json, short
from agent_framework.cli.options import (
    input_options,
    json_option,
    model_choice,
    model_options,
    project_option,
    read_input,
    stage_option,
)
from agent_framework.core.progress import AttemptEnded, Decided, Progress
from agent_framework.core.runtime import Project
from agent_framework.core.worker import DRAIN_S


@click.command(
    epilog="""\b
Examples:
  agent-framework submit --input input.json
  agent-framework submit --stage dev --input input.json --key order-1234"""
)
@project_option
@input_options
@stage_option
@click.option("--user", default="local", show_default=True, help="Whose job it is.")
@click.option("--key", "client_key", help="An idempotency key: the same key and input give the same job.")
@json_option
def submit(
    project: Path,
    input_file: str | None,
    values: tuple[str, ...],
    files: tuple[str, ...],
    stage: str,
    user: str,
    client_key: str | None,
    as_json: bool,
) -> None:
    """Store a job and tell the stage's workers; does not wait for it."""
    job_input = read_input(input_file, values, files)

    async def work() -> str:
        async with Project.open(project, stage=stage) as opened:
            return await opened.submit(job_input, user_id=user, client_key=client_key)

    job_id = asyncio.run(work())
    if as_json:
        print_json({"job_id": job_id})
        return
    folder = "" if project == Path() else f" --project {project}"
    click.echo(f"job {click.style(job_id, bold=True)} is stored")
    click.echo(f"next: agent-framework jobs show {job_id} --stage {stage}{folder}")


@click.command(
    epilog="""\b
Examples:
  agent-framework worker --stage dev
  agent-framework worker --stage dev --concurrency 4 --sweep 10"""
)
@project_option
@stage_option
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=10, show_default=True, help="Messages worked on at once."
)
@click.option(
    "--sweep", type=click.FloatRange(0.1, 3600), default=5.0, show_default=True, help="Seconds between two sweeps."
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 900),
    default=DRAIN_S,
    show_default=True,
    help="Seconds that running agents get to finish when the worker is stopped.",
)
@model_options
def worker(
    project: Path,
    stage: str,
    concurrency: int,
    sweep: float,
    drain: float,
    offline: bool,
    record: Path | None,
    replay: Path | None,
) -> None:
    """Work on jobs of a stage until stopped: decide, run agents, sweep.

    Start as many as you like. SIGTERM or Ctrl-C: what runs is finished, or handed back to the others.
    """
    opened = Project.open(project, stage=stage, models=model_choice(offline, record, replay), listener=_print_progress)

    async def work() -> None:
        async with opened:
            working = opened.worker(concurrency=concurrency, sweep_s=sweep, drain_s=drain)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, working.stop)
            _announce(opened, stage)
            gc.freeze()  # all that stays for the process's life is not looked through again
            await working.run()
            click.echo("stopped")

    asyncio.run(work())


def _announce(project: Project, stage: str) -> None:
    names = f"database {project.db.name}, queue {project.queue.name}, storage {project.storage.name}"
    click.echo(f"worker of {project.config.project.name}, stage {stage}: {names}")
    if project.models.choice.offline:
        click.echo(f"  {OFFLINE_NOTICE}")


def _print_progress(progress: Progress) -> None:
    if isinstance(progress, AttemptEnded):
        outcome = progress.outcome
        seconds = (outcome.execution_time_ms or 0) / 1000
        word = outcome.state.value if progress.stored else f"{outcome.state.value}, but too late"
        reason = f"  {short(outcome.error, 200)}" if outcome.error else ""
        click.echo(f"job {progress.key.job_id}  {progress.key.agent}  {word}  {seconds:.2f} s{reason}")
    elif isinstance(progress, Decided) and progress.status.is_final:
        click.echo(f"job {progress.job_id}  {progress.status.value}")

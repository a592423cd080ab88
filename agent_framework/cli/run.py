"""``run`` and ``test``: a whole job, or one agent, in this process."""

import asyncio
from pathlib import Path

import click

from agent_framework.cli.console import OFFLINE_NOTICE, file_paths, print_json, short, usage_text
from agent_framework.cli.live import LiveLines
from agent_framework.cli.options import (
    input_options,
    json_option,
    model_choice,
    model_options,
    project_option,
    read_input,
    stage_option,
)
from agent_framework.core.progress import ignore
from agent_framework.core.runtime import Project
from agent_framework.core.trace import total_usage, trace
from agent_framework.errors import ProjectError
from agent_framework.infrastructure.llm.base import OFFLINE
from agent_framework.types import Job, JobStatus, JSONDict, Snapshot


@click.command(
    epilog="""\b
Examples:
  agent-framework run --input input.json --offline
  agent-framework run --input input.json --set priority=high --file csv=sales.csv
  agent-framework run --resume 3f0c1b7e-..."""
)
@project_option
@input_options
@stage_option
@model_options
@click.option("--resume", metavar="JOB", help="Carry on a job that was interrupted, instead of starting one.")
@click.option("--user", default="local", show_default=True, help="Whose job it is.")
@click.option("--key", "client_key", help="An idempotency key: the same key and input give the same job.")
@click.option("--full", is_flag=True, help="Print whole results instead of their beginnings.")
@json_option
def run(
    project: Path,
    input_file: str | None,
    values: tuple[str, ...],
    files: tuple[str, ...],
    stage: str,
    offline: bool,
    record: Path | None,
    replay: Path | None,
    resume: str | None,
    user: str,
    client_key: str | None,
    full: bool,
    as_json: bool,
) -> int:
    """Run a job: choose agents by the input, run them, store every result.

    The job is stored before anything starts, so it survives a crash: the command to carry it on is printed.
    """
    if resume is not None and (input_file or values or files or client_key):
        raise click.UsageError("--resume carries on a stored job; its input, and key, are stored with it")
    models = model_choice(offline, record, replay)
    job_input = read_input(input_file, values, files)
    opened = Project.open(project, stage=stage, models=models, listener=ignore if as_json else LiveLines())

    async def work() -> int:
        async with opened:
            if resume is None:
                opened.models.check()
                job_id = await opened.jobs.submit(job_input, user_id=user, client_key=client_key)
            else:
                job_id = (await opened.jobs.get(resume)).id
            if not as_json:
                _announce(opened, job_id, project)
            job = await opened.orchestrator.drive(job_id)
            snapshot = await opened.db.load(job_id)
            assert snapshot is not None
            report = _as_dict(job, snapshot, opened)
            if as_json:
                print_json(report)
            else:
                _print_report(job, snapshot, report, full=full, project=project)
            return 0 if job.status is JobStatus.COMPLETED else 1

    return asyncio.run(work())


@click.command(
    epilog="""\b
Examples:
  agent-framework test writer --input input.json --offline
  agent-framework test writer --set topic=tea --result researcher=research.json"""
)
@click.argument("name")
@project_option
@input_options
@click.option(
    "--result",
    "results",
    multiple=True,
    metavar="AGENT=FILE",
    help="Suppose that another agent's result is what this JSON file holds. Repeatable.",
)
@stage_option
@model_options
@json_option
def test(
    name: str,
    project: Path,
    input_file: str | None,
    values: tuple[str, ...],
    files: tuple[str, ...],
    results: tuple[str, ...],
    stage: str,
    offline: bool,
    record: Path | None,
    replay: Path | None,
    as_json: bool,
) -> int:
    """Run one agent alone and print its result."""
    job_input = read_input(input_file, values, files)
    supposed = {key: read_input(file) for key, _, file in (result.partition("=") for result in results)}
    opened = Project.open(project, stage=stage, models=model_choice(offline, record, replay))
    if opened.registry.get_agent(name) is None:
        known = ", ".join(opened.registry.list_agents()) or "none"
        raise ProjectError(f"there is no agent {name!r} in {opened.dir}; declared: {known}")

    async def work() -> int:
        async with opened:
            job_id = await opened.jobs.submit(job_input, job_type="test")
            for agent, output in supposed.items():
                await opened.db.store_agent_output(job_id, agent, output)
            try:
                output, usage, elapsed_ms = await opened.steps.invoke_measured(job_id, name)
            except BaseException:
                await opened.jobs.fail_job(job_id, f"test of {name} failed")
                raise
            await opened.jobs.start_job(job_id)
            await opened.jobs.complete_job(job_id)
            if as_json:
                print_json({"agent": name, "result": output, "usage": usage.to_dict(), "models": _model_names(opened)})
                return 0
            if _model_names(opened) == [OFFLINE]:
                click.echo(OFFLINE_NOTICE)
            click.echo(f"{name}  {click.style('ok', fg='green')}  {elapsed_ms / 1000:.2f} s  {usage_text(usage)}")
            print_json(output)
            return 0

    return asyncio.run(work())


def _model_names(project: Project) -> list[str]:
    """The models in use; ``offline`` says that none is called."""
    if project.models.choice.offline:
        return [OFFLINE]
    return sorted({spec.full_name for spec in project.models.used().values()})


def _announce(project: Project, job_id: str, path: Path) -> None:
    folder = "" if path == Path() else f" --project {path}"
    click.echo(f"job {click.style(job_id, bold=True)} of {project.config.project.name}")
    names = _model_names(project)
    shown = OFFLINE_NOTICE if names == [OFFLINE] else f"models: {', '.join(names) or 'none of its agents uses one'}"
    click.echo(f"  {shown}")
    mode = " --offline" if project.models.choice.offline else ""
    click.echo(f"  if it is interrupted: agent-framework run{folder}{mode} --resume {job_id}")


def _as_dict(job: Job, snapshot: Snapshot, project: Project) -> JSONDict:
    return {
        "job_id": job.id,
        "status": job.status.value,
        "error": job.error_message,
        "models": _model_names(project),
        "results": job.agent_results,
        "usage": total_usage(snapshot).to_dict(),
        "trace": trace(snapshot),
    }


def _print_report(job: Job, snapshot: Snapshot, report: JSONDict, *, full: bool, project: Path) -> None:
    if job.agent_results:
        click.echo(click.style("\nresults", bold=True))
    for agent, output in job.agent_results.items():
        click.echo(f"  {click.style(agent, bold=True)}")
        _print_output(output, full=full)
    paths = sorted(set(file_paths(job.agent_results)))
    if paths:
        click.echo(click.style("\nfiles", bold=True))
        for path in paths:
            click.echo(f"  {path}")
    done = job.status is JobStatus.COMPLETED
    seconds = (job.completed_at or 0) - (job.started_at or 0)
    status = click.style(job.status.value, fg="green" if done else "red", bold=True)
    click.echo(f"\njob {job.id} {status} in {seconds:.1f} s, {usage_text(total_usage(snapshot))}")
    if job.error_message:
        click.echo(f"  {job.error_message}")
    folder = "" if project == Path() else f" --project {project}"
    if job.status in (JobStatus.FAILED, JobStatus.NEEDS_REVIEW):
        click.echo(f"next: agent-framework jobs retry {job.id}{folder}   (completed agents are kept)")
    else:
        click.echo(f"next: agent-framework jobs show {job.id}{folder}")


def _print_output(output: JSONDict, *, full: bool) -> None:
    if full:
        print_json(output)
        return
    for key, value in output.items():
        click.echo(f"    {key}: {short(value, 160)}")

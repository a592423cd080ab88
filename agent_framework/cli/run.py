"""``run`` and ``test``: a whole job, in this process or on the stage that was deployed, or one agent."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import click

from agent_framework.cli.console import (
    OFFLINE_NOTICE,
    file_paths,
    print_json,
    remedy_lines,
    short,
    usage_text,
    waiting_lines,
)
from agent_framework.cli.live import LiveLines
from agent_framework.cli.options import (
    deployed_from,
    input_options,
    json_option,
    model_choice,
    model_options,
    project_option,
    read_input,
    stage_option,
    where,
)
from agent_framework.core.failure_report import failed_agents, failure_report, reported
from agent_framework.core.follow import follow
from agent_framework.core.models import ModelChoice
from agent_framework.core.progress import ignore
from agent_framework.core.runtime import Project
from agent_framework.core.trace import total_usage, trace
from agent_framework.core.worker import send_hint
from agent_framework.errors import ProjectError
from agent_framework.infrastructure.llm.base import OFFLINE
from agent_framework.types import JobStatus, JSONDict, Snapshot

_EXIT_CODES = {JobStatus.COMPLETED: 0, JobStatus.WAITING_FOR_APPROVAL: 3}
"""1 for whatever else a job comes to."""


@click.command(
    epilog="""\b
Examples:
  agent-framework run --input input.json --offline
  agent-framework run --input input.json --set priority=high --file csv=sales.csv
  agent-framework run --resume 3f0c1b7e-...
  agent-framework run --stage dev --input input.json"""
)
@project_option
@input_options
@stage_option
@model_options
@click.option("--resume", metavar="JOB", help="Carry on a job that was interrupted, instead of starting one.")
@click.option("--user", default="local", show_default=True, help="Whose job it is.")
@click.option("--key", "client_key", help="An idempotency key: the same key and input give the same job.")
@click.option("--here", is_flag=True, help="Run the agents in this process although the stage is deployed on AWS.")
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
    here: bool,
    full: bool,
    as_json: bool,
) -> int:
    """Run a job: choose agents by the input, run them, store every result.

    The job is stored before anything starts, so it survives a crash: the command to carry it on is printed. Where the
    stage was deployed from this folder, the job runs there, and is followed from here until it rests.

    Exit code 0: completed, 3: it waits for an approval, 1: anything else.
    """
    if resume is not None and (input_file or values or files or client_key):
        raise click.UsageError("--resume carries on a stored job; its input, and key, are stored with it")
    models = model_choice(offline, record, replay)
    remote = not here and deployed_from(project, stage) is not None
    if remote and models != ModelChoice():
        raise click.UsageError(f"stage {stage} is deployed: --offline, --record and --replay need --here")
    job_input = read_input(input_file, values, files)
    listener = ignore if as_json else LiveLines()
    opened = Project.open(project, stage=stage, models=models, listener=listener)

    async def store() -> str:
        if resume is not None:
            return (await opened.jobs.get(resume)).id
        if not remote:
            opened.models.check()
        return await opened.jobs.submit(job_input, user_id=user, client_key=client_key)

    async def work() -> int:
        async with opened:
            job_id = await store()
            if not as_json:
                _announce(opened, job_id, project, remote=remote)
            if remote:
                await send_hint(opened.queue, job_id)
                snapshot = await follow(opened.db, job_id, listener=listener)
            else:
                await opened.orchestrator.drive(job_id)
                snapshot = await opened.db.load(job_id)
            assert snapshot is not None
            if as_json:
                print_json(await _as_dict(snapshot, opened))
            else:
                await _print_report(snapshot, opened, full=full, place=where(project, stage))
            return _EXIT_CODES.get(snapshot.job.status, 1)

    return _interruptible(work, where(project, stage)) if remote else asyncio.run(work())


def _interruptible(work: Callable[[], Coroutine[None, None, int]], place: str) -> int:
    """Run ``work``, which only watches: Ctrl-C ends the watching, not the job."""
    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        click.echo(
            f"\nno longer followed; the job goes on. Look at it with: agent-framework jobs list{place}", err=True
        )
        raise


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


def _announce(project: Project, job_id: str, path: Path, *, remote: bool) -> None:
    place = where(path, project.loader.stage)
    click.echo(f"job {click.style(job_id, bold=True)} of {project.config.project.name}")
    if remote:
        click.echo(f"  runs on stage {project.loader.stage}; Ctrl-C stops following, not the job")
        click.echo(f"  to look at it later: agent-framework jobs show {job_id}{place}")
        return
    names = _model_names(project)
    shown = OFFLINE_NOTICE if names == [OFFLINE] else f"models: {', '.join(names) or 'none of its agents uses one'}"
    click.echo(f"  {shown}")
    mode = " --offline" if project.models.choice.offline else ""
    click.echo(f"  if it is interrupted: agent-framework run{place}{mode} --resume {job_id}")


async def _as_dict(snapshot: Snapshot, project: Project) -> JSONDict:
    job = snapshot.job
    return {
        "job_id": job.id,
        "status": job.status.value,
        "session_id": project.session_of(job),
        "error": job.error_message,
        "models": _model_names(project),
        "results": job.agent_results,
        "usage": total_usage(snapshot).to_dict(),
        "waits_for": [a.to_dict() for a in await project.approvals.of_job(job.id) if a.is_pending],
        "trace": trace(snapshot),
        **reported(snapshot),
    }


def _about(snapshot: Snapshot, project: Project) -> Iterator[str]:
    """Why a job failed and what to mend, and the session it belongs to."""
    job, report = snapshot.job, failure_report(snapshot)
    if job.error_message:
        yield job.error_message
    if report is not None:
        yield from remedy_lines(report)
    else:
        for agent, reason in failed_agents(snapshot).items():
            yield f"it went on without {agent}: {short(reason, 160)}"
    session_id = project.session_of(job)
    if session_id is not None:
        yield f"session {session_id}; to go on with it: --set session_id={session_id} --user {job.user_id}"


async def _print_report(snapshot: Snapshot, project: Project, *, full: bool, place: str) -> None:
    job = snapshot.job
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
    colour = _COLOURS.get(job.status, "red")
    seconds = (job.completed_at or snapshot.now) - (job.started_at or snapshot.now)
    status = click.style(job.status.value, fg=colour, bold=True)
    click.echo(f"\njob {job.id} {status} in {seconds:.1f} s, {usage_text(total_usage(snapshot))}")
    for line in _about(snapshot, project):
        click.echo(f"  {line}")
    waits = await project.approvals.of_job(job.id)
    for line in waiting_lines(waits, place):
        click.echo(line)
    if waits:
        return
    if job.status is JobStatus.FAILED:
        click.echo(f"next: agent-framework jobs retry {job.id}{place}   (completed agents are kept)")
    else:
        click.echo(f"next: agent-framework jobs show {job.id}{place}")


_COLOURS = {JobStatus.COMPLETED: "green", JobStatus.WAITING_FOR_APPROVAL: "yellow"}


def _print_output(output: JSONDict, *, full: bool) -> None:
    if full:
        print_json(output)
        return
    for key, value in output.items():
        click.echo(f"    {key}: {short(value, 160)}")

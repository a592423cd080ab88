"""``jobs``: list, show, cancel, retry and resolve stored jobs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.markup import escape

from agent_framework.cli.console import (
    console,
    print_json,
    remedy_lines,
    short,
    table,
    time_text,
    usage_text,
    waiting_lines,
)
from agent_framework.cli.options import json_option, login_name, project_option, stage_option, where
from agent_framework.core.approval import Approval
from agent_framework.core.effect_review import Effect
from agent_framework.core.failure_report import failure_report, reported
from agent_framework.core.runtime import Project
from agent_framework.core.state import describe_values
from agent_framework.core.trace import job_cache, total_usage, trace
from agent_framework.core.worker import send_hint
from agent_framework.errors import JobNotFoundError
from agent_framework.types import Job, JobStatus, JSONDict, Snapshot

T = TypeVar("T")


@click.group()
def jobs() -> None:
    """List, show, cancel, retry and resolve jobs."""


def _with_project(project: Path, stage: str, work: Callable[[Project], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Project.open(project, stage=stage) as opened:
            return await work(opened)

    return asyncio.run(run())


@jobs.command("list")
@project_option
@stage_option
@click.option("--status", type=click.Choice([status.value for status in JobStatus]), help="Only jobs of this status.")
@click.option("--user", help="Only this user's jobs.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--after", metavar="JOB", help="Start behind this job: the next page.")
@json_option
def list_jobs(
    project: Path, stage: str, status: str | None, user: str | None, limit: int, after: str | None, as_json: bool
) -> None:
    """Jobs, newest first."""
    wanted = JobStatus(status) if status else None
    found = _with_project(project, stage, lambda opened: opened.db.list_jobs(user, wanted, limit, after=after))
    if as_json:
        print_json([_summary(job) for job in found])
        return
    if not found:
        click.echo("no jobs; start one with: agent-framework run --input input.json")
        return
    rows = table("job", "status", "user", "type", "created (UTC)", "error")
    for column in (0, 1, 4):
        rows.columns[column].no_wrap = True
    for job in found:
        error = escape(short(job.error_message or "", 60))
        rows.add_row(
            job.id, job.status.value, escape(job.user_id), escape(job.job_type), time_text(job.created_at), error
        )
    console().print(rows)
    if len(found) == limit:
        click.echo(f"next page: agent-framework jobs list --after {found[-1].id}")


@jobs.command()
@click.argument("job_id", metavar="JOB")
@project_option
@stage_option
@json_option
def show(job_id: str, project: Path, stage: str, as_json: bool) -> None:
    """One job: why each agent ran, how it came out, what it cost."""

    async def work(opened: Project) -> tuple[Snapshot, Sequence[Approval], Sequence[Effect]]:
        snapshot = await opened.db.load(job_id)
        if snapshot is None:
            raise JobNotFoundError(job_id)
        return snapshot, await opened.approvals.of_job(job_id), await opened.effects.list(job_id)

    snapshot, waits, writes = _with_project(project, stage, work)
    if as_json:
        print_json(
            {
                **_summary(snapshot.job),
                "input": snapshot.job.request_payload,
                "results": snapshot.job.agent_results,
                "usage": total_usage(snapshot).to_dict(),
                "waits_for": [approval.to_dict() for approval in waits if approval.is_pending],
                "writes": [effect.to_dict() for effect in writes],
                "trace": trace(snapshot),
                "cache": job_cache(snapshot),
                **reported(snapshot),
            }
        )
        return
    _print(snapshot)
    place = where(project, stage)
    for line in (*waiting_lines(waits, place), *_unsettled_lines(writes, job_id, place)):
        click.echo(line)


@jobs.command()
@click.argument("job_id", metavar="JOB")
@project_option
@stage_option
def cancel(job_id: str, project: Path, stage: str) -> None:
    """Cancel a job: nothing of it starts any more, outcomes that still come are refused."""

    async def work(opened: Project) -> JobStatus:
        await opened.jobs.cancel(job_id)
        await opened.orchestrator.advance(job_id)
        return (await opened.jobs.get(job_id)).status

    status = _with_project(project, stage, work)
    click.echo(f"job {job_id} is {status.value}" if status.is_final else f"job {job_id} will be cancelled")


@jobs.command()
@click.argument("job_id", metavar="JOB")
@project_option
@stage_option
def retry(job_id: str, project: Path, stage: str) -> None:
    """Start a new run of a job that failed or needs review; completed agents are kept."""
    job = _with_project(project, stage, lambda opened: opened.jobs.retry(job_id))
    click.echo(f"job {job_id} is pending again, run {job.run}")
    click.echo(f"next: agent-framework run{where(project, stage)} --resume {job_id}")


@jobs.command()
@click.argument("job_id", metavar="JOB")
@click.option("--effect", required=True, metavar="ID", help="The write, as 'jobs show' names it.")
@click.option("--done/--not-done", "done", default=None, help="Whether the write took effect.  [required]")
@click.option("--result", metavar="TEXT", help="With --done: what the model is told that the tool answered.")
@click.option("--by", default=None, show_default="your login name", help="Who has looked, for the record.")
@project_option
@stage_option
def resolve(
    job_id: str, effect: str, done: bool | None, result: str | None, by: str | None, project: Path, stage: str
) -> None:
    """Settle a write of a job that needs review: did it take effect? After the last one the job is pending again.

    A write that is done is not made any more; one that is not done is made by the next attempt.
    """
    if done is None:
        raise click.UsageError("say --done or --not-done: whether the write took effect")
    if result is not None and not done:
        raise click.UsageError("--result goes with --done")

    async def work(opened: Project) -> tuple[Effect, bool]:
        settled, again = await opened.effects.resolve(
            job_id, effect, done=done, by=login_name() if by is None else by, result=result
        )
        if again:
            await send_hint(opened.queue, job_id)
        return settled, again

    settled, again = _with_project(project, stage, work)
    click.echo(f"{settled.tool}({settled.arguments}) is {'done' if done else 'not done'}")
    if again:
        click.echo(f"job {job_id} is pending again")
        click.echo(f"next: agent-framework run{where(project, stage)} --resume {job_id}   (unless a worker runs)")
    else:
        click.echo(f"next: agent-framework jobs show {job_id}{where(project, stage)}   (more writes are unsettled)")


def _unsettled_lines(writes: Sequence[Effect], job_id: str, place: str) -> Iterator[str]:
    for effect in writes:
        if effect.is_unsettled:
            asked = f", asked for with {effect.asked}" if effect.asked else ""
            yield f"unsettled: {effect.tool}({effect.arguments}) of agent {effect.agent}{asked}"
            yield f"next: agent-framework jobs resolve {job_id}{place} --effect {effect.id} --done (or --not-done)"


def _summary(job: Job) -> JSONDict:
    return {
        "job_id": job.id,
        "status": job.status.value,
        "user": job.user_id,
        "type": job.job_type,
        "run": job.run,
        "error": job.error_message,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
    }


def _print(snapshot: Snapshot) -> None:
    job = snapshot.job
    click.echo(f"job {click.style(job.id, bold=True)}  {job.status.value}  user {job.user_id}  run {job.run}")
    click.echo(f"  created {time_text(job.created_at)} UTC, ended {time_text(job.completed_at) or '-'}")
    click.echo(f"  input {short(job.request_payload, 200)}")
    if job.error_message:
        click.echo(click.style(f"  {job.error_message}", fg="red"))
    for entry in trace(snapshot):
        _print_entry(entry)
    click.echo(f"  {usage_text(total_usage(snapshot))}")
    for agent, output in job.agent_results.items():
        click.echo(f"  {click.style(agent, bold=True)}: {short(output, 400)}")
    report = failure_report(snapshot)
    if report is not None:
        for line in remedy_lines(report):
            click.echo(f"  {line}")


def _print_entry(entry: JSONDict) -> None:
    prefix = f"  {entry['seq']:>3} "
    if entry["kind"] == "rule":
        branch = {"agents": "holds", "else": "does not hold, else"}.get(entry["branch"], "does not hold")
        click.echo(f"{prefix}rule {entry['rule']}: {entry['condition']} {branch} ({describe_values(entry)})")
    elif entry["kind"] == "step":
        click.echo(
            f"{prefix}{entry['type']}: {', '.join(map(_outcome, entry['outcomes'].items())) or 'nothing to run'}"
        )
        for agent, reason in entry["skipped"].items():
            click.echo(f"      {agent}: {reason.replace('_', ' ')}")
    elif entry["kind"] == "finished":
        click.echo(f"{prefix}{entry['status']}{': ' + entry['reason'] if entry['reason'] else ''}")
    else:
        click.echo(f"{prefix}{entry['kind']}{_words(entry)}")


def _words(entry: JSONDict) -> str:
    if entry["kind"] == "approval":
        what = entry["tool"] or f"start of {entry['agent']}"
        why = f": {entry['reason']}" if entry["reason"] else ""
        return f": {what} {entry['decision']} by {entry['by']}{why}"
    return f": {', '.join(entry['agents'])} for approval" if entry["kind"] == "waiting" else ""


def _outcome(item: tuple[str, dict[str, Any]]) -> str:
    agent, outcome = item
    parts = [outcome["state"]]
    if "seconds" in outcome:
        parts.append(f"{outcome['seconds']:.2f} s")
    if outcome["attempts"] > 1:
        parts.append(f"{outcome['attempts']} attempts")
    if "produced_by" in outcome:
        parts.append(f"by {outcome['produced_by']}")
    if outcome.get("cached"):
        parts.append("from the cache")
    if "without" in outcome:
        parts.append(f"without {short('; '.join(outcome['without']), 120)}")
    if "reason" in outcome:
        parts.append(short(outcome["reason"], 120))
    return f"{agent} ({', '.join(parts)})"

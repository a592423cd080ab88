"""``approvals``: what waits for a person, and deciding about it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from agent_framework.cli.console import print_json, time_text
from agent_framework.cli.options import deployed_from, json_option, login_name, project_option, stage_option, where
from agent_framework.core.approval import Approval
from agent_framework.core.approval_server import ApprovalServer
from agent_framework.core.runtime import Project
from agent_framework.core.worker import send_hint

T = TypeVar("T")
_LOOK_S = 2.0


@click.group()
def approvals() -> None:
    """List, show, approve and reject what waits for a person."""


def _with_project(project: Path, stage: str, work: Callable[[Project], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Project.open(project, stage=stage) as opened:
            return await work(opened)

    return asyncio.run(run())


@approvals.command("list")
@project_option
@stage_option
@click.option("--all", "everything", is_flag=True, help="Also what is decided or expired.")
@click.option("--user", help="Only of this user's jobs.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@click.option("--after", metavar="APPROVAL", help="The ones behind this one: the last of the page before.")
@json_option
def list_approvals(
    project: Path, stage: str, everything: bool, user: str | None, limit: int, after: str | None, as_json: bool
) -> None:
    """What waits for a person, newest first."""
    some = _with_project(
        project,
        stage,
        lambda opened: opened.approvals.list(pending=not everything, user_id=user, limit=limit + 1, after=after),
    )
    found = some[:limit]
    if as_json:
        print_json([approval.to_dict() for approval in found])
        return
    if not found:
        click.echo("nothing waits for approval" if after is None else "there are no more")
        return
    for item in found:
        state = "" if item.is_pending else f"  {item.state.value}"
        click.echo(f"{click.style(item.id, bold=True)}  {item.subject}{state}")
        click.echo(f"  job {item.job_id}, user {item.user_id}, until {time_text(item.expires_at)} UTC")
    place = where(project, stage)
    click.echo(f"next: agent-framework approvals show {found[0].id}{place}")
    if len(some) > limit:
        flags = f"{' --all' if everything else ''}{f' --user {user}' if user else ''} --limit {limit}"
        click.echo(f"next page: agent-framework approvals list{flags} --after {found[-1].id}{place}")


@approvals.command()
@click.argument("approval_id", metavar="APPROVAL")
@project_option
@stage_option
@json_option
def show(approval_id: str, project: Path, stage: str, as_json: bool) -> None:
    """One question: exactly what would be allowed, what it would do, and what was done about it."""

    async def work(opened: Project) -> tuple[Approval, list[dict[str, object]]]:
        return await opened.approvals.get(approval_id), list(await opened.approvals.history(approval_id))

    approval, history = _with_project(project, stage, work)
    if as_json:
        print_json({**approval.to_dict(), "history": history})
        return
    click.echo(f"approval {click.style(approval.id, bold=True)}  {approval.state.value}  {approval.subject}")
    click.echo(f"  job {approval.job_id}  user {approval.user_id}")
    click.echo(f"  asked {time_text(approval.created_at)} UTC, expires {time_text(approval.expires_at)} UTC")
    if approval.tool is not None:
        click.echo(f"  arguments {_indented(approval.arguments)}")
    if approval.preview is not None:
        click.echo(f"  preview {_indented(approval.preview)}")
    for record in history:
        refused = f"refused: {record['refused']}" if record["refused"] else "done"
        reason = f" ({record['reason']})" if record.get("reason") else ""
        click.echo(f"  {time_text(float(str(record['at'])))} {record['action']} by {record['by']}{reason}: {refused}")
    if approval.is_pending:
        place = where(project, stage)
        click.echo(f"next: agent-framework approvals approve {approval.id}{place}")
        click.echo(f'      agent-framework approvals reject {approval.id}{place} --reason "..."')


by_option = click.option("--by", default=None, show_default="your login name", help="Who decides, for the record.")


@approvals.command()
@click.argument("approval_id", metavar="APPROVAL")
@project_option
@stage_option
@by_option
@click.option("--reason", help="Why; kept with the decision.")
@click.option("--shown", metavar="HASH", help="Only if the arguments still have this arguments_hash (see show --json).")
@json_option
def approve(
    approval_id: str,
    project: Path,
    stage: str,
    by: str | None,
    reason: str | None,
    shown: str | None,
    as_json: bool,
) -> None:
    """Allow it, once, with exactly the arguments that 'approvals show' shows."""

    async def work(opened: Project) -> Approval:
        decided = await opened.approvals.approve(
            approval_id, by=login_name() if by is None else by, reason=reason, shown=shown
        )
        await send_hint(opened.queue, decided.job_id)
        return decided

    _tell(_with_project(project, stage, work), project, stage, as_json=as_json)


@approvals.command()
@click.argument("approval_id", metavar="APPROVAL")
@project_option
@stage_option
@by_option
@click.option("--reason", required=True, help="Why; the model is told.")
@json_option
def reject(approval_id: str, project: Path, stage: str, by: str | None, reason: str, as_json: bool) -> None:
    """Refuse it; the model is told the reason, and the job goes on without it."""

    async def work(opened: Project) -> Approval:
        decided = await opened.approvals.reject(approval_id, by=login_name() if by is None else by, reason=reason)
        await send_hint(opened.queue, decided.job_id)
        return decided

    _tell(_with_project(project, stage, work), project, stage, as_json=as_json)


@approvals.command()
@project_option
@stage_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; 0 takes a free one.")
def serve(project: Path, stage: str, port: int) -> None:
    """Pages on this machine for what waits, each behind a link that only this command prints. Ctrl-C ends it."""

    async def work(opened: Project) -> None:
        server = ApprovalServer(opened.approvals, port=port, decided=lambda job_id: send_hint(opened.queue, job_id))
        click.echo(f"approvals of {opened.config.project.name}, stage {stage}, at {server.url}; Ctrl-C ends it")
        try:
            while True:
                for approval, link in await server.new_links():
                    click.echo(f"{approval.subject}, job {approval.job_id}\n  {link}")
                await asyncio.sleep(_LOOK_S)
        finally:
            await server.close()

    _with_project(project, stage, work)


def _tell(decided: Approval, project: Path, stage: str, *, as_json: bool) -> None:
    if as_json:
        print_json(decided.to_dict())
        return
    click.echo(f"{decided.subject} is {decided.state.value}")
    place = where(project, stage)
    if deployed_from(project, stage) is not None:
        click.echo(f"next: agent-framework jobs show {decided.job_id}{place}")
        return
    click.echo(f"next: agent-framework run{place} --resume {decided.job_id}   (unless a worker runs)")


def _indented(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str).replace("\n", "\n  ")

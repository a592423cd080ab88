"""``sessions``: the conversations that agents remember."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.markup import escape

from agent_framework.cli.console import console, print_json, short, table, time_text
from agent_framework.cli.options import json_option, project_option, stage_option
from agent_framework.core.runtime import Project
from agent_framework.core.session_state import SessionInfo
from agent_framework.types import JSONDict

T = TypeVar("T")
_user_option = click.option("--user", default="local", show_default=True, help="Whose session it is.")


@click.group()
def sessions() -> None:
    """Begin, list, show and clear the conversations that agents with a 'session' remember."""


def _with_project(project: Path, stage: str, work: Callable[[Project], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Project.open(project, stage=stage) as opened:
            return await work(opened)

    return asyncio.run(run())


@sessions.command()
@click.option("--id", "session_id", help="Its id, unique for the user.  [default: a random one]")
@click.option(
    "--ttl", type=click.FloatRange(1, 31_622_400), default=86_400, show_default=True, help="Seconds it lives."
)
@_user_option
@project_option
@stage_option
@json_option
def start(session_id: str | None, ttl: float, user: str, project: Path, stage: str, as_json: bool) -> None:
    """Begin a session; a job without session_id begins one of its own."""
    info = _with_project(project, stage, lambda opened: opened.sessions.start(user, session_id, ttl_s=ttl))
    if as_json:
        print_json(_shown(info))
        return
    click.echo(info.session_id)
    click.echo(f"next: agent-framework run --set session_id={info.session_id} --user {user}", err=True)


@sessions.command("list")
@click.option("--user", help="Only this user's sessions.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@project_option
@stage_option
@json_option
def list_sessions(user: str | None, limit: int, project: Path, stage: str, as_json: bool) -> None:
    """Sessions, the newest use first; those that expired within the last week too."""
    found = _with_project(project, stage, lambda opened: opened.sessions.list_sessions(user, limit=limit))
    if as_json:
        print_json([_shown(info) for info in found])
        return
    if not found:
        click.echo("no sessions; a job of an agent with 'session: true' begins one")
        return
    rows = table("session", "user", "state", "used (UTC)", "expires (UTC)", "last job")
    for column in (0, 2, 5):
        rows.columns[column].no_wrap = True
    for info in found:
        times = time_text(info.used_at), time_text(info.expires_at)
        rows.add_row(escape(info.session_id), escape(info.user_id), info.state.value, *times, info.job_id or "")
    console().print(rows)


@sessions.command()
@click.argument("session_id", metavar="SESSION")
@_user_option
@project_option
@stage_option
@json_option
def show(session_id: str, user: str, project: Path, stage: str, as_json: bool) -> None:
    """One session: where it stands, and what was said."""

    async def work(opened: Project) -> tuple[SessionInfo, list[JSONDict]]:
        return await opened.sessions.info(user, session_id), await opened.sessions.items(user, session_id)

    info, items = _with_project(project, stage, work)
    if as_json:
        print_json({**_shown(info), "items": items})
        return
    click.echo(f"session {click.style(session_id, bold=True)}  {info.state.value}  user {user}")
    click.echo(f"  used {time_text(info.used_at)} UTC, expires {time_text(info.expires_at)} UTC")
    for item in items:
        click.echo(f"  {_speaker(item)}: {short(_said(item), 200)}")


@sessions.command()
@click.argument("session_id", metavar="SESSION")
@click.option("--end", is_flag=True, help="Let it expire now: nothing is added to it any more.")
@_user_option
@project_option
@stage_option
def clear(session_id: str, end: bool, user: str, project: Path, stage: str) -> None:
    """Delete everything that was said in a session."""
    info = _with_project(project, stage, lambda opened: opened.sessions.clear(user, session_id, end=end))
    click.echo(f"session {session_id} is empty, {info.state.value}")


def _shown(info: SessionInfo) -> JSONDict:
    return {
        "session_id": info.session_id,
        "user": info.user_id,
        "state": info.state.value,
        "job_id": info.job_id,
        "created_at": info.created_at,
        "used_at": info.used_at,
        "expires_at": info.expires_at,
    }


def _speaker(item: JSONDict) -> str:
    return str(item.get("role") or item.get("name") or item.get("type") or "item")


def _said(item: JSONDict) -> object:
    return next((item[name] for name in ("content", "arguments", "output") if name in item), item)

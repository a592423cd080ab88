"""``db``: bring a stage's database up to date, and tell which schema it has."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from agent_framework.cli.console import print_json
from agent_framework.cli.options import json_option, project_option, stage_option
from agent_framework.core.migration import migrate as bring_up_to_date
from agent_framework.core.runtime import Project
from agent_framework.infrastructure.database import SchemaStatus, SqlDatabase
from agent_framework.types import JSONDict

T = TypeVar("T")


@click.group()
def db() -> None:
    """Bring the database of a stage up to date, or look at it."""


def _with_database(project: Path, stage: str, work: Callable[[Project], Awaitable[T]]) -> T:
    """Do ``work`` with the project's database open and not migrated."""

    async def run() -> T:
        opened = Project.open(project, stage=stage)
        try:
            return await work(opened)
        finally:
            await opened.close()

    return asyncio.run(run())


@db.command()
@project_option
@stage_option
@json_option
def migrate(project: Path, stage: str, as_json: bool) -> None:
    """Create the tables, or bring them up to this version; safe to repeat, and from several places at once.

    On SQL databases it also makes the view job_outputs anew: one row per job, one column per agent that has
    outputs.database_field in agents.yaml.
    """

    async def work(opened: Project) -> JSONDict:
        done = await bring_up_to_date(opened)
        return {
            **_described(opened, stage, done.after),
            "before": done.before,
            "job_outputs": dict(done.outputs),
        }

    done = _with_database(project, stage, work)
    if as_json:
        print_json(done)
        return
    changed = "is up to date" if done["before"] == done["version"] else f"was migrated from version {done['before']}"
    click.echo(f"{done['database']} {changed}: schema version {done['version']}")
    if done["job_outputs"]:
        click.echo(f"view job_outputs: {', '.join(done['job_outputs'].values())}")
    click.echo(f"next: agent-framework jobs list --stage {stage}")


@db.command()
@project_option
@stage_option
@json_option
def status(project: Path, stage: str, as_json: bool) -> None:
    """Which schema the database has; exits with 1 unless this version of the package can work with it."""

    async def work(opened: Project) -> tuple[JSONDict, SchemaStatus]:
        found = await opened.db.schema_status()
        return _described(opened, stage, found), found

    described, found = _with_database(project, stage, work)
    if as_json:
        print_json(described)
    else:
        click.echo(f"{described['database']}: schema version {found.current}, this version works with {found.expected}")
        if found.is_older:
            click.echo(f"next: agent-framework db migrate --stage {stage}")
        elif not found.is_current:
            click.echo("the schema is newer than this version of the package: upgrade the package")
    if not found.is_current:
        raise click.exceptions.Exit(1)


def _described(opened: Project, stage: str, found: SchemaStatus) -> JSONDict:
    place = opened.db.place if isinstance(opened.db, SqlDatabase) else f"database {opened.db.name}"
    return {
        "stage": stage,
        "provider": opened.db.name,
        "database": place,
        "version": found.current,
        "expected": found.expected,
        "current": found.is_current,
    }

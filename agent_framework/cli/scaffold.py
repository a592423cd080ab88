"""``init`` and ``add-agent``: start a project, add an agent to it."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

import click

from agent_framework.cli.console import print_json
from agent_framework.cli.options import json_option, project_option
from agent_framework.cli.scaffolding.new_agent import AgentRequest, NewAgent, plan_agent, write_agent
from agent_framework.cli.scaffolding.project import DATABASES, TEMPLATES, plan_project, write_project
from agent_framework.cli.scaffolding.terraform import MODULES_DIR
from agent_framework.config.agent_config import LAMBDA_MAX_TIMEOUT_S

dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")


@click.command(
    epilog="""\b
Examples:
  agent-framework init my-project
  agent-framework init sales --template analytics --database dynamodb
  agent-framework init my-project --directory ~/projects --dry-run"""
)
@click.argument("name")
@click.option(
    "--template", type=click.Choice(list(TEMPLATES)), default="basic", show_default=True, help="What to start from."
)
@click.option(
    "--database",
    type=click.Choice(list(DATABASES)),
    default="aurora",
    show_default=True,
    help="The database of deployed stages; on your laptop it is always SQLite.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="Where to make the project's folder.",
)
@click.option("--force", is_flag=True, help="Write into a folder that is not empty; files of the same name are lost.")
@dry_run_option
@json_option
def init(name: str, template: str, database: str, directory: Path, force: bool, dry_run: bool, as_json: bool) -> None:
    """Make a project that runs at once: agents, rules, inputs, tests.

    NAME is lower-case letters, digits and -. Nothing is overwritten without --force, and a project is written
    completely or not at all.
    """
    project = plan_project(name, template=template, database=database, directory=directory, force=force)
    if not dry_run:
        write_project(project)
    if as_json:
        print_json({"project": name, "path": str(project.path), "files": list(project.files)})
        return
    what = f"{name} in {project.path} (template {template}, database {DATABASES[database]})"
    click.echo(f"would create {what}" if dry_run else f"created {what}")
    _list_files(project.files, replaced=project.replaced, dry_run=dry_run)
    if dry_run:
        click.echo("nothing was written; next: the same command without --dry-run")
        return
    click.echo(f"next: cd {_shown(project.path)} && agent-framework run --input input.json --offline")


@click.command(
    "add-agent",
    epilog="""\b
Examples:
  agent-framework add-agent translator --description "Translates the summary."
  agent-framework add-agent planner --type orchestrator --timeout 900""",
)
@click.argument("name")
@click.option(
    "--type",
    "agent_type",
    type=click.Choice(["worker", "orchestrator"]),
    default="worker",
    show_default=True,
    help="A worker does a job's work; the orchestrator, at most one, decides about workers.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1, LAMBDA_MAX_TIMEOUT_S),
    default=300,
    show_default=True,
    help="Seconds one attempt may take.",
)
@click.option("--memory", type=click.IntRange(128, 10_240), default=1024, show_default=True, help="MB of memory.")
@click.option("--description", help="What the agent does, in one line.")
@project_option
@dry_run_option
@json_option
def add_agent(
    name: str,
    agent_type: str,
    timeout: int,
    memory: int,
    description: str | None,
    project: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add an agent that runs at once to a project: its code, its test, its entry in agents.yaml.

    NAME is lower-case letters, digits and _. In agents.yaml lines are added and nothing else is changed.
    """
    agent = plan_agent(project, AgentRequest(name, agent_type, timeout, memory, description))
    if not dry_run:
        write_agent(agent)
    if as_json:
        print_json({"agent": name, "project": str(agent.project), "files": list(agent.files)})
        return
    click.echo(f"would add the {agent_type} {name}" if dry_run else f"added the {agent_type} {name}")
    _list_files(agent.files, replaced=set(agent.files) - set(agent.created), dry_run=dry_run, word="changed")
    if dry_run:
        click.echo("nothing was written; next: the same command without --dry-run")
        return
    if agent_type == "worker" and agent.loaded.config.orchestration.selection_rules:
        click.echo(f"no rule runs it yet: name {name} under orchestration.selection_rules in agents.yaml")
    click.echo(f"next: {_test_command(agent, project)}")


def _list_files(files: Iterable[str], *, replaced: Iterable[str], dry_run: bool, word: str = "replaced") -> None:
    note = f"  (would be {word})" if dry_run else f"  ({word})"
    known, modules = set(replaced), 0
    for name in files:
        modules += name.startswith(f"{MODULES_DIR}/")
        if not name.startswith(f"{MODULES_DIR}/"):
            click.echo(f"  {name}{note if name in known else ''}")
    if modules:
        click.echo(f"  {MODULES_DIR}/: {modules} files, the modules that terraform/main.tf uses")


def _test_command(agent: NewAgent, project: Path) -> str:
    folder = "" if project == Path() else f"cd {_shown(agent.project)} && "
    return f"{folder}agent-framework test {agent.name} --input input.json --offline"


def _shown(path: Path) -> str:
    """A path as one would type it from here."""
    relative = os.path.relpath(path)
    return shlex.quote(str(path) if relative.startswith("..") else relative)

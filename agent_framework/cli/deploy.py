"""``deploy``: a stage on AWS, from agents.yaml to a running system."""

import sys
from pathlib import Path

import click

from agent_framework.cli.console import print_json
from agent_framework.cli.deployment.changes import SIGNS, PlannedChanges
from agent_framework.cli.deployment.checks import Checked, check_stage
from agent_framework.cli.deployment.deployer import Deployer, Planned
from agent_framework.cli.deployment.log import CommandLog
from agent_framework.cli.deployment.progress import Say
from agent_framework.cli.deployment.stage_work import StageWork
from agent_framework.cli.options import (
    account_option,
    auto_approve_option,
    deployed_stage_option,
    json_option,
    project_option,
    state_bucket_option,
    var_file_option,
    where,
)
from agent_framework.errors import DeploymentError
from agent_framework.types import JSONDict

COLOURS = {"add": "green", "change": "yellow", "replace": "magenta", "destroy": "red"}


@click.command(
    epilog="""\b
Examples:
  agent-framework deploy --stage dev
  agent-framework deploy --stage prod --account 123456789012 --plan-only
  agent-framework deploy --stage dev --auto-approve --json"""
)
@project_option
@deployed_stage_option
@account_option
@state_bucket_option
@var_file_option
@auto_approve_option
@click.option(
    "--plan-only", is_flag=True, help="Show what would change, and stop. Makes the state's bucket if missing."
)
@json_option
def deploy(
    project: Path,
    stage: str,
    account: str | None,
    state_bucket: str | None,
    var_files: tuple[Path, ...],
    auto_approve: bool,
    plan_only: bool,
    as_json: bool,
) -> int:
    """Bring a stage on AWS to what agents.yaml and the code say: package, plan, ask, apply, migrate.

    Shows account, region, what changes and what costs money while idle before it asks. Safe to repeat: without changes
    nothing is done, and after a failure it goes on from where it stopped.
    """
    say = quiet if as_json else click.echo
    checked = check_stage(project, stage, account=account)
    with checked.aws, CommandLog(checked.project_dir, "deploy", stage) as log:
        work = StageWork(checked, log, bucket=state_bucket)
        with work.in_turn():
            announce(checked, "deploy", say)
            deployer = Deployer(work, say)
            planned = deployer.prepare_and_plan(var_files)
            _show(planned, say)
            result = _described(checked, work, planned, log)
            if plan_only:
                _end(result, as_json, "nothing was applied (--plan-only)" if planned else "")
                return 0
            if planned is not None:
                confirm(f"apply this to stage {stage}?", auto_approve, as_json=as_json)
                deployer.apply(planned)
            deployed, database = deployer.settle()
    say(f"database {database}")
    result |= {"applied": planned is not None, "database": database, "outputs": deployed.model_dump(mode="json")}
    _end(result, as_json, f"next: agent-framework run{where(project, stage)} --input input.json")
    return 0


def quiet(text: str) -> None:
    """Says nothing: the output is one JSON document."""


def announce(checked: Checked, verb: str, say: Say) -> None:
    """Where the command will work, before it does anything."""
    project = checked.loader.config.project
    say(f"{verb} {click.style(project.name, bold=True)}, stage {click.style(checked.loader.stage, bold=True)}")
    say(f"  account  {checked.account.id} ({checked.account.arn})")
    say(f"  region   {project.region}")


def confirm(question: str, auto_approve: bool, *, as_json: bool = False, typed: str | None = None) -> None:
    """Go on only if the user agrees: y, or ``typed`` in full.

    Raises:
        DeploymentError: nobody can be asked, or the user does not agree.
    """
    if auto_approve:
        return
    if as_json or not sys.stdin.isatty():
        raise DeploymentError("nothing was changed: there is no terminal to ask at; give --auto-approve to agree")
    if typed is None and not click.confirm(question):
        raise DeploymentError("nothing was changed: you did not agree")
    if typed is not None and click.prompt(question, default="", show_default=False) != typed:
        raise DeploymentError(f"nothing was changed: that was not {typed!r}")


def show_changes(changes: PlannedChanges, say: Say) -> None:
    """Each resource that changes, and what is lost with it."""
    for change in changes.changes:
        say(click.style(f"  {SIGNS[change.action]:>3} {change.address}", fg=COLOURS[change.action]))
    for change in changes.losses:
        say(click.style(f"  DATA IS LOST: {change.address}: {change.loses}", fg="red", bold=True))


def _show(planned: Planned | None, say: Say) -> None:
    if planned is None:
        say("no changes: the stage is as agents.yaml and the code say")
        return
    show_changes(planned.changes, say)
    say(f"{click.style('plan', bold=True)}: {planned.changes.summary}")
    say("while idle it costs (prices of us-east-1, 2026):")
    for cost in planned.costs:
        say(f"  {cost.text}")


def _described(checked: Checked, work: StageWork, planned: Planned | None, log: CommandLog) -> JSONDict:
    changes = planned.changes.changes if planned else ()
    return {
        "stage": work.stage,
        "account": checked.account.id,
        "region": checked.aws.region,
        "state_bucket": work.place.bucket,
        "changes": [{"action": item.action, "address": item.address, "loses": item.loses} for item in changes],
        "idle_costs": [{"what": item.what, "usd_month": item.usd_month} for item in (planned.costs if planned else ())],
        "applied": False,
        "log": str(log.path),
    }


def _end(result: JSONDict, as_json: bool, line: str) -> None:
    if as_json:
        print_json(result)
    elif line:
        click.echo(line)

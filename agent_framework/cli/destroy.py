"""``destroy``: remove a stage from AWS, with its data."""

from pathlib import Path

import click

from agent_framework.cli.console import print_json
from agent_framework.cli.deploy import announce, confirm, quiet, show_changes
from agent_framework.cli.deployment.checks import check_stage
from agent_framework.cli.deployment.destroyer import Destroyer
from agent_framework.cli.deployment.log import CommandLog
from agent_framework.cli.deployment.stage_work import StageWork
from agent_framework.cli.options import (
    account_option,
    auto_approve_option,
    deployed_stage_option,
    json_option,
    project_option,
    state_bucket_option,
    var_file_option,
)


@click.command(
    epilog="""\b
Examples:
  agent-framework destroy --stage dev
  agent-framework destroy --stage dev --auto-approve --delete-state"""
)
@project_option
@deployed_stage_option
@account_option
@state_bucket_option
@var_file_option
@auto_approve_option
@click.option(
    "--delete-state",
    is_flag=True,
    help="Delete the stage's state too, and the state's bucket if nothing else is in it.",
)
@json_option
def destroy(
    project: Path,
    stage: str,
    account: str | None,
    state_bucket: str | None,
    var_files: tuple[Path, ...],
    auto_approve: bool,
    delete_state: bool,
    as_json: bool,
) -> int:
    """Remove a stage from AWS: functions, queue, database, files, logs.

    Shows what goes, and asks for the stage's name. A protected stage (all but dev, unless agents.yaml says otherwise)
    is refused. Safe to repeat: it goes on with what is left.
    """
    say = quiet if as_json else click.echo
    checked = check_stage(project, stage, account=account, code=False)
    with checked.aws, CommandLog(checked.project_dir, "destroy", stage) as log:
        work = StageWork(checked, log, bucket=state_bucket)
        with work.in_turn():
            announce(checked, "destroy", say)
            destroyer = Destroyer(work, say)
            if not destroyer.has_state():
                return _report_no_state(stage, work, as_json=as_json)
            planned = destroyer.plan(var_files)
            if planned is None:
                say("there is nothing to destroy")
            else:
                show_changes(planned, say)
                say(f"{click.style('plan', bold=True)}: {planned.summary}")
                question = f"type the stage's name ({stage}) to destroy it"
                confirm(question, auto_approve, as_json=as_json, typed=stage)
                destroyer.destroy(planned)
            left = destroyer.forget(delete_state=delete_state)
    gone = [change.address for change in planned.changes] if planned else []
    if as_json:
        print_json({"stage": stage, "account": checked.account.id, "destroyed": gone, "left": left})
    else:
        click.echo(f"stage {stage} is gone; {left}")
    return 0


def _report_no_state(stage: str, work: StageWork, *, as_json: bool) -> int:
    """Nothing is known of the stage: that it is gone cannot be said, for its state may be elsewhere."""
    told = f"the bucket {work.place.bucket} has no state of stage {stage}, so nothing was destroyed"
    if as_json:
        print_json({"stage": stage, "account": work.checked.account.id, "destroyed": [], "left": told})
    else:
        click.echo(f"{told}; if the state is elsewhere, name its bucket with --state-bucket")
    return 0

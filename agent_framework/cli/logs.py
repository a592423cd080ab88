"""``logs``: what the agents of a deployed stage have logged."""

import json
from pathlib import Path

import click

from agent_framework.cli.deployment.aws import Aws
from agent_framework.cli.deployment.stage_logs import StageLogs, chosen_groups, since_ms
from agent_framework.cli.options import deployed_stage_option, json_option, must_be_deployed, project_option
from agent_framework.core.environment import environment


@click.command(
    epilog="""\b
Examples:
  agent-framework logs --stage dev --since 1h
  agent-framework logs --stage dev --job 3f0c1b7e-... --since 1d
  agent-framework logs --stage dev --agent writer --follow"""
)
@project_option
@deployed_stage_option
@click.option("--job", metavar="ID", help="Only lines that name this job.")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only this agent's. Repeatable.")
@click.option("--since", default="10m", show_default=True, metavar="TIME", help="How far back: 30s, 10m, 2h or 3d.")
@click.option("--follow", "-f", is_flag=True, help="Go on showing what comes, until Ctrl-C.")
@json_option
def logs(
    project: Path, stage: str, job: str | None, agents: tuple[str, ...], since: str, follow: bool, as_json: bool
) -> None:
    """Show the logs of a stage's agents, merged by time. With --json each line is one JSON object."""
    deployed = must_be_deployed(project, stage)
    environment(project if project.is_dir() else project.parent)
    groups = chosen_groups(deployed.log_groups, agents)
    width = max(map(len, groups), default=0)
    start = since_ms(since)
    shown = 0
    with Aws(deployed.region) as aws:
        reader = StageLogs(aws, groups, job=job)
        for line in reader.follow(start) if follow else reader.read(start):
            click.echo(json.dumps(line.as_dict(), ensure_ascii=False) if as_json else line.shown(width))
            shown += 1
    if not shown and not as_json:
        click.echo(
            f"nothing was logged in the last {since}{' about this job' if job else ''}; look further: --since 1d"
        )

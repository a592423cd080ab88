"""``status``: how a deployed stage is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent_framework.cli.console import print_json
from agent_framework.cli.deployment.aws import Aws
from agent_framework.cli.deployment.stage_status import is_healthy, stage_status
from agent_framework.cli.options import deployed_stage_option, json_option, must_be_deployed, project_option, where
from agent_framework.core.environment import environment
from agent_framework.types import JSONDict

_HEADINGS = ("agent", "function", "state", "last modified", "code", "errors 24 h")


@click.command(
    epilog="""\b
Examples:
  agent-framework status --stage dev
  agent-framework status --stage prod --json"""
)
@project_option
@deployed_stage_option
@json_option
def status(project: Path, stage: str, as_json: bool) -> int:
    """Show how a deployed stage is: functions, queue, dead letters, jobs. Exits with 1 if something is wrong."""
    deployed = must_be_deployed(project, stage)
    environment(project if project.is_dir() else project.parent)
    with Aws(deployed.region) as aws:
        found = stage_status(project, deployed, aws)
    healthy = is_healthy(found)
    if as_json:
        print_json({**found, "healthy": healthy})
    else:
        _print(found, healthy=healthy, place=where(project, stage))
    return 0 if healthy else 1


def _print(found: JSONDict, *, healthy: bool, place: str) -> None:
    click.echo(f"{click.style(found['project'], bold=True)}, stage {found['stage']}, deployed {found['deployed_at']}")
    click.echo(f"  account {found['account']}, region {found['region']}")
    rows = [_HEADINGS, *(_row(agent, item) for agent, item in found["functions"].items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if found["approvals_url"]:
        click.echo(f"approvals: links lead to {found['approvals_url']}")
    click.echo(f"event source: {_words(found['event_source'], ('state',))}")
    click.echo(f"queue: {_words(found['queue'], ('ready', 'delayed', 'in_flight', 'dead_letters'))}")
    jobs = found["jobs"]
    counted = ", ".join(f"{count} {name}" for name, count in jobs.get("by_status", {}).items()) or "none yet"
    click.echo(f"jobs (newest {jobs.get('newest', 0)}): {jobs.get('unknown') or counted}")
    if healthy:
        click.echo(f"next: agent-framework logs{place}")
    else:
        click.echo(click.style("something is wrong", fg="red", bold=True) + f"; look at: agent-framework logs{place}")


def _row(agent: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    if "unknown" in item:
        return (agent, item["unknown"], "unknown", "", "", "")
    errors = "-" if item["errors_24h"] is None else str(item["errors_24h"])
    modified, sha = str(item["last_modified"] or "")[:19], str(item["code_sha256"] or "")[:10]
    return (agent, item["function"], str(item["state"]), modified, sha, errors)


def _words(part: Mapping[str, Any], names: tuple[str, ...]) -> str:
    if "unknown" in part:
        return str(part["unknown"])
    return ", ".join(f"{name.replace('_', ' ')} {part[name]}" for name in names)

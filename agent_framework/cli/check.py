"""``validate``, ``plan`` and ``schema``: what can be known of a project without running it."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from agent_framework.cli.console import console, print_json, short, table
from agent_framework.cli.options import (
    input_options,
    json_option,
    project_option,
    read_input,
    read_json_object,
    stage_option,
)
from agent_framework.config.loader import ConfigLoader
from agent_framework.config.project_config import json_schema
from agent_framework.core.agent_forms import prepares
from agent_framework.core.connections import Connection, check_connections
from agent_framework.core.pinned import pin
from agent_framework.core.preview import PlannedStep, Preview, RulePreview, preview
from agent_framework.core.project_check import CheckReport, check_project
from agent_framework.errors import ConfigError, Problem
from agent_framework.types import JSONDict, is_object


@click.command(
    epilog="""\b
Examples:
  agent-framework validate
  agent-framework validate --strict --json
  agent-framework validate --stage dev --connect"""
)
@project_option
@stage_option
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--connect", is_flag=True, help="Also ask the stage's database, queue and storage whether they can be used."
)
@json_option
def validate(project: Path, stage: str, strict: bool, connect: bool, as_json: bool) -> int:
    """Check agents.yaml and the agents' code; nothing is run, every problem is listed at once.

    With --connect, each backend of the stage is reached with its credentials, its schema looked at, and nothing is
    written.
    """
    loader = ConfigLoader(project, stage=stage)
    report = check_project(loader)
    connections = asyncio.run(check_connections(project, stage)) if connect else []
    refused = any(not connection.ok for connection in connections)
    failed = refused or bool(report.errors) or (strict and bool(report.warnings))
    if as_json:
        found = {"ok": not failed, "agents": list(report.agents), "problems": list(map(_problem, report.problems))}
        print_json(found | ({"connections": list(map(asdict, connections))} if connect else {}))
        return int(failed)
    for problem in report.problems:
        word, colour = ("warning", "yellow") if problem.warning else ("error", "red")
        click.echo(f"{click.style(word, fg=colour, bold=True)}: {problem}", err=True)
    for connection in connections:
        _print_connection(connection)
    _print_verdict(report, sum(not connection.ok for connection in connections), failed=failed)
    return int(failed)


def _print_connection(connection: Connection) -> None:
    name = f"{connection.kind} {connection.provider}"
    if connection.ok:
        click.echo(f"{click.style('reached', fg='green', bold=True)}: {name}: {connection.message}")
    else:
        click.echo(f"{click.style('error', fg='red', bold=True)}: {name}: {connection.message}", err=True)


def _problem(problem: Problem) -> JSONDict:
    return {
        "level": "warning" if problem.warning else "error",
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "message": problem.message,
    }


def _print_verdict(report: CheckReport, refused: int, *, failed: bool) -> None:
    found = f"{len(report.errors)} errors, {len(report.warnings)} warnings"
    found += f", {refused} of 3 backends cannot be used" if refused else ""
    code = "" if report.code_checked else " (there is no backend/ folder, so no code was checked)"
    if failed:
        click.echo(f"{click.style('not valid', fg='red', bold=True)}: {found}{code}", err=True)
        return
    click.echo(f"{click.style('valid', fg='green', bold=True)}: {len(report.agents)} agents, {found}{code}")
    click.echo("next: agent-framework plan --input input.json")


@click.command(
    epilog="""\b
Examples:
  agent-framework plan --input input.json
  agent-framework plan --set row_count=100001
  agent-framework plan --input input.json --results results.json"""
)
@project_option
@input_options
@click.option(
    "--results",
    "results_file",
    metavar="FILE",
    help='Suppose these results: a JSON object {"<agent>": {...}}, so that conditions on them are decided too.',
)
@stage_option
@json_option
def plan(
    project: Path,
    input_file: str | None,
    values: tuple[str, ...],
    files: tuple[str, ...],
    results_file: str | None,
    stage: str,
    as_json: bool,
) -> int:
    """Show what a job would do: each rule with its verdict and what it read, the steps, what waits for results."""
    job_input = read_input(input_file, values, files)
    results = _read_results(results_file)
    loader = ConfigLoader(project, stage=stage)
    declared = loader.config.agents
    orchestrator = loader.config.orchestrator
    target = loader.get_agent_registry().get_agent(orchestrator) if orchestrator else None
    pinned = pin(loader.config, prepares=prepares(target), exists=lambda name: True)
    shown = preview(pinned, job_input, results)
    unknown = sorted({agent for step in shown.steps for agent in step.agents} - set(declared))
    if as_json:
        print_json(_as_dict(shown, unknown))
    else:
        _print(shown, unknown)
    return 0


def _read_results(results_file: str | None) -> dict[str, JSONDict]:
    if results_file is None:
        return {}
    results: dict[str, Any] = read_json_object(results_file)
    for agent, result in results.items():
        if not is_object(result):
            raise ConfigError([Problem(f"the result of {agent!r} must be an object", file=results_file, path=agent)])
    return results


def _as_dict(shown: Preview, unknown: list[str]) -> JSONDict:
    return {
        "rules": [
            {
                "rule": rule.name,
                "phase": rule.phase,
                "condition": rule.condition,
                "verdict": rule.verdict,
                "branch": rule.branch,
                "values": dict(rule.values),
                "missing": list(rule.missing),
                "waits_for": list(rule.waits_for),
            }
            for rule in shown.rules
        ],
        "steps": [
            {
                "rule": step.rule,
                "type": step.type,
                "agents": list(step.agents),
                "skipped": dict(step.skipped),
                "condition": step.condition,
            }
            for step in shown.steps
        ],
        "reason": shown.reason,
        "decided_by": shown.decided_by,
        "undeclared_agents": unknown,
    }


def _print(shown: Preview, unknown: list[str]) -> None:
    out = console()
    if shown.decided_by is not None:
        out.print(f"strategy: agent - {escape(shown.decided_by)} decides at run time which workers it asks for")
        return
    rules = table("rule", "condition", "verdict", "read")
    for rule in shown.rules:
        rules.add_row(escape(rule.name), escape(rule.condition), _verdict(rule), escape(_read(rule)))
    out.print(rules)
    out.print()
    steps = table("step", "type", "agents", "only if")
    for number, step in enumerate((step for step in shown.steps if step.agents), start=1):
        steps.add_row(str(number), step.type, escape(", ".join(step.agents)), escape(step.condition or ""))
    out.print(steps)
    for agent, reason in _skipped(shown.steps):
        out.print(f"  {escape(agent)}: {reason.replace('_', ' ')}, not run again")
    if shown.reason:
        out.print(f"[red]the job would fail[/red]: {escape(shown.reason)}")
    if unknown:
        out.print(f"[yellow]not declared[/yellow]: {escape(', '.join(unknown))}; 'agent-framework validate' says more")


def _verdict(rule: RulePreview) -> str:
    if rule.verdict is None:
        return f"[yellow]waits for {escape(', '.join(rule.waits_for))}[/yellow]"
    if rule.verdict:
        return "[green]holds[/green]"
    return "does not hold, [cyan]else[/cyan]" if rule.branch == "else" else "does not hold"


def _read(rule: RulePreview) -> str:
    read = [f"{path} = {short(value, 60)}" for path, value in rule.values.items()]
    return ", ".join([*read, *(f"{path} is missing" for path in rule.missing)])


def _skipped(steps: tuple[PlannedStep, ...]) -> list[tuple[str, str]]:
    return [(agent, reason) for step in steps for agent, reason in step.skipped.items()]


@click.command(
    epilog="""\b
Example:
  agent-framework schema > agents.schema.json"""
)
def schema() -> None:
    """Print the JSON Schema of agents.yaml, for editors."""
    click.echo(json.dumps(json_schema(), indent=2))

"""``policies``: what the processes of a stage share about its agents."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.markup import escape

from agent_framework.cli.console import console, print_json, short, table
from agent_framework.cli.options import json_option, project_option, stage_option
from agent_framework.core.circuit_guard import CircuitStatus
from agent_framework.core.result_cache import CacheCount
from agent_framework.core.runtime import Project
from agent_framework.errors import ProjectError

T = TypeVar("T")


@click.group()
def policies() -> None:
    """Show what holds agents back, and let them go again."""


def _with_project(project: Path, stage: str, work: Callable[[Project], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Project.open(project, stage=stage) as opened:
            return await work(opened)

    return asyncio.run(run())


@policies.command()
@project_option
@stage_option
@json_option
def show(project: Path, stage: str, as_json: bool) -> None:
    """The circuits, and how often results were served again within the last week."""

    async def work(opened: Project) -> tuple[list[CircuitStatus], list[CacheCount]]:
        agents = list(opened.config.agents.values())
        return await opened.policies.circuits.status(agents), await opened.policies.results.counts(agents)

    circuits, caches = _with_project(project, stage, work)
    if as_json:
        print_json({"circuits": [item.to_dict() for item in circuits], "caches": [item.to_dict() for item in caches]})
        return
    if not circuits and not caches:
        click.echo("no agent has a circuit_breaker or a cache in agents.yaml")
    if circuits:
        _print_circuits(circuits)
    for cache in caches:
        ratio = cache.to_dict()["hit_ratio"]
        shown = "not asked yet" if ratio is None else f"{ratio:.0%} hits"
        click.echo(f"cache of {cache.agent}: {shown} ({cache.hits} hits, {cache.misses} misses)")


def _print_circuits(circuits: list[CircuitStatus]) -> None:
    rows = table("circuit", "agents", "state", "failures", "tried again in", "last failure")
    for circuit in circuits:
        shown = circuit.to_dict()
        wait = f"{circuit.open_for_s:.0f} s" if circuit.open_for_s else ""
        reason = escape(short(circuit.problem or circuit.reason, 80))
        rows.add_row(circuit.name, ", ".join(circuit.agents), shown["state"], str(circuit.failures), wait, reason)
    console().print(rows)


@policies.command()
@click.argument("circuit")
@project_option
@stage_option
def close(circuit: str, project: Path, stage: str) -> None:
    """Close a circuit by hand: its agents are started again at once."""

    async def work(opened: Project) -> bool:
        known = [status.name for status in await opened.policies.circuits.status(list(opened.config.agents.values()))]
        if circuit not in known:
            raise ProjectError(f"there is no circuit {circuit!r}; circuits: {', '.join(known) or 'none'}")
        return await opened.policies.circuits.close(circuit)

    closed = _with_project(project, stage, work)
    click.echo(f"the circuit of {circuit} is closed" + ("" if closed else ", as it was"))

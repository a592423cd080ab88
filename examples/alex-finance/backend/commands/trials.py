"""``test_simple`` tries agents offline in this process, ``test_full`` by a job through the stage's queue."""

import asyncio
from importlib import import_module

import click

from agent_framework import AgentFrameworkError, Job
from backend.data.seed import FIRST_USER, SECOND_USER, seed
from backend.outcomes import ORDER, lines_of

from .queued import Place, place_options, portfolios, run_job, verdict, working, wrong_with

_names = click.argument("agents", nargs=-1, type=click.Choice(ORDER), metavar="[AGENT]...")


@click.command("test_simple")
@_names
def test_simple(agents: tuple[str, ...]) -> None:
    """Try agents offline, each in a folder of its own: those that are named, or all."""
    passed = {agent: _try(agent) for agent in agents or ORDER}
    _summary(passed)


def _try(agent: str) -> bool:
    click.echo(f"--- {agent}")
    module = import_module(f"backend.agents.{agent}.test_simple")
    try:
        getattr(module, f"test_{agent}")()
    except (AssertionError, AgentFrameworkError) as exc:
        return verdict([f"{agent}: {str(exc) or 'its answer is not as expected'}"])
    return True


@click.command("test_full")
@_names
@place_options
def test_full(agents: tuple[str, ...], place: Place) -> None:
    """Send jobs through the stage's queue: one for each agent that is named, or one whole analysis.

    The test users are made anew first. A worker process is started for stage local; a deployed stage has functions.
    """
    seed(portfolios(place))
    passed = asyncio.run(_jobs(agents, place))
    _summary(passed)


async def _jobs(agents: tuple[str, ...], place: Place) -> dict[str, bool]:
    async with working(place) as project:
        if not agents:
            return {"whole": _shown("whole", await run_job(project, place, FIRST_USER))}
        passed: dict[str, bool] = {}
        for agent in agents:
            user_id = SECOND_USER if agent in ("tagger", "planner") else FIRST_USER
            kind = "portfolio_analysis" if agent == "planner" else f"agent:{agent}"
            seed(portfolios(place))
            passed[agent] = _shown(agent, await run_job(project, place, user_id, kind))
        return passed


def _shown(agent: str, job: Job) -> bool:
    """Print what a job's agents made; whether it is as it should be."""
    click.echo(f"--- {agent}: job {job.id} is {job.status.value}")
    for name in ORDER if agent in ("whole", "planner") else (agent,):
        payload = job.agent_results.get(name)
        if payload is not None:
            click.echo(f"{name}: " + "\n  ".join(line for line in lines_of(name, payload) if "\n" not in line))
    wrong = wrong_with(job)
    if not wrong and agent not in ("whole", *job.agent_results):
        wrong = [f"{agent} stored no result"]
    if agent in ("whole", "planner") and not wrong:
        click.echo(f"Message: Analysis completed for job {job.id}")
    return verdict(wrong)


def _summary(passed: dict[str, bool]) -> None:
    """Print a line for each trial.

    Raises:
        click.exceptions.Exit: with code 1, where one failed.
    """
    click.echo()
    for name, well in passed.items():
        click.echo(f"{name.capitalize() + ':':<12}{'✅' if well else '❌'}")
    if not all(passed.values()):
        click.echo("❌ SOME TESTS FAILED")
        raise click.exceptions.Exit(1)
    click.echo("✅ ALL TESTS PASSED!")

"""``benchmark``: how long the simulation takes."""

import click

LIMIT_MS = 100


@click.command("benchmark")
def benchmark() -> None:
    """Time 10,000 runs of one 55-year scenario, on one core and without imports; fails at 100 ms."""
    from backend.projection.speed import RUNS, YEARS, cpu_ms

    taken = cpu_ms()
    click.echo(f"{RUNS:,} runs of {YEARS} years: {taken:.1f} ms of one core, {LIMIT_MS} ms are the limit")
    if taken >= LIMIT_MS:
        raise click.exceptions.Exit(1)

"""``package``: a deployment package for each agent, and a table of what is in them."""

import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from agent_framework.cli.console import console, print_json, table
from agent_framework.cli.deployment.packaging import (
    LAMBDA_LIMIT_BYTES,
    Listener,
    Package,
    Progress,
    build_packages,
    write_packages_tfvars,
)
from agent_framework.cli.deployment.packaging.build import STRATEGIES
from agent_framework.cli.deployment.packaging.image import build_command, build_image, docker_answers
from agent_framework.cli.options import json_option, project_option
from agent_framework.config.loader import ConfigLoader

_MIB = 1024 * 1024
_SHOWN = 3
_WIDTH = 140
"""Of the table where it goes to no terminal."""


@click.command(
    epilog="""\b
Examples:
  agent-framework package
  agent-framework package --agent writer --agent researcher
  agent-framework package --agent forecaster --strategy image"""
)
@project_option
@click.option("--all", "everything", is_flag=True, help="Package all agents: the default where none is named.")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Package this agent only. Repeatable.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="zip",
    show_default=True,
    help="zip: one zip for each agent. layer: dependencies in a zip of their own. image: a folder with a Dockerfile.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put the packages.  [default: .agent-framework/packages in the project]",
)
@click.option("--stage", default="dev", show_default=True, help="The stage whose architecture is built for.")
@click.option("--upgrade", is_flag=True, help="Lock the newest versions instead of keeping those in locks/.")
@click.option("--bundle-boto3", is_flag=True, help="Carry boto3 too, instead of using the one that Lambda has.")
@click.option("--no-bytecode", is_flag=True, help="Compile nothing: needs no Python 3.13, and slows cold starts.")
@json_option
def package(
    project: Path,
    everything: bool,
    agents: tuple[str, ...],
    strategy: str,
    output: Path | None,
    stage: str,
    upgrade: bool,
    bundle_boto3: bool,
    no_bytecode: bool,
    as_json: bool,
) -> None:
    """Build deployment packages for Lambda, without Docker.

    Versions and hashes are locked in the project's locks/ folder, to be committed. The same code, agents.yaml and locks
    make the same bytes everywhere; what did not change is not built again.
    """
    if everything and agents:
        raise click.UsageError("--all and --agent exclude each other")
    if no_bytecode:
        _note("without bytecode a cold start takes 2 to 5 times as long")
    loader = ConfigLoader(project, stage=stage)
    with _progress(quiet=as_json) as progress:
        packages = build_packages(
            loader,
            agents=agents or None,
            strategy=strategy,
            output=output,
            upgrade=upgrade,
            bundle_boto3=bundle_boto3,
            bytecode=not no_bytecode,
            progress=progress,
        )
    if strategy == "zip":
        write_packages_tfvars(loader.project_dir, packages, merge=bool(agents))
    if as_json:
        print_json({"packages": [_as_dict(item) for item in packages], "limit_bytes": LAMBDA_LIMIT_BYTES})
        return
    _print_table(packages)
    _NEXT[strategy](loader, packages, stage)


def _as_dict(item: Package) -> dict[str, object]:
    return {
        "agent": item.agent,
        "role": item.role,
        "architecture": item.architecture,
        "path": str(item.path),
        "layer": str(item.layer) if item.layer else None,
        "sha256": item.sha256,
        "zipped_bytes": item.zipped_bytes,
        "unzipped_bytes": item.unzipped_bytes,
        "import_ms": item.import_ms,
        "heaviest": [{"name": name, "bytes": size} for name, size in item.heaviest],
        "unchanged": item.unchanged,
    }


def _print_table(packages: tuple[Package, ...]) -> None:
    rows = table("agent", "role", "arch", "zipped", "unzipped", "import", "heaviest")
    for item in packages:
        heaviest = ", ".join(f"{name} {size / _MIB:.0f}" for name, size in item.heaviest[:_SHOWN])
        measured = "-" if item.import_ms is None else f"{item.import_ms:,.0f} ms"
        zipped = f"{item.zipped_bytes / _MIB:.2f}" if item.zipped_bytes else "-"
        unzipped = f"{item.unzipped_bytes / _MIB:.1f}"
        cells = (item.agent, item.role, item.architecture, zipped, unzipped, measured, heaviest)
        rows.add_row(*map(escape, cells), style="dim" if item.unchanged else "")
    console(width=_WIDTH).print(rows)
    largest = max(packages, key=lambda item: item.unzipped_bytes)
    total = sum(item.zipped_bytes for item in packages)
    unchanged = [item.agent for item in packages if item.unchanged]
    click.echo(
        f"sizes in MiB; {total / _MIB:.1f} zipped together; the largest, {largest.agent}, has "
        f"{largest.unzipped_bytes / LAMBDA_LIMIT_BYTES:.0%} of the {LAMBDA_LIMIT_BYTES / _MIB:.0f} that Lambda takes"
    )
    if unchanged:
        shown = "all of them" if len(unchanged) == len(packages) else ", ".join(unchanged)
        click.echo(f"unchanged, not built again: {shown}")


def _after_zip(_loader: ConfigLoader, _packages: tuple[Package, ...], stage: str) -> None:
    click.echo(f"next: agent-framework deploy --stage {stage}")


def _after_layer(_loader: ConfigLoader, packages: tuple[Package, ...], _stage: str) -> None:
    """The Terraform modules know no layers: what is written has to be published and attached by hand."""
    for layer, item in {item.layer: item for item in packages if item.layer}.items():
        click.echo(f"layer for {', '.join(other.agent for other in packages if other.layer == layer)}: {layer}")
        click.echo(f"  compatible with python3.13 on {item.architecture}; files of the functions: {item.path.parent}")
    click.echo("the Terraform modules deploy zips without layers; publish each layer and attach it yourself:")
    click.echo("next: aws lambda publish-layer-version --layer-name ... --content S3Bucket=...,S3Key=...")


def _after_image(loader: ConfigLoader, packages: tuple[Package, ...], _stage: str) -> None:
    """Build the images where Docker answers, else say how."""
    tags = {item.agent: f"{loader.get_project_name()}-{item.agent}:{item.sha256[:12]}" for item in packages}
    there = docker_answers()
    if not there:
        click.echo("Docker does not answer here, so no image was built; where it does, run:")
    for item in packages:
        if there:
            build_image(item, tags[item.agent])
            click.echo(f"built the image {tags[item.agent]}")
        else:
            click.echo(f"  {shlex.join(build_command(item, tags[item.agent]))}")
    click.echo("the Terraform modules deploy zips; for an image, create the function from it yourself:")
    click.echo("next: docker push to your registry (ECR), then aws lambda create-function --package-type Image ...")


_NEXT = {"zip": _after_zip, "layer": _after_layer, "image": _after_image}


@contextmanager
def _progress(*, quiet: bool) -> Generator[Listener]:
    """A bar on a terminal, plain lines elsewhere; on standard error both, so that the output stays the output."""
    if quiet or not sys.stderr.isatty():
        yield lambda progress: None if quiet and not progress.note else _line(progress)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the project", total=None)

        def show(progress: Progress) -> None:
            if progress.note:
                bar.console.print(f"[yellow]note[/yellow]: {escape(progress.text)}", highlight=False)
            else:
                bar.update(
                    task, description=escape(progress.text), completed=progress.done, total=progress.total or None
                )

        yield show


def _line(progress: Progress) -> None:
    if progress.note:
        _note(progress.text)
    elif progress.done < progress.total or not progress.total:
        count = f"[{progress.done + 1}/{progress.total}] " if progress.total else ""
        click.echo(f"{count}{progress.text}", err=True)


def _note(text: str) -> None:
    click.echo(f"{click.style('note', fg='yellow', bold=True)}: {text}", err=True)

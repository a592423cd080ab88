"""``generate-config``: agents.yaml and a stage as variables of Terraform."""

from pathlib import Path

import click

from agent_framework.cli.console import print_json
from agent_framework.cli.deployment.tfvars import TFVARS, TerraformConfig, is_current, terraform_config, write_tfvars
from agent_framework.cli.options import json_option, project_option
from agent_framework.cli.scaffolding.files import write_into
from agent_framework.cli.scaffolding.terraform import missing_terraform_files
from agent_framework.config.loader import ConfigLoader


@click.command(
    "generate-config",
    epilog="""\b
Examples:
  agent-framework generate-config --stage dev
  agent-framework generate-config --stage prod --check""",
)
@project_option
@click.option(
    "--stage", default="dev", show_default=True, help="The stage to deploy: dev, prod, or one of agents.yaml."
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the file is missing or out of date.")
@json_option
def generate_config(project: Path, stage: str, check: bool, as_json: bool) -> int:
    """Write terraform/agents.auto.tfvars.json from agents.yaml, and the rest of terraform/ where there is none.

    The same agents.yaml and stage always make the same bytes. Of secrets the file holds names and places, never values.
    """
    loader = ConfigLoader(project, stage=stage)
    made = terraform_config(loader)
    folder = loader.project_dir
    missing = missing_terraform_files(folder, loader.config)
    current = is_current(folder, made)
    if missing and not check:
        write_into(folder, missing)
    if not check and not current:
        write_tfvars(folder, made)
    if as_json:
        print_json(_as_dict(folder, made, current=current, written=not check and not current))
    else:
        if missing and not check:
            click.echo(f"terraform/ written: {len(missing)} files, yours to change but for terraform/modules")
        _print(made, check=check, current=current)
    return int(check and not current)


def _as_dict(folder: Path, made: TerraformConfig, *, current: bool, written: bool) -> dict[str, object]:
    return {
        "path": str(folder / TFVARS),
        "stage": made.stage,
        "up_to_date": current,
        "written": written,
        "notes": list(made.notes),
        "environment_values": list(made.environment_names),
        "secrets": list(made.secret_names),
        "variables": made.variables,
    }


def _print(made: TerraformConfig, *, check: bool, current: bool) -> None:
    for note in made.notes:
        click.echo(f"{click.style('note', fg='yellow', bold=True)}: {note}", err=True)
    if check and not current:
        message = f"{TFVARS} is out of date for stage {made.stage}; run: agent-framework generate-config"
        click.echo(f"{message} --stage {made.stage}", err=True)
        return
    word = "is up to date" if current else "written"
    click.echo(f"{TFVARS} {word}: stage {made.stage}, {len(made.variables['agents'])} functions")
    if made.environment_names:
        click.echo(f"values to give at deploy (environment_values): {', '.join(made.environment_names)}")
    if made.secret_names:
        click.echo(f"places to give at deploy (secrets: ARN or /parameter): {', '.join(made.secret_names)}")

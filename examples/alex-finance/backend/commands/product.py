"""``package_all`` and ``deploy_all``: the framework's own commands on this project."""

import click

from agent_framework.cli.main import main
from backend.data.settings import PROJECT_DIR

_passes_on = {"ignore_unknown_options": True, "allow_extra_args": True}
_more = click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTION]...")


@click.command("package_all", context_settings=_passes_on)
@_more
def package_all(options: tuple[str, ...]) -> None:
    """Build a package for each agent: 'agent-framework package --all' with further OPTIONs of it."""
    product("package", "--all", *options)
    click.echo("All agents packaged successfully!")


@click.command("deploy_all", context_settings=_passes_on)
@click.option("--stage", default="dev", show_default=True, help="The stage that is deployed.")
@_more
def deploy_all(stage: str, options: tuple[str, ...]) -> None:
    """Deploy all agents: 'agent-framework deploy' with further OPTIONs of it.

    It writes terraform/ first, where there is none.
    """
    if not (PROJECT_DIR / "terraform").is_dir():
        product("generate-config")
    product("deploy", "--stage", stage, *options)
    click.echo("All Lambda functions updated successfully!")


def product(command: str, *arguments: str) -> None:
    """Run ``agent-framework COMMAND`` on this project.

    Raises:
        click.exceptions.Exit: with its code, unless it went well.
    """
    try:
        main([command, "--project", str(PROJECT_DIR), *arguments])
    except SystemExit as exc:
        if exc.code:
            raise click.exceptions.Exit(int(exc.code)) from exc

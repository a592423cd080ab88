"""``python -m backend COMMAND``: try the agents, look at jobs, package and deploy. ``--help`` lists the commands."""

import sys

import click

from agent_framework.core.environment import environment
from agent_framework.errors import AgentFrameworkError
from backend.commands.product import deploy_all, package_all
from backend.commands.scenarios import test_multiple_accounts, test_scale
from backend.commands.speed import benchmark
from backend.commands.trials import test_full, test_simple
from backend.commands.watching import check_jobs, watch_agents
from backend.data.settings import PROJECT_DIR


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Alex: five agents look after a portfolio."""


for _command in (
    test_simple,
    test_full,
    test_multiple_accounts,
    test_scale,
    check_jobs,
    watch_agents,
    package_all,
    deploy_all,
    benchmark,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command and exit with its code."""
    environment(PROJECT_DIR)
    try:
        cli.main(prog_name="python -m backend", standalone_mode=True)
    except AgentFrameworkError as exc:
        click.echo(f"error: {exc}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

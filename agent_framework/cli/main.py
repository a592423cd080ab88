"""The entry point: the table of commands, and the one place where errors become messages and exit codes.

Exit codes: 0 done, 1 it did not work (one clear message on stderr), 2 wrong usage, 3 the job waits for an approval,
130 interrupted.
"""

import logging
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from agent_framework import __version__
from agent_framework.core.environment import hide_secrets
from agent_framework.errors import AgentFrameworkError, ConfigError
from agent_framework.observability.logging import redact_logs
from agent_framework.observability.redaction import redact

_HERE = "agent_framework.cli"
COMMANDS: dict[str, str] = {
    "init": f"{_HERE}.scaffold:init",
    "add-agent": f"{_HERE}.scaffold:add_agent",
    "validate": f"{_HERE}.check:validate",
    "plan": f"{_HERE}.check:plan",
    "run": f"{_HERE}.run:run",
    "test": f"{_HERE}.run:test",
    "submit": f"{_HERE}.worker:submit",
    "worker": f"{_HERE}.worker:worker",
    "jobs": f"{_HERE}.jobs:jobs",
    "sessions": f"{_HERE}.sessions:sessions",
    "policies": f"{_HERE}.policies:policies",
    "approvals": f"{_HERE}.approvals:approvals",
    "db": f"{_HERE}.db:db",
    "generate-config": f"{_HERE}.generate:generate_config",
    "package": f"{_HERE}.package:package",
    "deploy": f"{_HERE}.deploy:deploy",
    "status": f"{_HERE}.status:status",
    "logs": f"{_HERE}.logs:logs",
    "destroy": f"{_HERE}.destroy:destroy",
    "schema": f"{_HERE}.check:schema",
    "completion": f"{_HERE}.completion:completion",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, listed in the order of ``COMMANDS``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="agent-framework")
@click.option("--debug", is_flag=True, help="Show logs, and the traceback of an error.")
def cli(debug: bool) -> None:
    """Multi-agent systems from one agents.yaml: on your laptop, and the same project on AWS.

    \b
    agent-framework init my-project --template analytics
    cd my-project
    agent-framework run --input input.json --offline
    """
    logging.basicConfig(level=logging.INFO if debug else logging.CRITICAL, format="%(levelname)s %(name)s: %(message)s")
    redact_logs()
    hide_secrets()
    logging.getLogger("openai.agents").setLevel(logging.DEBUG if debug else logging.CRITICAL + 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        result = cli.main(args=given, prog_name="agent-framework", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except AgentFrameworkError as exc:
        _show(exc, debug=debug)
        sys.exit(1)
    except Exception as exc:
        if debug:
            _show_traceback(exc)
        click.echo(redact(f"error: {type(exc).__name__}: {exc}"), err=True)
        where = "it is shown above" if debug else "'agent-framework --debug ...' shows where"
        click.echo(f"This is a fault in agent-framework; {where}.", err=True)
        sys.exit(1)


def _show(error: AgentFrameworkError, *, debug: bool) -> None:
    if debug:
        _show_traceback(error)
    problems = error.problems if isinstance(error, ConfigError) else (error,)
    for problem in problems:
        click.echo(f"{click.style('error', fg='red', bold=True)}: {redact(str(problem))}", err=True)
    if len(problems) > 1:
        click.echo(f"{len(problems)} errors", err=True)


def _show_traceback(error: BaseException) -> None:
    click.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)


if __name__ == "__main__":
    main()

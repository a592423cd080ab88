"""The generated references: the command line's help and the JSON Schema. ``make docs`` writes them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from agent_framework.cli.main import cli
from agent_framework.config.project_config import json_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"


def cli_reference() -> str:
    """``docs/cli.md``: the help of every command."""
    parts = ["# The command", "", "Generated from `--help`; `make docs` writes it again.", ""]
    root = click.Context(cli, info_name="agent-framework", terminal_width=100, **cli.context_settings)
    for context in _contexts(root):
        parts += [f"## {context.command_path}", "", "```text", context.get_help().rstrip(), "```", ""]
    return "\n".join(parts)


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """The context of a command and of all commands below it, as they are when somebody asks for ``--help``."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            found = context.command.get_command(context, name)
            assert found is not None
            yield from _contexts(click.Context(found, info_name=name, parent=context))


def schema_reference() -> str:
    """``docs/agents.schema.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"


REFERENCES = {"cli.md": cli_reference, "agents.schema.json": schema_reference}


def outdated() -> list[str]:
    """Names of the references that are not what they would be now."""
    return [name for name, make in REFERENCES.items() if (DOCS / name).read_text("utf-8") != make()]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"out of date: {', '.join(outdated())}; run 'make docs'" if outdated() else 0)
    for name, make in REFERENCES.items():
        (DOCS / name).write_text(make(), "utf-8")
        print(f"wrote docs/{name}")

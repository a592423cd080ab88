"""The generated references: the command line's help and the JSON Schema. ``make docs`` writes them."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from agent_framework.cli.main import cli
from agent_framework.config.agent_config import json_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"


def cli_reference() -> str:
    """``docs/cli.md``: the help of every command."""
    parts = ["# The command", "", "Generated from `--help`; `make docs` writes it again.", ""]
    for path, command in _commands("agent-framework", cli):
        context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
        parts += [f"## {path}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    return "\n".join(parts)


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(f"{path} {name}", found)


def schema_reference() -> str:
    """``docs/agents.schema.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"


REFERENCES = {"cli.md": cli_reference, "agents.schema.json": schema_reference}


if __name__ == "__main__":
    for name, make in REFERENCES.items():
        (DOCS / name).write_text(make(), "utf-8")
        print(f"wrote docs/{name}")

"""``completion``: the shell's script, made by click."""

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog="""\b
Examples:
  eval "$(agent-framework completion bash)"
  agent-framework completion fish > ~/.config/fish/completions/agent-framework.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in your shell."""
    made = get_completion_class(shell)
    root = ctx.find_root()
    if made is not None:
        click.echo(made(root.command, {}, "agent-framework", "_AGENT_FRAMEWORK_COMPLETE").source())

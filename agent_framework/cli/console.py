"""What commands print: one console, and one way to show values, usage and times."""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent_framework.core.approval import Approval
from agent_framework.types import JSONDict, Usage, is_array, is_object

OFFLINE_NOTICE = "offline: no model is called; tools run, answers come from the agents' own code"


def console(*, width: int | None = None) -> Console:
    """Standard output, as wide as the terminal and plain where it is none; ``width`` is for where it is none."""
    made = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    if width is not None and not made.is_terminal:
        made.width = width
    return made


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(*headings: str) -> Table:
    """A table without boxes."""
    made = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for heading in headings:
        made.add_column(escape(heading), overflow="fold")
    return made


def short(value: Any, limit: int = 100) -> str:
    """A value on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def usage_text(usage: Usage) -> str:
    """Tokens and cost; an unknown price is said to be unknown."""
    if not usage.requests:
        return "no model calls"
    cost = "cost unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}"
    tokens = f"{usage.input_tokens:,} in + {usage.output_tokens:,} out tokens"
    return f"{usage.requests} model call{'s' if usage.requests > 1 else ''}, {tokens}, {cost}"


def remedy_lines(report: JSONDict) -> Iterator[str]:
    """Where a job failed and what to mend, as `failure_report` has it; the next command is told elsewhere."""
    yield f"at {report['failed_stage'] or 'its start'} ({report['error_code']})"
    for suggestion in report["suggestions"]:
        if "agent-framework jobs" not in suggestion:
            yield f"to mend it: {suggestion}"


def waiting_lines(approvals: Iterable[Approval], place: str) -> Iterator[str]:
    """What a job waits for, and how to decide."""
    for approval in approvals:
        if approval.is_pending:
            yield f"waits for approval of {approval.subject}, until {time_text(approval.expires_at)} UTC"
            yield f"next: agent-framework approvals show {approval.id}{place}"


def time_text(moment: float | None) -> str:
    """A moment in UTC, to the second."""
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def file_paths(value: Any) -> Iterator[str]:
    """Paths of all ``file://`` addresses in a result."""
    if isinstance(value, str) and value.startswith("file://"):
        yield value.removeprefix("file://")
    elif is_object(value):
        for item in value.values():
            yield from file_paths(item)
    elif is_array(value):
        for item in value:
            yield from file_paths(item)

"""The live lines of ``run``: rules with what they read, agents with seconds, tokens and cost."""

from typing import Any

import click

from agent_framework.cli.console import short, usage_text
from agent_framework.core.progress import AttemptEnded, AttemptStarted, Decided, Progress
from agent_framework.core.state import describe_values
from agent_framework.types import AttemptState, Event, EventKind

_MARKS = {
    AttemptState.SUCCEEDED: ("ok", "green"),
    AttemptState.FAILED: ("failed", "red"),
    AttemptState.SKIPPED: ("skipped", "yellow"),
    AttemptState.INTERRUPTED: ("asks for workers", "cyan"),
    AttemptState.WAITING: ("waits for approval", "yellow"),
}


class LiveLines:
    """A listener that prints what happens as it happens."""

    def __init__(self, *, width: int = 20) -> None:
        self._width = width
        self._steps = 0

    def __call__(self, progress: Progress) -> None:
        if isinstance(progress, Decided):
            for event in progress.events:
                self._event(event)
        elif isinstance(progress, AttemptStarted):
            again = f" (attempt {progress.key.number})" if progress.key.number > 1 else ""
            self._line(f"    {progress.key.agent:<{self._width}} started{again}")
        else:
            self._ended(progress)

    def _event(self, event: Event) -> None:
        data = event.data
        if event.kind is EventKind.RULE:
            branch = {"agents": "holds", "else": "does not hold, else"}.get(data["branch"], "does not hold")
            read = "" if not (data["values"] or data["missing"]) else f"  ({describe_values(data)})"
            phase = "" if data["phase"] == "success" else f" [{data['phase']}]"
            self._line(click.style(f"  rule {data['rule']}{phase}: {data['condition']} {branch}{read}", fg="blue"))
        elif event.kind is EventKind.STEP:
            self._step(data)
        elif event.kind is EventKind.APPROVAL:
            why = f": {data['reason']}" if data["reason"] else ""
            what = data["tool"] or f"start of {data['agent']}"
            self._line(f"    {data['agent']:<{self._width}} {what} {data['decision']} by {data['by']}{why}")
        elif event.kind in (EventKind.DEADLINE, EventKind.CANCELLED):
            self._line(click.style(f"  {data['reason']}", fg="red"))

    def _step(self, data: dict[str, Any]) -> None:
        for agent, reason in data["skipped"].items():
            self._line(f"    {agent:<{self._width}} {reason.replace('_', ' ')}, not run again")
        if data["agents"]:
            self._steps += 1
            words = {"prepare": "facts from", "turn": "turn of", "calls": "asked for"}.get(data["mode"], data["type"])
            self._line(f"  step {self._steps} {words}: {', '.join(data['agents'])}")

    def _ended(self, ended: AttemptEnded) -> None:
        outcome = ended.outcome
        word, colour = _MARKS.get(outcome.state, (outcome.state.value, "white"))
        if not ended.stored:
            word, colour = f"{word}, but too late", "red"
        seconds = (outcome.execution_time_ms or 0) / 1000
        stand_in = f" by {ended.performer}" if ended.performer != ended.key.agent else ""
        line = f"    {ended.key.agent:<{self._width}} {click.style(word, fg=colour)}{stand_in}  {seconds:.2f} s"
        if outcome.usage.requests:
            line += f"  {usage_text(outcome.usage)}"
        self._line(line)
        if outcome.error:
            self._line(f"      {short(outcome.error, 300)}")

    @staticmethod
    def _line(text: str) -> None:
        click.echo(text)

"""One table and its goals: as text for the terminal, as Markdown for docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A number that must be at most, or (``at_least``) at least, ``limit``; ``actual`` None: a peer is missing."""

    what: str
    actual: float | None
    limit: float
    at_least: bool = False
    form: str = ".2f"

    @property
    def is_met(self) -> bool:
        """Whether it holds; a goal that could not be measured is not met."""
        if self.actual is None:
            return False
        return self.actual >= self.limit if self.at_least else self.actual <= self.limit

    def __str__(self) -> str:
        actual = "not measured" if self.actual is None else f"{self.actual:{self.form}}"
        sign = ">=" if self.at_least else "<="
        return f"{'met' if self.is_met else 'MISSED'}: {self.what}: {actual} (goal {sign} {self.limit:{self.form}})"


@dataclass(frozen=True)
class Table:
    """Rows of text under ``columns``, what they came out to against the goals, and notes on how they were measured."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    def as_text(self) -> str:
        """For a terminal."""
        widths = [max(len(row[i]) for row in (self.columns, *self.rows)) for i in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.columns, ["-" * width for width in widths], *self.rows)
        ]
        return "\n".join([self.title, "", *lines, "", *(str(goal) for goal in self.goals), *self.notes])

    def as_markdown(self) -> str:
        """For the page."""
        lines = [f"| {' | '.join(row)} |" for row in (self.columns, ["---"] * len(self.columns), *self.rows)]
        goals = [f"- {goal}" for goal in self.goals]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *lines, "", *goals, *notes, ""])

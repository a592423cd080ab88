"""The figures of a run, as a table whose last line says in one look whether a promise was broken."""

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.harness.audit import KINDS
from tests.faults.harness.simulated import Told

_COLUMNS = (
    ("schedules", "schedules"),
    ("with real processes", "real"),
    ("faults of all kinds", "faults"),
    ("simulated crashes", "crashes"),
    ("real SIGKILLs", "kills"),
    ("pauses past the limits", "pauses"),
    ("stopped while holding the file", "locked"),
    ("database restarts", "restarts"),
    ("answers cut off", "cuts"),
    ("requests refused", "refusals"),
    ("works that ended with an error", "refused"),
)
CLEAN = " ".join(f"{kind}=0" for kind in KINDS)
"""The last line where all is well."""
_NAMES = {
    "lost": "lost (job, result or end)",
    "stuck": "stuck past lease + sweep",
    "duplicated": "duplicated keyed effects",
    "stale": "stale writes accepted",
}


@dataclass
class Report:
    """What all schedules of a run came to. A schedule counts once for each kind of finding."""

    counts: Counter[str] = field(default_factory=Counter[str])
    found: Counter[str] = field(default_factory=Counter[str])
    shapes: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    def add(self, told: Told, *, real: bool) -> None:
        """Count one schedule."""
        self.counts.update(told.counts)
        self.counts.update(schedules=1, real=int(real), faults=len(told.story))
        self.shapes[told.shape] += 1
        self.found.update({finding.kind for finding in told.findings})

    @property
    def failed(self) -> bool:
        """A promise was broken."""
        return self.found.total() > 0

    def table(self) -> str:
        """The figures, one a line."""
        rows = [(name, f"{self.counts[key]:,}") for name, key in _COLUMNS]
        rows += [(_NAMES[kind], f"{self.found[kind]:,}") for kind in KINDS]
        rows.append(("schedules a minute", f"{self.counts['schedules'] / max(self.seconds, 1e-9) * 60:,.0f}"))
        return "\n".join(f"{name:<32}{figure:>10}" for name, figure in rows)

    def last_line(self) -> str:
        """``lost=0 stuck=0 duplicated=0 stale=0``, if all is well."""
        return " ".join(f"{kind}={self.found[kind]}" for kind in KINDS)

    def sentence(self) -> str:
        """The figures in one line."""
        rows = [f"{name} {self.counts[key]:,}" for name, key in _COLUMNS if self.counts[key]]
        return f"{', '.join(rows)} in {self.seconds:.0f} s; {self.last_line()}"

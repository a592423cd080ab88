"""Print every skipped test with its reason, and fail if one skipped although its prerequisite is there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _python_313() -> str | None:
    """A Python that starts: pyenv's stand-in on the PATH may not."""
    places = [shutil.which("python3.13"), *map(str, Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))]
    return next((place for place in places if place and _starts(place)), None)


def _starts(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0  # noqa: S603


PREREQUISITES: dict[str, Callable[[], bool]] = {
    "../shared": lambda: (ROOT.parent / "shared").is_dir(),
    "terraform": lambda: shutil.which("terraform") is not None,
    "pip-audit": lambda: (ROOT / ".venvs/audit/bin/pip-audit").exists(),
    "git": lambda: shutil.which("git") is not None,
    "Python 3.13": lambda: _python_313() is not None,
    "the user is root": lambda: os.geteuid() != 0,
    "does not declare the capability": lambda: False,
}
"""What a reason may name, and how to see that it is there after all."""


def main(report: Path) -> int:
    """Read pytest's summary lines (``SKIPPED [n] place: reason``)."""
    skipped = re.findall(r"^SKIPPED \[\d+\] (.+?): (.+)$", report.read_text("utf-8"), re.MULTILINE)
    wrong: list[str] = []
    for place, reason in skipped:
        print(f"skipped: {place}: {reason}")
        named = [name for name in PREREQUISITES if name in reason]
        if not named:
            wrong.append(f"{place}: the reason names no known prerequisite: {reason}")
        wrong += [f"{place}: skipped for want of {name}, which is here" for name in named if PREREQUISITES[name]()]
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    print(f"{len(skipped)} skipped, {len(wrong)} of them wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

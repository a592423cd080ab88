"""The log of one command: everything that terraform said, in ``.agent-framework/logs``."""

from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

LOGS_DIR = ".agent-framework/logs"


class CommandLog:
    """A file with a line for each thing that happened; made when the first line is written, readable by its owner."""

    def __init__(self, project_dir: Path, command: str, stage: str, *, now: datetime | None = None) -> None:
        moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        self.path = project_dir / LOGS_DIR / f"{command}-{stage}-{moment}.log"
        self._file: TextIO | None = None

    def write(self, text: str) -> None:
        """Add lines."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            self._file = self.path.open("a", encoding="utf-8")
        self._file.write(text.rstrip("\n") + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

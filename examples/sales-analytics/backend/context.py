"""What every agent of this project gets to work with, and where a job's files are kept.

A job's files: ``jobs/<job id>/lines.csv`` (every line of the source with its category), ``report.md``, ``report.html``
and ``charts/<name>.svg`` beside it.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from agent_framework import AgentContext
from agent_framework.errors import ProjectError
from agent_framework.infrastructure.storage.base import StorageProvider, StoredObject

from .sales.linesfile import from_csv
from .sales.loading import MAX_BYTES
from .sales.request import SalesRequest, parse_request
from .sales.tracing import traceable

STORAGE_PREFIX = "storage:"


@dataclass
class SalesContext:
    """One agent's view of one job. ``figures`` holds what each tool computed, by the tool's name."""

    job_id: str
    request: SalesRequest
    project_dir: Path
    storage: StorageProvider
    results: Mapping[str, dict[str, Any]]
    lines: pd.DataFrame | None = None
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, base: AgentContext) -> "SalesContext":
        """Built on the framework's own context of the agent.

        Raises:
            ConfigError: the job's input is not one this project understands.
            ProjectError: the agent was given no storage.
        """
        if base.storage is None:
            raise ProjectError("this project keeps its reports in the storage, and the agent was given none")
        return cls(
            job_id=base.job_id,
            request=parse_request(base.job.request_payload),
            project_dir=base.project_dir,
            storage=base.storage,
            results=base.results,
        )

    def key(self, name: str) -> str:
        """The storage key of one of the job's files."""
        return f"jobs/{self.job_id}/{name}"

    async def put(self, name: str, text: str, content_type: str) -> StoredObject:
        """Store one of the job's files as UTF-8."""
        return await self.storage.put(self.key(name), text.encode("utf-8"), content_type=content_type)

    def compute(self, tool: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The figures of one tool, computed once however often it is called."""
        if tool not in self.figures:
            self.figures[tool] = work()
        return self.figures[tool]

    async def read_source(self) -> tuple[str, bytes]:
        """Name and bytes of the job's CSV file: from the storage, or a path that starts at the project's folder.

        Raises:
            ProjectError: there is no such file, or it cannot be read.
        """
        if self.request.csv.startswith(STORAGE_PREFIX):
            key = self.request.csv.removeprefix(STORAGE_PREFIX)
            return key.rpartition("/")[2], await self.storage.get(key)
        path = self.project_dir / self.request.csv
        return path.name, await asyncio.to_thread(_read, path)

    async def load_lines(self) -> pd.DataFrame:
        """The lines that data_cleaner stored.

        Raises:
            ProjectError: data_cleaner has not run in this job.
        """
        if self.lines is None:
            cleaned = self.results.get("data_cleaner")
            if cleaned is None:
                raise ProjectError("there are no cleaned lines: data_cleaner has to run before this agent")
            self.lines = await asyncio.to_thread(from_csv, await self.storage.get(cleaned["lines_key"]))
        return self.lines

    @property
    def cleaned_lines(self) -> pd.DataFrame:
        """The loaded lines, for tools."""
        if self.lines is None:
            raise ProjectError("the cleaned lines were not loaded; call load_lines when the context is made")
        return self.lines


def checked_output(sentences: list[str], figures: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's output: sentences whose figures were computed, and the figures; never NaN.

    Raises:
        ValueError: a figure is not a number JSON can hold.
    """
    kept = traceable(sentences, [figures, more])
    output = {"summary": kept, "sentences_left_out": len(sentences) - len(kept), **figures, **more}
    json.dumps(output, allow_nan=False)
    return output


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ProjectError(
                f"{path}: larger than {MAX_BYTES:,} bytes, the most this example reads; split it by year"
            )
        return path.read_bytes()
    except OSError as exc:
        raise ProjectError(
            f'{path}: {exc.strerror or exc}; give the path of a CSV file as "csv" in the job\'s input '
            "(relative paths start at the project's folder)"
        ) from exc

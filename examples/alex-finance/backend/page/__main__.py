"""``python -m backend.page JOB [FILE]`` writes a stored job's page and prints where it is."""

import argparse
import asyncio
import sys
from pathlib import Path

from agent_framework import Project
from agent_framework.errors import AgentFrameworkError
from backend.context import valuation_of
from backend.data.settings import PROJECT_DIR, open_store

from .render import render_page
from .stored import read_job


async def _write(job_id: str, target: Path, stage: str) -> Path:
    async with Project.open(PROJECT_DIR, stage=stage) as project:
        stored = await read_job(project, job_id)
    valuation = valuation_of(stored.job, open_store())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render_page(stored, valuation), "utf-8")
    return target.resolve()


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m backend.page", description="One HTML page of a stored job.")
    parser.add_argument("job")
    parser.add_argument("file", nargs="?", type=Path, default=Path("report.html"))
    parser.add_argument("--stage", default="local")
    arguments = parser.parse_args()
    try:
        print(asyncio.run(_write(arguments.job, arguments.file, arguments.stage)))
    except (AgentFrameworkError, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Try the coordinator offline: ``python -m backend.agents.coordinator.test_simple``, or with pytest."""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backend.trial import PROJECT_DIR, try_job


def run_sample() -> dict[str, Any]:
    """What the coordinator publishes for input.json."""
    job_input = json.loads((PROJECT_DIR / "input.json").read_text("utf-8"))
    with TemporaryDirectory() as folder:
        job = asyncio.run(try_job(job_input, Path(folder)))
    return job.agent_results["coordinator"]


def test_coordinator() -> None:
    """It publishes the input with its defaults filled in."""
    output = run_sample()
    assert output["analysis_type"] == "full"
    assert output["outlier_threshold"] == 6.0


if __name__ == "__main__":
    print(json.dumps(run_sample(), indent=2))  # noqa: T201

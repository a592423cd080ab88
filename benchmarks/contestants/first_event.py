"""A cold orchestrator's function up to its first answer: the handler's import, the project opened, one job advanced.

The job and its SQLite database are made by a process before, so that nothing of what is timed is loaded yet.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import versions

PROJECT = """
project: {name: bench}
agents:
  planner: {type: orchestrator}
  worker: {}
orchestration:
  selection_rules:
    - {name: large, condition: "input.amount > 100", agents: [worker]}
stages:
  dev:
    infrastructure: {database: {provider: sqlite}, queue: {provider: local}, storage: {provider: local}}
"""

SUBMIT = """
import asyncio, sys
from agent_framework import Project

async def submit():
    async with Project.open(sys.argv[1], stage="dev", environ={}) as project:
        print(await project.jobs.submit({"amount": 1}))

asyncio.run(submit())
"""


def main() -> None:
    """One turn."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "agents.yaml").write_text(PROJECT, "utf-8")
        submitted = subprocess.run(
            [sys.executable, "-c", SUBMIT, folder], capture_output=True, text=True, check=True, timeout=60
        )
        os.environ.update(LAMBDA_TASK_ROOT=folder, AGENT_FRAMEWORK_STAGE="dev")
        event = {"type": "advance", "job_id": submitted.stdout.strip()}
        begun, cpu_begun = time.perf_counter(), time.process_time()
        from agent_framework import orchestrator_handler

        answer = orchestrator_handler("planner")(event, None)
        spent = {
            "ms": (time.perf_counter() - begun) * 1000,
            "cpu_ms": (time.process_time() - cpu_begun) * 1000,
        }
        assert answer["ok"], answer
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**spent, "rss_mb": rss_mb, "facts": {"versions": versions(["serverless-agent-framework"])}}))


if __name__ == "__main__":
    main()

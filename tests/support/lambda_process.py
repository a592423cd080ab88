"""A process of a worker's function: ``python -m tests.support.lambda_process <folder> <stage>``.

As a Lambda process it stays for the next event: one line of JSON on its input is an event, one line on its output says
that the event was handled. Whoever kills it in between sees the output end.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_framework import Project
from agent_framework.core.execution import Performer
from agent_framework.core.messages import read_message
from agent_framework.types import AttemptKey

HANDLED = "handled "


class LambdaProcesses:
    """Processes of one project's functions; each handles one event at a time, and as many are started as are needed."""

    def __init__(self, folder: Path, stage: str, environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "tests.support.lambda_process", str(folder), stage]
        self._environment = {**environment, "PYTHONPATH": str(Path(__file__).parents[2])}
        self._idle: list[subprocess.Popen[str]] = []
        self._log = (folder / "worker.log").open("ab")
        self._all: list[subprocess.Popen[str]] = []

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Have a process handle the event; raises if it dies."""
        process = self._idle.pop() if self._idle else self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(event) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith(HANDLED):
                self._idle.append(process)
                return json.loads(line.removeprefix(HANDLED))
        raise RuntimeError(f"Runtime exited with error: exit status {process.wait()}")

    def close(self) -> None:
        """End all processes."""
        for process in self._all:
            process.kill()
            process.communicate()
        self._log.close()

    def _start(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=self._environment,
        )
        self._all.append(process)
        return process


async def nobody(job_id: str) -> None:
    """A worker of the durable engine wakes nobody: AWS resumes the execution."""


async def main(folder: str, stage: str) -> None:
    """Handle events until the input ends."""
    project = Project.open(folder, stage=stage)
    performer = Performer(project.db, project.runner, owner=f"lambda|{os.getpid()}", wake=nobody)
    while line := await asyncio.to_thread(sys.stdin.readline):
        key = read_message(json.loads(line))
        assert isinstance(key, AttemptKey)
        await performer.perform(key)
        print(HANDLED + json.dumps({"performed": str(key)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

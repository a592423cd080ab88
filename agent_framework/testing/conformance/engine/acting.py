"""What the suite's agents do: the job's input says it. Copied into the suite's projects as ``backend/acting.py``.

    {"log": "/tmp/x/ran.log", "acts": {"writer": [{"stumble": "busy"}, {"give": {"n": 1}}]}}

The n-th run of an agent does its n-th act, the last act again and again; without acts it answers ``{"by": <name>}``.
Every run leaves a line ``<job> <agent> begun`` in the log and, where it comes that far, ``... ended``. An act may ask
to ``meet`` other agents (wait until they have begun), to wait ``until`` a word stands in the log, to ``sleep``, to
``crash`` its process, to ``fail``, ``stumble`` or ``skip`` with a reason; otherwise it answers what it shall ``give``,
a text of ``fill`` characters, or what it can ``see`` of earlier agents.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_framework import Job, RetryableError, SkipAgent

PATIENCE_S = 120.0


async def act(name: str, job: Job) -> dict[str, Any]:
    """One run of the agent ``name``."""
    log = Path(job.request_payload["log"])
    acts: list[dict[str, Any]] = job.request_payload.get("acts", {}).get(name, [{}])
    chosen = acts[min(_lines(log).count(f"{job.id} {name} begun"), len(acts) - 1)]
    write_line(log, f"{job.id} {name} begun")
    await _wait(chosen, log, job.id)
    if chosen.get("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    _give_up(chosen)
    write_line(log, f"{job.id} {name} ended")
    return _answer(name, job, chosen)


def write_line(log: Path, line: str) -> None:
    """Add a line, whole even where several processes write."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def _lines(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.exists() else []


async def _wait(chosen: dict[str, Any], log: Path, job_id: str) -> None:
    for name in chosen.get("meet", ()):
        await _until(lambda name=name: f"{job_id} {name} begun" in _lines(log), f"{name} never began")
    if "until" in chosen:
        await _until(lambda: f"{job_id} {chosen['until']}" in _lines(log), f"nobody said {chosen['until']}")
    await asyncio.sleep(chosen.get("sleep", 0))


async def _until(true: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        await asyncio.sleep(0.02)


def _give_up(chosen: dict[str, Any]) -> None:
    if "fail" in chosen:
        raise ValueError(chosen["fail"])
    if "stumble" in chosen:
        raise RetryableError(chosen["stumble"])
    if "skip" in chosen:
        raise SkipAgent(chosen["skip"])


def _answer(name: str, job: Job, chosen: dict[str, Any]) -> dict[str, Any]:
    if chosen.get("see"):
        return {"saw": dict(job.agent_results)}
    if "fill" in chosen:
        return {"size": chosen["fill"], "text": "x" * chosen["fill"]}
    return chosen.get("give", {"by": name})

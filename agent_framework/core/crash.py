"""Crash points: the places where a process is killed on purpose to prove that nothing is lost.

Each is named here once. ``AGENT_FRAMEWORK_CRASH_AT=<name>[:n]`` (read by ``runtime``) kills the process with SIGKILL
the n-th time (default 1) that the point is passed.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum

from agent_framework.errors import ConfigError


class CrashPoint(StrEnum):
    """Every point, in the order in which a job passes them."""

    JOB_SUBMITTED = "job_submitted"
    JOB_CLAIMED = "job_claimed"
    DECISION_MADE = "decision_made"
    DECISION_COMMITTED = "decision_committed"
    ATTEMPTS_DISPATCHED = "attempts_dispatched"
    ATTEMPT_LOADED = "attempt_loaded"
    ATTEMPT_STARTED = "attempt_started"
    EFFECT_STARTED = "effect_started"
    EFFECT_MADE = "effect_made"
    EFFECT_RECORDED = "effect_recorded"
    AGENT_RETURNED = "agent_returned"
    APPROVAL_ASKED = "approval_asked"
    OUTCOME_COMMITTED = "outcome_committed"
    APPROVAL_DECIDED = "approval_decided"
    JOB_FINISHED = "job_finished"


def kill() -> None:
    """End this process as a power cut would: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


_armed: dict[CrashPoint, int] = {}
_death: Callable[[], None] = kill


def arm(setting: str | None, *, death: Callable[[], None] = kill) -> None:
    """Arm the point of ``setting`` (``name`` or ``name:n``); None or an empty text disarms all.

    ``death`` is what happens there; fault tests also stop a process, or cut its work off with an exception.

    Raises:
        ConfigError: there is no such point, or n is no positive number.
    """
    global _death
    _armed.clear()
    _death = death
    if not setting:
        return
    name, _, count = setting.partition(":")
    if name not in {point.value for point in CrashPoint} or not (count or "1").isdecimal() or int(count or 1) < 1:
        raise ConfigError(
            f"AGENT_FRAMEWORK_CRASH_AT={setting!r}: write <name> or <name>:<n>; names: {', '.join(CrashPoint)}"
        )
    _armed[CrashPoint(name)] = int(count or 1)


def crash_point(point: CrashPoint) -> None:
    """Die here if this point is armed and its time has come."""
    if not _armed or point not in _armed:
        return
    _armed[point] -= 1
    if _armed[point] == 0:
        _death()

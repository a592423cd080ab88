"""Crash points: the places where a process is killed on purpose to prove that nothing is lost.

Each is named here once. ``AGENT_FRAMEWORK_CRASH_AT=<name>[:n]`` (read by ``runtime``) kills the process with SIGKILL
the n-th time (default 1) that the point is passed.
"""

import os
import signal
from collections.abc import Callable
from typing import Literal, get_args

from agent_framework.errors import ConfigError

CrashPoint = Literal[
    "job_submitted",
    "job_claimed",
    "decision_made",
    "decision_committed",
    "attempts_dispatched",
    "attempt_loaded",
    "attempt_started",
    "effect_started",
    "effect_made",
    "effect_recorded",
    "agent_returned",
    "approval_asked",
    "outcome_committed",
    "approval_decided",
    "job_finished",
]
CRASH_POINTS: tuple[CrashPoint, ...] = get_args(CrashPoint)
"""Every point, in the order in which a job passes them."""


def kill() -> None:
    """End this process as a power cut would: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


_armed: dict[str, int] = {}
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
    if name not in CRASH_POINTS or not (count or "1").isdecimal() or int(count or 1) < 1:
        raise ConfigError(
            f"AGENT_FRAMEWORK_CRASH_AT={setting!r}: write <name> or <name>:<n>; names: {', '.join(CRASH_POINTS)}"
        )
    _armed[name] = int(count or 1)


def crash_point(point: CrashPoint) -> None:
    """Die here if this point is armed and its time has come."""
    if not _armed or point not in _armed:
        return
    _armed[point] -= 1
    if _armed[point] == 0:
        _death()

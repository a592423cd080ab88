"""Who holds a claim or runs an attempt: a name for this process, and whether a named process is known to be dead.

Only a process of the same machine and process namespace can be known to be dead. About any other, time decides.
"""

import os
import platform
from functools import lru_cache
from pathlib import Path

_ENDED = "XZ"
"""The states of a process that has ended, the second while its parent has not asked how."""


def _start_time(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty where the system does not tell, or it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in _ENDED else fields[18]


@lru_cache(maxsize=1)
def _place() -> str:
    """This machine's boot and process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:8]
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot, namespace = "", ""
    return f"{platform.node()}|{boot}|{namespace}"


def process_owner() -> str:
    """A name for this process that no other process ever has on this machine."""
    return f"{_place()}|{os.getpid()}|{_start_time(os.getpid())}"


def is_dead(owner: str | None) -> bool:
    """Whether ``owner`` is a process of this machine that does not run any more. When in doubt: no."""
    if owner is None:
        return False
    place, _, rest = owner.rpartition("|")[0].rpartition("|")
    pid_text, started = rest, owner.rpartition("|")[2]
    if place != _place() or not pid_text.isdecimal():
        return False
    try:
        os.kill(int(pid_text), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return started != _start_time(int(pid_text))


def nobody(owner: str | None) -> bool:
    """For places where no process can be known to be dead: time decides."""
    return False

"""Whether a named process is known to be dead."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agent_framework.core.owner import is_dead, process_owner

NAMES_ITSELF = "import sys; from agent_framework.core.owner import process_owner as o; print(o(), flush=True); input()"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", NAMES_ITSELF], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def named(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_process_that_runs_is_not_dead(process: "subprocess.Popen[str]") -> None:
    assert not is_dead(named(process))
    assert not is_dead(process_owner())


def test_a_killed_process_is_dead_before_its_parent_has_asked_how_it_ended(process: "subprocess.Popen[str]") -> None:
    owner = named(process)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # until it has ended, and as if nobody had asked
    assert is_dead(owner)
    process.wait()
    assert is_dead(owner)


def test_about_processes_elsewhere_nothing_is_known() -> None:
    assert not is_dead("another machine|boot|pid:[1]|1|1")
    assert not is_dead(None)

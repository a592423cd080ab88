"""What all tests share: hypothesis without flaky deadlines, and projects made in a temporary folder."""

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from agent_framework import Project
from agent_framework.observability.redaction import forgetting
from tests.support.projects import open_project

pytest_plugins = ["tests.support.facts"]

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _nothing_stays_in_the_process() -> Iterator[None]:
    """What one test's environment holds is hidden in that test alone; what a function's handler logs is its own too."""
    root = logging.getLogger()
    level = root.level
    with forgetting():
        yield
    root.setLevel(level)


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """Make a project in a temporary folder: ``project(agents={...}, orchestration="...")``; see `open_project`."""

    def make(
        agents: Mapping[str, Callable[..., Any]], orchestration: str | Mapping[str, Any] = "", **options: Any
    ) -> Project:
        return open_project(tmp_path, agents, orchestration, **options)

    return make


def pytest_configure() -> None:
    """A runner in the background ignores Ctrl-C, and so would every command that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

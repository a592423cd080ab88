"""What all tests share: hypothesis without flaky deadlines, and projects made in a temporary folder."""

import logging
import os
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
    """A test has its environment, which ``.env`` files add to, its secrets and its level of logs for itself alone."""
    root = logging.getLogger()
    level, environ = root.level, dict(os.environ)
    with forgetting():
        yield
    root.setLevel(level)
    if os.environ != environ:
        os.environ.clear()
        os.environ.update(environ)


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """Make a project in a temporary folder: ``project(agents={...}, orchestration="...")``; see `open_project`."""

    def make(
        agents: Mapping[str, Callable[..., Any]], orchestration: str | Mapping[str, Any] = "", **options: Any
    ) -> Project:
        return open_project(tmp_path, agents, orchestration, **options)

    return make


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of tests that run side by side those come first that may take longest, so that none is left alone at the end.

    What a scope may take is told by the longest time limit in it, and by how many tests it has.
    """
    if not hasattr(config, "workerinput"):
        return
    scopes: dict[str, list[pytest.Item]] = {}
    for item in items:
        scopes.setdefault(item.nodeid.rpartition("::")[0], []).append(item)

    def longest(scope: list[pytest.Item]) -> tuple[float, int]:
        marks = [mark for item in scope if (mark := item.get_closest_marker("timeout")) is not None]
        return max((mark.args[0] for mark in marks), default=0), len(scope)

    items[:] = [item for scope in sorted(scopes.values(), key=longest, reverse=True) for item in scope]


def pytest_configure() -> None:
    """A runner in the background ignores Ctrl-C, and so would every command that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

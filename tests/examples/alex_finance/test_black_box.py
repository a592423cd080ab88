"""The alex-finance example from outside: its own tests, in a process of their own as each example has a ``backend``.

They run on SQLite and on a PostgreSQL that is started for them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PASSWORD, USER, PostgresServer

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "examples" / "alex-finance"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of an empty database."""
    server = PostgresServer()
    try:
        server.start()
        server.create_database("alex")
        yield f"postgresql://{USER}:{PASSWORD}@{server.host}:{server.port}/alex"
    finally:
        server.stop()


@pytest.mark.timeout(320)
def test_the_examples_own_tests_pass(postgres: str):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environ = {**os.environ, "ALEX_TEST_POSTGRES": postgres}
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

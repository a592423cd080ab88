"""The alex-finance example from outside: its own tests, in a process of their own as each example has a ``backend``.

They run on SQLite, on a PostgreSQL that is started for them, and on the same by the Data API.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PASSWORD, USER, PostgresServer
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN, RdsDataServer

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "examples" / "alex-finance"


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, str]]:
    """The addresses of two empty databases, and how to reach the second one's Data API."""
    server = PostgresServer()
    try:
        server.start()
        server.create_database("alex")
        server.create_database("aurora")
        api = RdsDataServer(server.host, server.port, {SECRET_ARN: (USER, PASSWORD)})
        api.start()
        yield {
            "ALEX_TEST_POSTGRES": f"postgresql://{USER}:{PASSWORD}@{server.host}:{server.port}/alex",
            "ALEX_TEST_AURORA": f"aurora://aurora?cluster={CLUSTER_ARN}&secret={SECRET_ARN}",
            "AWS_ENDPOINT_URL_RDS_DATA": api.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        api.stop()
    finally:
        server.stop()


@pytest.mark.timeout(600)
def test_the_examples_own_tests_pass(databases: dict[str, str]):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=12"]
    environ = {**os.environ, **databases}
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=590, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

"""sales-analytics through worker processes in four stages that differ in nothing but their infrastructure block.

Each stage keeps its rows where it says: read back here by SQL and DynamoDB's own API, without the framework.
"""

import json
import os
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_framework.core.trace import canonical
from tests.support import commands
from tests.support.dynamodb import DynamoDBServer, dynamodb_session
from tests.support.moto_server import CREDENTIALS, REGION, Aws, aws
from tests.support.postgres import PASSWORD, USER, PostgresServer
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN, RdsDataServer

__all__ = ["aws", "dynamodb_session"]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sales-analytics"
AGENTS = ["coordinator", "data_cleaner", "forecast_agent", "insight_reporter", "trend_analyzer"]
SHARED_MOUNT = Path("/dev/shm")
PROVIDERS = {
    "one": ("sqlite", "local", "local"),
    "two": ("rds-postgres", "sqs", "s3"),
    "three": ("aurora-serverless-v2", "eventbridge", "efs"),
    "four": ("dynamodb", "sqs", "s3"),
}


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        server.create_database("stage_two")
        server.create_database("stage_three")
        yield server
    finally:
        server.stop()


@pytest.fixture
def rds_data(postgres: PostgresServer) -> Iterator[RdsDataServer]:
    server = RdsDataServer(postgres.host, postgres.port, {SECRET_ARN: (USER, PASSWORD)})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mounted() -> Iterator[str]:
    """A folder on a file system that is mounted, as EFS is."""
    name = f"test-{uuid.uuid4().hex}"
    yield name
    shutil.rmtree(SHARED_MOUNT / name, ignore_errors=True)


@pytest.fixture
def stages(
    tmp_path: Path,
    aws: Aws,
    dynamodb_session: DynamoDBServer,
    postgres: PostgresServer,
    rds_data: RdsDataServer,
    mounted: str,
) -> dict[str, Any]:
    """The ``infrastructure`` block of each stage."""
    at = {"region": REGION, "endpoint_url": aws.url}
    bus_queue = aws.queue()
    return {
        "one": {
            "database": {"provider": "sqlite", "config": {"path": str(tmp_path / "one.sqlite")}},
            "queue": {"provider": "local", "config": {"path": str(tmp_path / "queue.sqlite")}},
            "storage": {"provider": "local", "config": {"path": str(tmp_path / "files")}},
        },
        "two": {
            "database": {"provider": "rds-postgres", "config": postgres.config("stage_two")},
            "queue": {"provider": "sqs", "config": {"url": aws.queue(), **at}},
            "storage": {"provider": "s3", "config": {"bucket": aws.bucket(), **at}},
        },
        "three": {
            "database": {
                "provider": "aurora-serverless-v2",
                "config": {
                    "cluster_arn": CLUSTER_ARN,
                    "secret_arn": SECRET_ARN,
                    "database": "stage_three",
                    "endpoint_url": rds_data.url,
                },
            },
            "queue": {"provider": "eventbridge", "config": {"bus": aws.bus(bus_queue), "queue_url": bus_queue, **at}},
            "storage": {"provider": "efs", "config": {"mount_path": str(SHARED_MOUNT), "folder": mounted}},
        },
        "four": {
            "database": {
                "provider": "dynamodb",
                "config": {
                    "table_name": f"jobs-{uuid.uuid4().hex}",
                    "create_table": True,
                    "region": dynamodb_session.client.meta.region_name,
                    "endpoint_url": dynamodb_session.url,
                },
            },
            "queue": {"provider": "sqs", "config": {"url": aws.queue(), **at}},
            "storage": {"provider": "s3", "config": {"bucket": aws.bucket(), **at}},
        },
    }


class Sales:
    """The example in a folder, used through the command line."""

    def __init__(self, folder: Path, stages: dict[str, Any]) -> None:
        self.folder = folder
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".agent-framework", "__pycache__", "tests"))
        config = yaml.safe_load((folder / "agents.yaml").read_text("utf-8"))
        config["stages"] = {name: {"infrastructure": block} for name, block in stages.items()}
        (folder / "agents.yaml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
        (folder / "pytest.ini").unlink()
        self.environ = {**os.environ, **{name.upper(): value for name, value in CREDENTIALS.items()}}

    def af(self, command: str, *arguments: str) -> str:
        """One command of agent-framework, and what it prints."""
        done = commands.run(*command.split(), *arguments, cwd=self.folder, env=self.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def work(self, stage: str) -> tuple[dict[str, Any], str]:
        """Submit the example's job to a stage, let two workers do it: the job as shown, and what a worker printed."""
        self.af("db migrate", "--stage", stage)
        job_id = json.loads(self.af("submit", "--stage", stage, "--input", "input.json", "--json"))["job_id"]
        logs = [self.folder / f"{stage}-{number}.log" for number in range(2)]
        workers = [self._worker(stage, log) for log in logs]
        try:
            end = time.monotonic() + 90
            while not any(re.search(rf"^job {job_id}  \w+$", log.read_text(), re.MULTILINE) for log in logs):
                assert time.monotonic() < end, [log.read_text() for log in logs]
                time.sleep(0.1)
        finally:
            for worker in workers:
                worker.terminate()
            codes = [worker.wait() for worker in workers]
        assert codes == [0, 0], [log.read_text() for log in logs]
        return json.loads(self.af("jobs show", job_id, "--stage", stage, "--json")), logs[0].read_text()

    def _worker(self, stage: str, log: Path) -> commands.Running:
        log.touch()
        return commands.start("worker", "--stage", stage, "--offline", log=log, cwd=self.folder, env=self.environ)


def _same_everywhere(shown: dict[str, Any]) -> str:
    """Results and trace as text, without the job's id and where its report lies."""
    results = json.loads(json.dumps(shown["results"]))
    results["insight_reporter"]["files"].pop("html_url")
    kept = {"status": shown["status"], "results": results, "trace": canonical(shown["trace"])}
    return json.dumps(kept, sort_keys=True).replace(shown["job_id"], "JOB")


@pytest.mark.timeout(300)
def test_four_stages_that_differ_only_in_infrastructure_give_equal_results_and_traces(
    tmp_path: Path,
    stages: dict[str, Any],
    postgres: PostgresServer,
    dynamodb_session: DynamoDBServer,
    record_property: Callable[[str, object], None],
) -> None:
    sales = Sales(tmp_path / "sales", stages)
    shown = {}
    for stage, providers in PROVIDERS.items():
        assert tuple(stages[stage][kind]["provider"] for kind in ("database", "queue", "storage")) == providers
        shown[stage], printed = sales.work(stage)
        named = "database {}, queue {}, storage {}".format(*providers)
        assert printed.startswith(f"worker of sales-analytics, stage {stage}: {named}\n")
        record_property("fact", f"sales-analytics, stage {stage}: {named}: {shown[stage]['status']}")
    assert shown["one"]["status"] == "completed"
    first = _same_everywhere(shown["one"])
    assert [stage for stage in PROVIDERS if _same_everywhere(shown[stage]) != first] == []

    columns = "SELECT agent_name, result_payload FROM agent_results WHERE job_id = '{}' ORDER BY agent_name"
    with sqlite3.connect(tmp_path / "one.sqlite") as file:
        rows = {"one": file.execute(columns.format(shown["one"]["job_id"])).fetchall()}
    file.close()
    for stage in ("two", "three"):
        rows[stage] = postgres.query(columns.format(shown[stage]["job_id"]), f"stage_{stage}")
    rows["four"] = _items(dynamodb_session, stages["four"]["database"]["config"]["table_name"], shown["four"]["job_id"])
    for stage, found in rows.items():
        assert [row[0] for row in found] == AGENTS
        read = {agent: payload if isinstance(payload, dict) else json.loads(payload) for agent, payload in found}
        assert read == shown[stage]["results"], f"stage {stage} keeps other rows"
    counts = ", ".join(f"{PROVIDERS[stage][0]} {len(found)}" for stage, found in rows.items())
    record_property("fact", f"sales-analytics, results read straight from each backend: {counts}")


def _items(server: DynamoDBServer, table: str, job_id: str) -> list[tuple[str, Any]]:
    """The results of a job, by DynamoDB's own API."""
    answer = server.client.query(
        TableName=table,
        KeyConditionExpression="PK = :pk AND begins_with(SK, :sk)",
        ExpressionAttributeValues={":pk": {"S": f"JOB#{job_id}"}, ":sk": {"S": "RESULT#"}},
    )
    return [(item["SK"]["S"].removeprefix("RESULT#"), item["payload"]["S"]) for item in answer["Items"]]

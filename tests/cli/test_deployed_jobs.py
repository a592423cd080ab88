"""``run`` and ``submit`` on a deployed stage: the job goes through its queue, and is followed from here."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_framework.core.deployed import DeployedStage
from tests.terraform.support import ROOT

pytestmark = pytest.mark.timeout(120)

AGENTS = {
    "reader": "return {'words': 3}",
    "writer": "return {'said': 'done'}",
    "slow": "import asyncio\n    await asyncio.sleep(30)\n    return {}",
}
RULES = """
selection_rules:
  - {name: slow, condition: "input.slow == true", agents: [slow], else: [reader, writer]}
"""


class DeployedProject:
    """A project whose stage dev is somewhere else: the command in processes of their own, and one worker there."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "agent_framework.cli.main", *arguments]
        process = subprocess.Popen(
            command, cwd=self.folder, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=90)
        return process.returncode, output


@pytest.fixture
def project(
    write_project: Callable[..., Path], aws: Any, dynamodb_server: Any, dynamodb_table: str
) -> Iterator[DeployedProject]:
    """The project, as ``deploy`` leaves its folder."""
    folder = write_project(AGENTS, RULES)
    database = {"table_name": dynamodb_table, "create_table": True, "endpoint_url": dynamodb_server.url}
    DeployedStage(
        stage="dev",
        project="a-test",
        account="123456789012",
        region="us-east-1",
        orchestrator="orchestrator",
        infrastructure={
            "database": {"provider": "dynamodb", "config": database},
            "queue": {"provider": "sqs", "config": {"url": aws.queue()}},
            "storage": {"provider": "s3", "config": {"bucket": aws.bucket()}},
        },
    ).write(folder)
    env = {"AWS_ENDPOINT_URL": aws.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    made = DeployedProject(folder, {**os.environ, **env, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"})
    assert made.run("db", "migrate", "--stage", "dev")[0] == 0
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


def test_a_job_runs_there_and_every_line_is_told_here(project: DeployedProject) -> None:
    project.start("worker", "--stage", "dev", "--offline", "--sweep", "1")
    code, told = project.run("run", "--stage", "dev", "--set", "slow=false")
    assert code == 0, told
    assert "runs on stage dev; Ctrl-C stops following, not the job" in told
    assert "rule slow: input.slow == true does not hold, else" in told
    assert told.index("reader               ok") < told.index("writer               started")
    assert "said: done" in told
    assert told.rstrip().splitlines()[-1].endswith(" --stage dev")


def test_who_stops_following_does_not_stop_the_job(project: DeployedProject) -> None:
    project.start("worker", "--stage", "dev", "--offline", "--sweep", "1")
    process = project.start("run", "--stage", "dev", "--set", "slow=true")
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if "started" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "no longer followed; the job goes on. Look at it with: agent-framework jobs list --stage dev" in rest
    job_id = told.split()[1]
    _, shown = project.run("jobs", "show", job_id, "--stage", "dev", "--json")
    assert json.loads(shown)["status"] == "running"


def test_a_deployed_stages_backends_are_reached_where_the_deployment_put_them(project: DeployedProject) -> None:
    code, told = project.run("validate", "--stage", "dev", "--connect")
    assert code == 0, told
    assert "reached: database dynamodb" in told


def test_a_look_at_a_deployed_stage_never_changes_its_schema(project: DeployedProject, dynamodb_server: Any) -> None:
    known = DeployedStage.read(project.folder, "dev")
    assert known is not None
    table = known.infrastructure["database"]["config"]["table_name"]
    key = {"PK": {"S": "SCHEMA"}, "SK": {"S": "SCHEMA"}}
    client = dynamodb_server.new_client(region_name="us-east-1")
    client.delete_item(TableName=table, Key=key)
    code, told = project.run("jobs", "list", "--stage", "dev")
    assert code == 1
    assert "has schema version 0, this version of the package works with 1" in told
    assert "Item" not in client.get_item(TableName=table, Key=key)
    client.close()


def test_a_submitted_job_waits_in_the_stages_queue(project: DeployedProject, aws: Any) -> None:
    code, told = project.run("submit", "--stage", "dev", "--set", "slow=false", "--json")
    assert code == 0, told
    (message,) = _messages(aws, project)
    assert message["job_id"] == json.loads(told)["job_id"]


def test_here_runs_the_agents_in_this_process(project: DeployedProject) -> None:
    code, told = project.run("run", "--stage", "dev", "--here", "--offline", "--set", "slow=false")
    assert code == 0, told
    assert "offline: no model is called" in told
    assert "agent-framework jobs show" in told.rstrip().splitlines()[-1]


def test_a_choice_of_models_makes_no_sense_there(project: DeployedProject) -> None:
    code, told = project.run("run", "--stage", "dev", "--offline")
    assert code == 2
    assert "stage dev is deployed: --offline, --record and --replay need --here" in told


def _messages(aws: Any, project: DeployedProject) -> list[dict[str, Any]]:
    known = DeployedStage.read(project.folder, "dev")
    assert known is not None
    found = aws.client("sqs").receive_message(QueueUrl=known.infrastructure["queue"]["config"]["url"])
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]

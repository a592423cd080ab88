"""From an empty folder to a running system and back: the command, Terraform, the zips and Lambda's runtime for real.

AWS is emulated: moto behind a Terraform provider for tests, functions in its real runtime client on Python 3.13,
Bedrock a local server that speaks Converse. The tests of this file are the stations of one journey, in order.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.lambda_emulator import LambdaEmulator, emulated_lambda
from tests.support.lambda_python import lambda_python
from tests.support.lambda_starts import NewInterpreter
from tests.support.moto_server import Aws, aws
from tests.support.running_provider import running_provider
from tests.support.sample_model import SampleModel
from tests.terraform.support import NO_BUCKET_POLICY, load_harness, needs_offline_provider, needs_terraform

__all__ = ["aws"]
pytestmark = [needs_terraform, needs_offline_provider, pytest.mark.timeout(400)]

PROJECT = "shop"
CANARY = "canary-e2e-6b1d"
ALL = """
    - name: look_over
      condition: always
      agents: [{parallel: [checker, notifier]}]
"""


@dataclass
class Journey:
    """The project on its way, and what it runs on."""

    folder: Path
    env: dict[str, str]
    aws: Aws
    lambdas: LambdaEmulator
    model: SampleModel
    job_id: str = ""

    def command(self, *arguments: str, ok: bool = True, cwd: Path | None = None) -> str:
        """The command, as a user types it; what it printed."""
        print("$ agent-framework", *arguments)
        done = subprocess.run(
            [sys.executable, "-m", "agent_framework.cli.main", *arguments],
            cwd=cwd or self.folder, env=self.env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        print(done.stdout, done.stderr)
        assert (done.returncode == 0) is ok, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def modified(self) -> dict[str, str]:
        """The hash of each function's code, by name; other tests of this process leave functions of theirs."""
        pages = self.aws.client("lambda").get_paginator("list_functions").paginate()
        functions = [function for page in pages for function in page["Functions"]]
        ours = [function for function in functions if function["FunctionName"].startswith(f"{PROJECT}-dev-")]
        return {function["FunctionName"]: function["CodeSha256"] for function in ours}


@pytest.fixture(scope="module")
def journey(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    starter = NewInterpreter(lambda_python())
    place = tmp_path_factory.mktemp("journey")
    env = {**load_harness().environment(), "AWS_ENDPOINT_URL": aws.url, "AWS_DEFAULT_REGION": "us-east-1"}
    aws.client("scheduler").create_schedule_group(Name=f"{PROJECT}-dev")  # which the provider for tests only remembers
    with SampleModel() as model, emulated_lambda(aws, starter, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=model.url) as lambdas:
        yield Journey(place / PROJECT, env, aws, lambdas, model)


def test_1_a_project_is_begun_and_two_agents_are_added(journey: Journey) -> None:
    journey.command("init", PROJECT, "--template", "basic", "--database", "dynamodb", cwd=journey.folder.parent)
    journey.command("add-agent", "checker", "--description", "Checks the text")
    journey.command("add-agent", "notifier", "--description", "Tells the customer")
    file = journey.folder / "agents.yaml"
    text = file.read_text()
    assert text.count("  selection_rules:\n") == 1
    file.write_text(text.replace("  selection_rules:\n", f"  selection_rules:{ALL.rstrip()}\n"))
    override = journey.folder / "terraform" / "modules" / "storage" / "override.tf"
    override.write_text(NO_BUCKET_POLICY)
    assert "valid" in journey.command("validate")


def test_2_everything_is_packaged(journey: Journey) -> None:
    out = journey.command("package", "--all")
    for agent in ("researcher", "writer", "checker", "notifier", "orchestrator"):
        assert agent in out


def test_3_the_stage_is_deployed(journey: Journey) -> None:
    out = journey.command("deploy", "--stage", "dev", "--auto-approve")
    assert "agent-framework run --stage dev" in out
    assert len(journey.modified()) == 5


def test_4_a_job_goes_through_sqs_and_the_functions_to_completed_in_dynamodb(journey: Journey) -> None:
    job_input = journey.folder / "input.json"
    report = json.loads(journey.command("run", "--stage", "dev", "--input", str(job_input), "--json"))
    journey.job_id = report["job_id"]
    assert report["status"] == "completed"
    assert {"researcher", "writer", "checker", "notifier"} <= report["results"].keys()
    tables = journey.aws.client("dynamodb").list_tables()["TableNames"]
    (table,) = [name for name in tables if name.startswith(f"{PROJECT}-dev")]
    key = {"PK": {"S": f"JOB#{journey.job_id}"}, "SK": {"S": "META"}}
    item = journey.aws.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert item["status"] == {"S": "completed"}


def test_5_the_model_was_asked_by_the_functions(journey: Journey) -> None:
    assert len(journey.model.requests) >= 4
    assert all(request.path.endswith("/converse") for request in journey.model.requests)
    ran = {name for name, _, answer in journey.lambdas.invocations if answer.error is None}
    assert ran == set(journey.modified())


@pytest.fixture(scope="module")
def attached(journey: Journey) -> Iterator[None]:
    """From here on Terraform does not start its provider by itself."""
    with running_provider(journey.env, journey.folder / "terraform") as journey.env:
        yield


@pytest.mark.usefixtures("attached")
def test_6_a_second_deployment_changes_nothing(journey: Journey) -> None:
    before = journey.modified()
    out = journey.command("deploy", "--stage", "dev", "--auto-approve")
    assert "nothing" in out.lower() or "no changes" in out.lower()
    assert journey.modified() == before


def test_7_an_edited_agent_is_the_only_function_that_changes(journey: Journey) -> None:
    before = journey.modified()
    templates = journey.folder / "backend" / "agents" / "writer" / "templates.py"
    templates.write_text(templates.read_text().replace('"""', '"""Be brief. ', 1) + "\n# edited\n")
    journey.command("deploy", "--stage", "dev", "--auto-approve")
    after = journey.modified()
    assert [name for name in after if after[name] != before[name]] == [f"{PROJECT}-dev-writer"]


def test_8_nothing_is_left_after_destroy_but_the_state_bucket(journey: Journey) -> None:
    journey.command("destroy", "--stage", "dev", "--auto-approve")
    assert journey.modified() == {}
    buckets = [bucket["Name"] for bucket in journey.aws.client("s3").list_buckets()["Buckets"]]
    assert [name for name in buckets if name.startswith(PROJECT)] == [name for name in buckets if "tfstate" in name]
    assert not [n for n in journey.aws.client("dynamodb").list_tables()["TableNames"] if n.startswith(PROJECT)]
    left: list[Any] = journey.aws.client("sqs").list_queues(QueueNamePrefix=PROJECT).get("QueueUrls", [])
    assert left == []
    journey.command("destroy", "--stage", "dev", "--auto-approve", "--delete-state")
    buckets = [bucket["Name"] for bucket in journey.aws.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in buckets if name.startswith(PROJECT)]

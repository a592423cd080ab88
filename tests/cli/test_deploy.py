"""``deploy`` and ``destroy`` with the real terraform against an emulated AWS: one stage, from nothing to nothing."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulated_stage import ACCOUNT, AGENTS, Stage
from tests.terraform.support import needs_offline_provider, needs_terraform

pytestmark = [needs_terraform, needs_offline_provider, pytest.mark.timeout(600)]

STATE_BUCKET = f"shop-tfstate-{ACCOUNT}-us-east-1"


@pytest.fixture(scope="module")
def shop(emulated: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A project whose stage dev was not deployed yet; the tests of this file follow its life in their order."""
    emulated.reset()
    stage = Stage(tmp_path_factory.mktemp("shop"), emulated.env)
    stage.write()
    # Schedule groups are not made in the simulator by the offline provider.
    stage.client("scheduler").create_schedule_group(Name="shop-dev")
    yield stage
    for process in stage.running:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def stopped(shop: Stage) -> subprocess.CompletedProcess[str]:
    """The first deploy, which finds a role of the writer's name that it did not make."""
    shop.client("iam").create_role(RoleName="shop-dev-writer", AssumeRolePolicyDocument="{}")
    return shop.run("deploy", "--auto-approve")


@pytest.fixture(scope="module")
def deployed(shop: Stage, stopped: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The second one, after the cause was mended."""
    shop.client("iam").delete_role(RoleName="shop-dev-writer")
    return shop.run("deploy", "--auto-approve")


def test_a_plan_alone_makes_the_states_bucket_and_nothing_else(shop: Stage) -> None:
    done = shop.run("deploy", "--plan-only", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["account"], told["region"], told["applied"]) == (ACCOUNT, "us-east-1", False)
    assert {item["action"] for item in told["changes"]} == {"add"}
    assert {"sweeper", "alarms"} <= {
        word for item in told["idle_costs"] for word in item["what"].replace(",", "").split()
    }
    assert [bucket["Name"] for bucket in shop.client("s3").list_buckets()["Buckets"]] == [STATE_BUCKET]
    assert not shop.client("lambda").list_functions()["Functions"]


def test_the_states_bucket_is_versioned_encrypted_and_private(shop: Stage) -> None:
    s3 = shop.client("s3")
    assert s3.get_bucket_versioning(Bucket=STATE_BUCKET)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=STATE_BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert all(s3.get_public_access_block(Bucket=STATE_BUCKET)["PublicAccessBlockConfiguration"].values())


def test_without_a_terminal_nobody_is_asked_and_nothing_is_made(shop: Stage) -> None:
    done = shop.run("deploy")
    assert done.returncode == 1
    assert "no terminal to ask at; give --auto-approve" in done.stderr
    assert "account  123456789012" in done.stdout
    assert "while idle it costs" in done.stdout
    assert not shop.client("lambda").list_functions()["Functions"]


def test_an_apply_that_stops_half_way_names_resource_reason_remedy_and_log(
    shop: Stage, stopped: subprocess.CompletedProcess[str]
) -> None:
    assert stopped.returncode == 1
    assert "half-way" in stopped.stderr
    assert 'module.agents.aws_iam_role.agent["writer"]' in stopped.stderr
    assert "EntityAlreadyExists" in stopped.stderr
    assert "remedy: something of this name is there" in stopped.stderr
    (log,) = [line.split("log: ")[1] for line in stopped.stderr.splitlines() if "log: " in line]
    assert "EntityAlreadyExists" in Path(log).read_text()
    assert not (shop.folder / ".agent-framework" / "stages" / "dev.json").exists()


def test_the_next_run_goes_on_from_there(shop: Stage, deployed: subprocess.CompletedProcess[str]) -> None:
    assert deployed.returncode == 0, deployed.stderr
    assert "module.orchestrator.aws_sqs_queue.jobs " not in deployed.stdout  # made by the run before
    assert 'made module.agents.aws_lambda_function.agent["writer"]' in deployed.stdout
    assert "schema version" in deployed.stdout
    assert deployed.stdout.splitlines()[-1] == "next: agent-framework run --stage dev --input input.json"
    functions = {item["FunctionName"] for item in shop.client("lambda").list_functions()["Functions"]}
    assert functions == {"shop-dev-chief", "shop-dev-reader", "shop-dev-writer"}


@pytest.mark.usefixtures("deployed")
def test_the_folder_knows_the_stage_and_no_secret(shop: Stage) -> None:
    known = shop.read_stage()
    assert (known["account"], known["orchestrator"], known["state_bucket"]) == (ACCOUNT, "chief", STATE_BUCKET)
    assert known["infrastructure"]["database"]["config"] == {"table_name": "shop-dev-jobs"}
    assert known["functions"]["writer"] == "shop-dev-writer"


@pytest.mark.usefixtures("deployed")
def test_a_second_deploy_changes_nothing(shop: Stage) -> None:
    done = shop.run("deploy", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["changes"], told["applied"]) == ([], False)
    assert told["outputs"]["queue_url"].endswith("/shop-dev-jobs")


@pytest.mark.usefixtures("deployed")
def test_one_edited_agent_is_the_only_one_that_is_uploaded_and_updated(shop: Stage) -> None:
    with (shop.folder / "backend" / "agents" / "writer" / "agent.py").open("a") as file:
        file.write("# edited\n")
    done = shop.run("deploy", "--auto-approve", "--json")
    assert done.returncode == 0, done.stderr
    changed = {item["address"]: item["action"] for item in json.loads(done.stdout)["changes"]}
    assert changed == {
        'module.agents.aws_lambda_function.agent["writer"]': "change",
        'module.agents.aws_s3_object.package["writer"]': "replace",
    }


@pytest.mark.usefixtures("deployed")
def test_status_and_logs_find_what_was_deployed(shop: Stage) -> None:
    done = shop.run("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"writer +shop-dev-writer +Active", done.stdout)
    assert "event source: state Enabled" in done.stdout
    logs = shop.client("logs")
    logs.create_log_stream(logGroupName="/aws/lambda/shop-dev-writer", logStreamName="one")
    event = {"timestamp": int(time.time() * 1000), "message": '{"level": "INFO", "message": "written for job-1"}'}
    logs.put_log_events(logGroupName="/aws/lambda/shop-dev-writer", logStreamName="one", logEvents=[event])
    shown = shop.run("logs", "--job", "job-1").stdout
    assert shown.rstrip().endswith("writer  INFO     written for job-1")


@pytest.mark.usefixtures("deployed")
def test_a_protected_stage_is_not_destroyed(shop: Stage) -> None:
    protect = "infrastructure: {database: {provider: dynamodb, config: {deletion_protection: true}}}\n"
    (shop.folder / "agents.yaml").write_text(AGENTS + protect)
    assert shop.run("deploy", "--auto-approve").returncode == 0
    refused = shop.run("destroy", "--auto-approve")
    assert refused.returncode == 1
    assert "stage dev is protected, and nothing was destroyed" in refused.stderr
    assert "stages.dev.infrastructure.database.config: {deletion_protection: false}" in refused.stderr
    (shop.folder / "agents.yaml").write_text(AGENTS)
    assert shop.run("deploy", "--auto-approve").returncode == 0


@pytest.mark.usefixtures("deployed")
def test_an_interrupted_destroy_is_finished_by_the_next_and_leaves_the_states_bucket(shop: Stage) -> None:
    s3, bucket = shop.client("s3"), shop.read_stage()["bucket"]
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="jobs/1/report.html", Body=body)
    s3.delete_object(Bucket=bucket, Key="jobs/1/report.html")
    process = shop.start("destroy", "--auto-approve")
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "] removed " in line and not any("interrupted" in earlier for earlier in lines):
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)  # an impatient user: terraform must not hear the second one
            break
    rest, _ = process.communicate(timeout=120)
    text = "".join(lines) + rest
    assert f"emptied {bucket}: 3 versions of objects" in text
    assert "interrupted: terraform finishes what it has begun" in text
    assert "the state is kept" in text
    assert process.returncode == 130
    assert shop.client("sqs").list_queues().get("QueueUrls") or shop.client("iam").list_roles()["Roles"]
    done = shop.run("destroy", "--auto-approve")
    assert done.returncode == 0, done.stdout + done.stderr
    assert _left(shop) == {"buckets": [STATE_BUCKET]}
    assert not (shop.folder / ".agent-framework" / "stages" / "dev.json").exists()


@pytest.mark.usefixtures("deployed")
def test_the_state_goes_too_where_it_is_asked_for(shop: Stage) -> None:
    done = shop.run("destroy", "--auto-approve", "--delete-state")
    assert done.returncode == 0, done.stderr
    assert "there is nothing to destroy" in done.stdout
    assert _left(shop) == {}
    again = shop.run("destroy", "--auto-approve")
    assert again.returncode == 0, again.stderr
    assert f"the bucket {STATE_BUCKET} has no state of stage dev, so nothing was destroyed" in again.stdout
    assert "--state-bucket" in again.stdout


def _left(shop: Stage) -> dict[str, list[str]]:
    """What is there of the project."""
    found = {
        "functions": [item["FunctionName"] for item in shop.client("lambda").list_functions()["Functions"]],
        "queues": shop.client("sqs").list_queues().get("QueueUrls", []),
        "tables": shop.client("dynamodb").list_tables()["TableNames"],
        "buckets": [bucket["Name"] for bucket in shop.client("s3").list_buckets()["Buckets"]],
        "roles": [role["RoleName"] for role in shop.client("iam").list_roles()["Roles"]],
        "logs": [group["logGroupName"] for group in shop.client("logs").describe_log_groups()["logGroups"]],
    }
    return {kind: names for kind, names in found.items() if names}

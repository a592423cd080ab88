"""``deploy_all`` is the product's ``deploy`` on the example: the real Terraform, on an emulated AWS.

The zips are tiny ones of each agent's code: that real ones work is the matter of tests/cli and tests/e2e.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_framework.config.loader import load_config
from tests.examples.alex_finance.support import Alex
from tests.support import commands
from tests.support.moto_server import Aws, aws
from tests.support.running_provider import running_provider
from tests.terraform.support import NO_BUCKET_POLICY, load_harness, needs_offline_provider, needs_terraform

__all__ = ["aws"]
VARIABLES = """
environment_values = {
  ALEX_DATABASE           = "aurora://alex?cluster=arn:aws:rds:us-east-1:123456789012:cluster:alex&secret=arn:a"
  ALEX_VECTOR_BUCKET      = ""
  ALEX_EMBEDDING_ENDPOINT = ""
  POLYGON_PLAN            = "free"
}
secrets = {
  POLYGON_API_KEY = "/alex/polygon-api-key"
}
"""
DEPLOY = """
import os, runpy, sys
from tests.support import deploying

deploying.install()
sys.path.insert(0, os.getcwd())
runpy.run_module("backend", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def env(aws: Aws) -> Iterator[dict[str, str]]:
    """The environment of a shell in which nothing of the example is set, with terraform's offline provider."""
    given = {**load_harness().environment(), "AWS_ENDPOINT_URL": aws.url, "AWS_DEFAULT_REGION": "us-east-1"}
    with running_provider(given) as attached:
        yield {name: text for name, text in attached.items() if not name.startswith(("ALEX_", "POLYGON_"))}


def paste_permissions(folder: Path) -> None:
    """Do what the README says for an account with a cluster, an index and an endpoint."""
    section = (folder / "README.md").read_text().partition("## On an account of your own")[2]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    with (folder / "agents.yaml").open("a") as file:
        file.write(f"\n{block}")


def granted(aws: Aws, agent: str) -> list[str]:
    """The services whose resources an agent's role may use by permissions of its own."""
    role = f"alex-finance-dev-{agent}"
    policy: dict[str, Any] = aws.client("iam").get_role_policy(RoleName=role, PolicyName="agent")["PolicyDocument"]
    own = [one for one in policy["Statement"] if one.get("Sid", "").startswith("Permission")]
    return [one["Resource"].split(":")[2] for one in own]


@needs_terraform
@needs_offline_provider
@pytest.mark.timeout(300)
def test_deploy_all_makes_five_functions_and_their_queue(aws: Aws, env: dict[str, str], tmp_path: Path):
    alex = Alex.copy_to(tmp_path / "alex-finance")
    aws.client("scheduler").create_schedule_group(Name="alex-finance-dev")  # the provider for tests only remembers it
    paste_permissions(alex.folder)
    assert commands.run("generate-config", cwd=alex.folder, env=env).returncode == 0
    (alex.folder / "terraform" / "modules" / "storage" / "override.tf").write_text(NO_BUCKET_POLICY)
    work = commands.script(DEPLOY, "deploy_all", "--stage", "dev", "--auto-approve")
    refused = commands.finish(work, cwd=alex.folder, env=env, timeout_s=280)
    assert refused.returncode == 1
    assert "Agent tagger lacks ALEX_DATABASE" in refused.stderr
    assert "successfully" not in refused.stdout
    (alex.folder / "terraform" / "terraform.tfvars").write_text(VARIABLES)
    done = commands.finish(work, cwd=alex.folder, env=env, timeout_s=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("All Lambda functions updated successfully!")
    pages = aws.client("lambda").get_paginator("list_functions").paginate()
    functions = {one["FunctionName"]: one for page in pages for one in page["Functions"]}
    ours = {name.rpartition("-")[2] for name in functions if name.startswith("alex-finance-dev-")}
    assert ours == {"planner", "tagger", "reporter", "charter", "retirement"}
    planner = functions["alex-finance-dev-planner"]
    assert (planner["Timeout"], planner["MemorySize"]) == (900, 2048)
    for agent in ours - {"reporter"}:
        assert granted(aws, agent) == ["rds", "secretsmanager"]
    assert granted(aws, "reporter") == ["rds", "secretsmanager", "s3vectors", "sagemaker"]
    assert aws.client("sqs").list_queues(QueueNamePrefix="alex-finance-dev")["QueueUrls"]
    commands.run("destroy", "--stage", "dev", "--auto-approve", cwd=alex.folder, env=env, timeout_s=200)


def test_the_readme_grants_the_calls_that_the_code_makes_and_no_more(tmp_path: Path):
    alex = Alex.copy_to(tmp_path / "alex-finance")
    paste_permissions(alex.folder)
    agents = load_config(alex.folder).for_stage("dev").agents
    calls = {
        ("rds-data", "data/aurora.py"): r"_client\.(\w+)\(",
        ("s3vectors", "reporting/vectors.py"): r"\)\.(query_vectors)\(",
        ("sagemaker", "reporting/vectors.py"): r"client\.(invoke_endpoint)\(",
    }
    made = {
        f"{service}:{''.join(word.capitalize() for word in call.split('_'))}"
        for (service, file), pattern in calls.items()
        for call in re.findall(pattern, (alex.folder / "backend" / file).read_text())
    }
    reporter = {action for one in agents["reporter"].permissions for action in one.actions}
    assert reporter == made | {"secretsmanager:GetSecretValue", "s3vectors:GetVectors"}, (
        "AWS asks for these two besides"
    )
    for name in agents.keys() - {"reporter"}:
        assert {action for one in agents[name].permissions for action in one.actions} == {
            action for action in reporter if action.startswith(("rds-data:", "secretsmanager:"))
        }


def test_what_the_product_refuses_ends_the_command_with_its_code(tmp_path: Path):
    alex = Alex.copy_to(tmp_path / "alex-finance")
    done = alex.backend("package_all", "--strategy", "nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "successfully" not in done.stdout
    done = alex.backend("watch_agents", "--stage", "dev", "--once")
    assert done.returncode == 1
    assert "deploy" in done.stderr

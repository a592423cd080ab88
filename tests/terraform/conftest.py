"""One moto server and one set of offline providers for all tests; stacks are applied once and looked at often."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from agent_framework.cli.deployment.tfvars import TerraformConfig
from tests.support.running_provider import running_provider
from tests.terraform.support import CANARY, load_harness, offline, render_project

__all__ = ["offline"]


@dataclass(frozen=True)
class Stack:
    """A stack that was applied: its variables, plan, state, outputs, and the workspace for more commands."""

    made: TerraformConfig
    workspace: Any
    plan: dict[str, Any]
    state: dict[str, Any]
    outputs: dict[str, Any]
    texts: dict[str, str]


@pytest.fixture(scope="session")
def harness() -> Any:
    """The harness of the offline provider."""
    return load_harness()


@pytest.fixture(scope="session")
def aws(harness: Any) -> Iterator[Any]:
    """A moto server, with terraform's offline provider in ``env``."""
    with harness.MotoServer(harness.environment()) as server, running_provider(server.env) as server.env:
        yield server


@pytest.fixture(scope="session")
def client(aws: Any) -> Callable[[str], Any]:
    """boto3 clients of the moto server."""
    return lambda service: boto3.client(
        service,
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture(scope="session")
def deploy(
    harness: Any, aws: Any, client: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Stack]:
    """Apply a project: ``deploy(agents_yaml, secrets={...})``; each text once in a session.

    All stacks of a session stand in one account, so each test module's project needs a name of its own.
    """
    made: dict[str, Stack] = {}

    def apply(agents_yaml: str, **variables: Any) -> Stack:
        if agents_yaml not in made:
            made[agents_yaml] = _apply(harness, aws, client, tmp_path_factory.mktemp("stack"), agents_yaml, variables)
        return made[agents_yaml]

    return apply


def _apply(
    harness: Any, aws: Any, client: Callable[[str], Any], folder: Path, agents_yaml: str, variables: dict[str, Any]
) -> Stack:
    made = render_project(folder, agents_yaml)
    # Schedule groups are not made in the simulator by the offline provider.
    client("scheduler").create_schedule_group(Name=f"{made.variables['project_name']}-dev")
    (folder / "terraform" / "terraform.tfvars.json").write_text(json.dumps(variables))
    # The values of secrets are in the deploying process's environment, and have no business anywhere else.
    env = {**aws.env, "OPENAI_API_KEY": CANARY, "CRM_TOKEN": CANARY}
    workspace = harness.Workspace(folder / "terraform", folder / "work", env)
    workspace.terraform("init")
    plan = workspace.plan_json()
    workspace.terraform("apply", "-auto-approve", "plan.bin")
    state_text = workspace.terraform("show", "-json")
    texts = {"tfvars": made.text, "plan": json.dumps(plan), "state": state_text}
    return Stack(made, workspace, plan, json.loads(state_text), workspace.outputs(), texts)

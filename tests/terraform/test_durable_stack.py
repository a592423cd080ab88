"""A stage with the durable engine: one more function, and what it may do."""

from pathlib import Path
from typing import Any

import pytest

from tests.terraform.support import ACCOUNT, Policy, needs_offline_provider, needs_terraform, render_project, resources

pytestmark = [needs_terraform, needs_offline_provider, pytest.mark.timeout(600)]

YAML = """
project: {{name: kiosk, region: us-east-1}}
agents:
  chief: {{type: orchestrator, runtime: {{environment: {{LEVEL: gold}}}}}}
  writer: {{}}
orchestration: {{engine: {engine}}}
"""


def plan_of(harness: Any, aws: Any, folder: Path, engine: str) -> dict[str, Any]:
    render_project(folder, YAML.format(engine=engine))
    workspace = harness.Workspace(folder / "terraform", folder / "work", aws.env)
    workspace.terraform("init")
    return workspace.plan_json()["planned_values"]


def test_the_durable_function_stands_beside_the_orchestrators(harness: Any, aws: Any, tmp_path: Path) -> None:
    planned = plan_of(harness, aws, tmp_path, "durable")
    functions = {item["values"]["function_name"]: item["values"] for item in resources(planned, "aws_lambda_function")}
    assert set(functions) == {"kiosk-dev-chief", "kiosk-dev-writer", "kiosk-dev-chief-run"}
    durable = functions["kiosk-dev-chief-run"]
    assert durable["durable_config"] == [{"execution_timeout": 31622400, "retention_period": 14}]
    assert durable["s3_key"] == functions["kiosk-dev-chief"]["s3_key"]
    assert [item["values"]["name"] for item in resources(planned, "aws_lambda_alias")] == ["live"]
    assert all(not functions[name].get("durable_config") for name in ("kiosk-dev-chief", "kiosk-dev-writer"))


def test_without_it_nothing_of_it_is_made(harness: Any, aws: Any, tmp_path: Path) -> None:
    planned = plan_of(harness, aws, tmp_path, "checkpoint")
    assert len(resources(planned, "aws_lambda_function")) == 2
    assert resources(planned, "aws_lambda_alias") == []


def test_the_orchestrators_function_is_told_of_it_and_their_role_may_start_executions(deploy: Any) -> None:
    stack = deploy(YAML.format(engine="durable"))
    functions = {
        item["values"]["function_name"]: item["values"]
        for item in resources(stack.state["values"], "aws_lambda_function")
    }
    told = functions["kiosk-dev-chief"]["environment"][0]["variables"]
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:kiosk-dev-chief-run"
    assert told["AGENT_FRAMEWORK_DURABLE_FUNCTION"] == f"{arn}:live"
    assert functions["kiosk-dev-chief-run"]["environment"][0]["variables"]["LEVEL"] == "gold"
    role = Policy.of_role(stack.state, "kiosk-dev-chief")
    assert role.allows("lambda:InvokeFunction", f"{arn}:live")
    assert role.allows("lambda:InvokeFunction", f"{arn}:7")
    assert role.allows("lambda:CheckpointDurableExecution", f"{arn}:7")
    assert role.allows("lambda:GetDurableExecutionState", f"{arn}:7")
    assert role.allows("lambda:ListDurableExecutionsByFunction", f"{arn}:live")
    assert role.allows("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:kiosk-dev-writer")
    assert role.allows("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:kiosk-dev-chief")
    assert not role.allows("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:another")
    assert not Policy.of_role(stack.state, "kiosk-dev-writer").allows("lambda:InvokeFunction", f"{arn}:live")

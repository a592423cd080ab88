"""A stage whose approvals have a public URL: one more function, with a role of its own that may do little."""

import json
from typing import Any

import pytest

from agent_framework.cli.deployment.outputs import deployed_stage
from tests.terraform.support import ACCOUNT, PAGES_URL, Policy, needs_offline_provider, needs_terraform, resources

pytestmark = [needs_terraform, needs_offline_provider, pytest.mark.timeout(600)]

YAML = """
project: {name: desk, region: us-east-1}
agents:
  chief: {type: orchestrator, runtime: {environment: [BANK_TOKEN]}}
  writer: {llm: {provider: openai, model: gpt-5}}
approvals: {function_url: true}
"""
SECRETS = {"BANK_TOKEN": "/desk/dev/bank", "OPENAI_API_KEY": "/desk/dev/openai"}


@pytest.fixture(scope="module")
def desk(deploy: Any) -> Any:
    """The stack of YAML."""
    return deploy(YAML, secrets=SECRETS)


def functions(stack: Any) -> dict[str, Any]:
    found = resources(stack.state["values"], "aws_lambda_function")
    return {item["values"]["function_name"]: item["values"] for item in found}


def test_the_pages_have_a_function_of_their_own_with_the_orchestrators_package(desk: Any) -> None:
    found = functions(desk)
    assert set(found) == {"desk-dev-chief", "desk-dev-writer", "desk-dev-approvals"}
    pages = found["desk-dev-approvals"]
    assert pages["handler"] == "agent_framework.core.lambda_approvals.handler"
    assert pages["s3_key"] == found["desk-dev-chief"]["s3_key"]
    assert pages["reserved_concurrent_executions"] == 2
    told = pages["environment"][0]["variables"]
    assert json.loads(told["AGENT_FRAMEWORK_INFRASTRUCTURE"]) == desk.outputs["infrastructure"]
    assert "AGENT_FRAMEWORK_SECRETS" not in told
    assert desk.outputs["lambda_names"]["approvals"] == "desk-dev-approvals"
    assert desk.outputs["log_group_names"]["approvals"] == "/aws/lambda/desk-dev-approvals"


def test_everybody_can_reach_that_function_by_its_url_and_no_other(desk: Any) -> None:
    [url] = resources(desk.state["values"], "aws_lambda_function_url")
    assert (url["values"]["function_name"], url["values"]["authorization_type"]) == ("desk-dev-approvals", "NONE")
    [permission] = resources(desk.state["values"], "aws_lambda_permission")
    assert permission["values"]["action"] == "lambda:InvokeFunctionUrl"
    [stack] = resources(desk.state["values"], "aws_cloudformation_stack")
    [statement] = json.loads(stack["values"]["template_body"])["Resources"].values()
    assert statement["Properties"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "desk-dev-approvals",
        "InvokedViaFunctionUrl": True,
        "Principal": "*",
    }


def test_its_role_may_decide_and_wake_and_nothing_else(desk: Any) -> None:
    role = Policy.of_role(desk.state, "desk-dev-approvals")
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/desk-dev-jobs"
    for key in ("DOC#approvals", "JOB#1"):
        assert role.allows("dynamodb:PutItem", table, dynamodb__LeadingKeys=[key])
    assert role.allows("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:desk-dev-jobs")
    assert not role.allows("sqs:ReceiveMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:desk-dev-jobs")
    services = {action.partition(":")[0] for action in role.actions()}
    assert services == {"dynamodb", "logs", "s3", "sqs", "xray"}
    assert not role.allows("s3:PutObject", f"arn:aws:s3:::desk-dev-{ACCOUNT}-data/claims/writer/1.json")


def test_the_orchestrator_and_this_machine_are_told_where_links_lead(desk: Any) -> None:
    name = "AGENT_FRAMEWORK_APPROVALS_URL"
    told = {function: values["environment"][0]["variables"].get(name) for function, values in functions(desk).items()}
    assert told == {"desk-dev-chief": PAGES_URL, "desk-dev-writer": None, "desk-dev-approvals": None}
    facts = {"project": "desk", "stage": "dev", "account": ACCOUNT, "region": "us-east-1", "state_bucket": "states"}
    assert deployed_stage(desk.outputs, **facts).approvals_url == PAGES_URL

"""Whole stacks, applied to a simulator of AWS: names, rights, secrets, and whether the providers fit them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_framework.infrastructure.database.aurora import AuroraConfig
from agent_framework.infrastructure.database.dynamodb.provider import DynamoDBDatabase
from agent_framework.infrastructure.queue.eventbridge import EventBridgeConfig
from agent_framework.infrastructure.queue.sqs import SqsConfig
from agent_framework.infrastructure.storage.s3 import S3Config
from tests.terraform.support import (
    ACCOUNT,
    CANARY,
    Policy,
    as_list,
    needs_offline_provider,
    needs_terraform,
    resources,
)

pytestmark = [needs_terraform, needs_offline_provider, pytest.mark.timeout(600)]

ARCHIVE = f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:archive"
SHOP = f"""
project: {{name: shop, region: us-east-1}}
agents:
  chief:
    type: orchestrator
    runtime: {{timeout: 120, triggers: [sqs_queue]}}
    capabilities: {{tools: [invoke_plain]}}
    permissions: [{{actions: [sns:Publish], resources: ["*"], reason: telephone numbers are no resources}}]
  plain: {{}}
  reader: {{dependencies: {{storage: read-only, database: read-only}}, runtime: {{environment: {{LEVEL: gold}}}}}}
  maker: {{dependencies: {{storage: required, database: read-write}}, llm: {{provider: openai, model: gpt-5}}}}
  caller:
    runtime: {{environment: [CRM_TOKEN, REGION_CODE]}}
    llm: {{model: amazon.nova-lite-v1:0}}
    permissions:
      - {{actions: [rds-data:ExecuteStatement, rds-data:BeginTransaction], resources: ["{ARCHIVE}"]}}
      - {{actions: [s3:GetObject], resources: ["arn:aws:s3:::archive-of-ours/*"]}}
"""
SECRETS = {
    "OPENAI_API_KEY": "/shop/dev/openai",
    "CRM_TOKEN": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:crm-AbCdEf",
}
AURORA = """
project: {name: bakery, region: us-east-1}
agents: {writer: {dependencies: {storage: read-only}}}
infrastructure: {database: {provider: aurora, config: {min_capacity: 0, max_capacity: 2, max_concurrency: 5}}}
"""
EVENTS = f"""
project: {{name: events, region: us-east-1}}
agents: {{writer: {{}}}}
infrastructure:
  database:
    provider: aurora
    config:
      cluster_arn: arn:aws:rds:us-east-1:{ACCOUNT}:cluster:main
      secret_arn: arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:main-AbCdEf
      database: jobs
  queue: {{provider: eventbridge}}
  storage: {{provider: s3, config: {{bucket: files-of-ours, prefix: agents}}}}
"""
BUCKET = f"arn:aws:s3:::shop-dev-{ACCOUNT}-data"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/shop-dev-jobs"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:shop-dev-jobs"
WRITES = ("s3:PutObject", "s3:DeleteObject")


@pytest.fixture(scope="module")
def shop(deploy: Callable[..., Any]) -> Any:
    """The stack of SHOP, on DynamoDB."""
    return deploy(SHOP, secrets=SECRETS, environment_values={"REGION_CODE": "DE"}, alarm_emails=["owner@example.com"])


def policy(stack: Any, agent: str) -> Policy:
    return Policy.of_role(stack.state, f"{stack.made.variables['project_name']}-dev-{agent}")


def environment(stack: Any, agent: str) -> dict[str, str]:
    functions = {item["index"]: item["values"] for item in resources(stack.state["values"], "aws_lambda_function")}
    found: dict[str, str] = functions[agent]["environment"][0]["variables"]
    return found


def function_arn(agent: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:shop-dev-{agent}"


# -- names and settings -----------------------------------------------------------------------------------------


def test_a_second_plan_changes_nothing(shop: Any) -> None:
    assert "No changes." in shop.workspace.terraform("plan")


def test_the_stage_is_in_every_name_and_tag(shop: Any) -> None:
    names = {
        "aws_lambda_function": "function_name",
        "aws_sqs_queue": "name",
        "aws_iam_role": "name",
        "aws_s3_bucket": "bucket",
    }
    names |= {"aws_dynamodb_table": "name", "aws_cloudwatch_metric_alarm": "alarm_name", "aws_sns_topic": "name"}
    for item in resources(shop.state["values"]):
        if item["type"] in names:
            assert "shop-dev" in item["values"][names[item["type"]]]
        if "tags_all" in item["values"]:
            assert item["values"]["tags_all"].items() >= {"Stage": "dev", "Project": "shop"}.items(), item["address"]


def test_no_name_is_longer_than_lambda_and_iam_allow(shop: Any) -> None:
    found = [
        item["values"].get("function_name") or item["values"]["name"]
        for kind in ("aws_lambda_function", "aws_iam_role")
        for item in resources(shop.state["values"], kind)
    ]
    assert len(found) == 5 + 6
    assert max(map(len, found)) <= 64


def test_row_06_messages_stay_invisible_for_six_timeouts_of_the_function_that_handles_them(shop: Any) -> None:
    (mapping,) = resources(shop.state["values"], "aws_lambda_event_source_mapping")
    assert mapping["values"]["function_name"].endswith("shop-dev-chief")
    queues = {item["values"]["name"]: item["values"] for item in resources(shop.state["values"], "aws_sqs_queue")}
    functions = {item["index"]: item["values"] for item in resources(shop.state["values"], "aws_lambda_function")}
    assert queues["shop-dev-jobs"]["visibility_timeout_seconds"] >= 6 * functions["chief"]["timeout"]


def test_a_log_group_and_a_policy_come_before_their_function(shop: Any) -> None:
    agents = shop.plan["configuration"]["root_module"]["module_calls"]["agents"]["module"]["resources"]
    (function,) = [item for item in agents if item["type"] == "aws_lambda_function"]
    assert set(function["depends_on"]) == {"aws_cloudwatch_log_group.agent", "aws_iam_role_policy.agent"}


def test_the_orchestrator_knows_its_workers_functions(shop: Any) -> None:
    given = {name: value for name, value in environment(shop, "chief").items() if name.endswith("_FUNCTION")}
    assert given == {f"{name.upper()}_FUNCTION": f"shop-dev-{name}" for name in ("caller", "maker", "plain", "reader")}


def test_without_approvals_function_url_nobody_outside_can_call_a_function(shop: Any) -> None:
    for kind in ("aws_lambda_function_url", "aws_lambda_permission", "aws_cloudformation_stack"):
        assert resources(shop.state["values"], kind) == []
    assert shop.outputs.get("approvals_url") is None


# -- the package's own providers --------------------------------------------------------------------------------


def test_agents_are_told_of_the_infrastructure_in_the_words_of_agents_yaml(shop: Any) -> None:
    told = json.loads(environment(shop, "reader")["AGENT_FRAMEWORK_INFRASTRUCTURE"])
    assert told == shop.outputs["infrastructure"]
    assert {kind: block["provider"] for kind, block in told.items()} == {
        "database": "dynamodb",
        "queue": "sqs",
        "storage": "s3",
    }
    assert SqsConfig.model_validate(told["queue"]["config"]).url == shop.outputs["queue_url"]
    assert S3Config.model_validate(told["storage"]["config"]).bucket == shop.outputs["bucket_id"]


def test_the_table_is_one_that_the_provider_accepts(shop: Any, client: Callable[[str], Any]) -> None:
    database = DynamoDBDatabase(shop.outputs["infrastructure"]["database"]["config"]["table_name"], client("dynamodb"))

    async def use() -> str:
        await database.migrate()
        job_id = await database.create_job("user", "kind", {"topic": "tea"})
        job = await database.get_job(job_id)
        await database.close()
        assert job is not None
        return str(job.request_payload["topic"])

    assert asyncio.run(use()) == "tea"


def test_aurora_has_what_its_provider_asks_for(deploy: Callable[..., Any]) -> None:
    stack = deploy(AURORA)
    config = AuroraConfig.model_validate(stack.outputs["infrastructure"]["database"]["config"])
    assert config.cluster_arn == f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:bakery-dev"
    assert config.max_concurrency == 5
    allowed = policy(stack, "writer")
    assert allowed.allows("rds-data:ExecuteStatement", config.cluster_arn)
    assert allowed.allows("secretsmanager:GetSecretValue", config.secret_arn)
    assert not allowed.allows("rds-data:ExecuteStatement", config.cluster_arn.replace("bakery", "shop"))
    assert not any(action.startswith("dynamodb:") for action in allowed.actions())


def test_an_existing_cluster_and_bucket_behind_a_bus_with_a_key_of_ones_own(deploy: Callable[..., Any]) -> None:
    stack = deploy(EVENTS, customer_managed_key=True)
    told = stack.outputs["infrastructure"]
    assert EventBridgeConfig.model_validate(told["queue"]["config"]).bus == "events-dev-jobs"
    assert told["storage"]["config"] == {"bucket": "files-of-ours", "prefix": "agents"}
    assert AuroraConfig.model_validate(told["database"]["config"]).database == "jobs"
    assert not resources(stack.state["values"], "aws_rds_cluster")
    allowed = policy(stack, "writer")
    assert allowed.allows("events:PutEvents", f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/events-dev-jobs")
    assert allowed.allows("s3:PutObject", "arn:aws:s3:::files-of-ours/agents/claims/writer/1.json")
    assert not allowed.allows("s3:PutObject", "arn:aws:s3:::files-of-ours/claims/writer/1.json")
    (key,) = resources(stack.state["values"], "aws_kms_key")
    assert allowed.allows("kms:Decrypt", key["values"]["arn"])


# -- rights -----------------------------------------------------------------------------------------------------


def test_an_agent_with_read_only_storage_writes_only_under_its_own_claim_prefix(shop: Any) -> None:
    allowed = policy(shop, "reader")
    assert allowed.allows("s3:PutObject", f"{BUCKET}/claims/reader/1.json")
    assert allowed.allows("s3:GetObject", f"{BUCKET}/jobs/1/report.html")
    for key in ("claims/plain/1.json", "claims/reader2/1.json", "claims/reader", "jobs/1/report.html"):
        assert not any(allowed.allows(action, f"{BUCKET}/{key}") for action in WRITES), key


def test_an_agent_that_writes_files_leaves_the_results_of_others_alone(shop: Any) -> None:
    allowed = policy(shop, "maker")
    assert all(allowed.allows(action, f"{BUCKET}/jobs/1/report.html") for action in WRITES)
    assert allowed.allows("s3:PutObject", f"{BUCKET}/claims/maker/1.json")
    for other in ("chief", "plain", "reader", "caller", "_inputs"):
        assert not any(allowed.allows(action, f"{BUCKET}/claims/{other}/1.json") for action in WRITES), other


def test_an_agent_without_dependencies_sees_results_and_no_files(shop: Any) -> None:
    allowed = policy(shop, "plain")
    assert allowed.allows("s3:GetObject", f"{BUCKET}/claims/reader/1.json")
    assert not allowed.allows("s3:GetObject", f"{BUCKET}/jobs/1/report.html")
    assert not allowed.allows("s3:ListBucket", BUCKET)


@pytest.mark.parametrize("agent", ["chief", "plain", "reader", "maker", "caller"])
def test_no_agent_writes_deployment_packages(shop: Any, agent: str) -> None:
    code = f"arn:aws:s3:::{shop.outputs['code_bucket_id']}/packages/{agent}/1.zip"
    assert not any(policy(shop, agent).allows(action, code) for action in ("s3:GetObject", *WRITES))


def test_workers_use_the_partitions_of_jobs_and_documents(shop: Any) -> None:
    for agent in ("plain", "reader"):
        allowed = policy(shop, agent)
        assert allowed.allows("dynamodb:UpdateItem", TABLE, dynamodb__LeadingKeys=["JOB#1"])
        assert allowed.allows("dynamodb:PutItem", TABLE, dynamodb__LeadingKeys=["DOC#budget"])
        assert not allowed.allows("dynamodb:PutItem", TABLE, dynamodb__LeadingKeys=["CLIENT#user"])
        assert not allowed.allows("dynamodb:PutItem", f"{TABLE}-of-others", dynamodb__LeadingKeys=["JOB#1"])
    assert not policy(shop, "plain").allows("dynamodb:Query", f"{TABLE}/index/by_user")
    assert policy(shop, "reader").allows("dynamodb:Query", f"{TABLE}/index/by_user")
    assert policy(shop, "maker").allows("dynamodb:PutItem", TABLE, dynamodb__LeadingKeys=["CLIENT#user"])


def test_the_orchestrator_invokes_exactly_its_workers(shop: Any) -> None:
    allowed = policy(shop, "chief")
    for worker in ("caller", "maker", "plain", "reader"):
        assert allowed.allows("lambda:InvokeFunction", function_arn(worker))
        assert "lambda:InvokeFunction" not in policy(shop, worker).actions()
    for other in ("chief", "sweeper", "plain2"):
        assert not allowed.allows("lambda:InvokeFunction", function_arn(other))


def test_only_the_orchestrator_reads_the_queue_and_everybody_may_wake_a_job(shop: Any) -> None:
    assert policy(shop, "chief").allows("sqs:ReceiveMessage", QUEUE)
    for agent in ("caller", "maker", "plain", "reader"):
        assert policy(shop, agent).allows("sqs:SendMessage", QUEUE)
        assert not policy(shop, agent).allows("sqs:ReceiveMessage", QUEUE)
        assert not policy(shop, agent).allows("sqs:SendMessage", f"{QUEUE}-dlq")


def test_models_are_called_as_agents_yaml_names_them(shop: Any) -> None:
    bedrock = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0"
    behind = "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0"
    plain, caller = policy(shop, "plain"), policy(shop, "caller")
    assert plain.allows("bedrock:InvokeModel", bedrock)
    assert plain.allows("bedrock:InvokeModel", behind, bedrock__InferenceProfileArn=bedrock)
    assert not plain.allows("bedrock:InvokeModel", behind)
    assert not plain.allows("bedrock:InvokeModel", behind.replace("nova-pro", "nova-premier"))
    assert caller.allows("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0")
    assert not caller.allows("bedrock:InvokeModel", bedrock)
    for agent in ("maker", "chief"):
        assert not any(action.startswith("bedrock:") for action in policy(shop, agent).actions()), agent


def test_an_agent_reads_its_own_secrets(shop: Any) -> None:
    parameter = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/shop/dev/openai"
    assert policy(shop, "maker").allows("ssm:GetParameter", parameter)
    assert policy(shop, "caller").allows("secretsmanager:GetSecretValue", SECRETS["CRM_TOKEN"])
    for agent in ("chief", "plain", "reader"):
        assert not policy(shop, agent).allows("ssm:GetParameter", parameter)
        assert not policy(shop, agent).allows("secretsmanager:GetSecretValue", SECRETS["CRM_TOKEN"])


def test_no_role_has_a_wildcard_but_for_x_ray(shop: Any) -> None:
    for item in resources(shop.state["values"], "aws_iam_role_policy"):
        for statement in as_list(json.loads(item["values"]["policy"])["Statement"]):
            assert not any("*" in action for action in as_list(statement["Action"])), statement
            if "*" in as_list(statement["Resource"]) and statement["Action"] != "sns:Publish":
                assert statement["Sid"] == "Trace"
                assert set(statement["Action"]) == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_an_agents_own_permissions_are_its_roles_as_they_are_written_and_no_others(shop: Any) -> None:
    def own(agent: str) -> list[tuple[set[str], list[str]]]:
        statements = [one for one in policy(shop, agent).statements if one.get("Sid", "").startswith("Permission")]
        assert all(
            set(one) == {"Action", "Effect", "Resource", "Sid"} and one["Effect"] == "Allow" for one in statements
        )
        return [(set(as_list(one["Action"])), as_list(one["Resource"])) for one in statements]

    assert own("caller") == [
        ({"rds-data:BeginTransaction", "rds-data:ExecuteStatement"}, [ARCHIVE]),
        ({"s3:GetObject"}, ["arn:aws:s3:::archive-of-ours/*"]),
    ]
    assert own("chief") == [({"sns:Publish"}, ["*"])], "the reason is in agents.yaml and the variables"
    for other in ("plain", "reader", "maker"):
        assert own(other) == []
        assert not any(action.startswith(("rds-data:", "sns:")) for action in policy(shop, other).actions()), other
        assert not policy(shop, other).allows("s3:GetObject", "arn:aws:s3:::archive-of-ours/1"), other
    assert not policy(shop, "caller").allows("rds-data:ExecuteStatement", f"{ARCHIVE}-2")


def test_the_plan_shows_what_is_granted_before_it_is(shop: Any) -> None:
    granted = {
        (item["index"], action)
        for item in shop.plan["resource_changes"]
        if item["address"].startswith("module.agents.data.aws_iam_policy_document.agent")
        for statement in item["change"]["after"]["statement"]
        if (statement.get("sid") or "").startswith("Permission")
        for action in statement["actions"]
    }
    assert granted == {
        ("caller", "rds-data:BeginTransaction"),
        ("caller", "rds-data:ExecuteStatement"),
        ("caller", "s3:GetObject"),
        ("chief", "sns:Publish"),
    }


# -- secrets ----------------------------------------------------------------------------------------------------


def test_row_37_the_value_of_a_secret_is_in_no_variables_plan_or_state(shop: Any) -> None:
    assert {place for place, text in shop.texts.items() if CANARY in text} == set()
    assert "/shop/dev/openai" in shop.texts["state"]
    assert json.loads(environment(shop, "maker")["AGENT_FRAMEWORK_SECRETS"]) == {"OPENAI_API_KEY": "/shop/dev/openai"}
    assert environment(shop, "caller")["REGION_CODE"] == "DE"
    assert environment(shop, "reader")["LEVEL"] == "gold"


def test_passwords_of_databases_are_not_in_the_state(deploy: Callable[..., Any]) -> None:
    (cluster,) = resources(deploy(AURORA).state["values"], "aws_rds_cluster")
    assert cluster["values"]["manage_master_user_password"] is True
    assert cluster["values"]["master_password"] is None


def test_the_dev_stage_is_removed_with_its_data(deploy: Callable[..., Any], client: Callable[[str], Any]) -> None:
    deploy(AURORA).workspace.terraform("destroy", "-auto-approve")
    assert not [name for name in client("sqs").list_queues().get("QueueUrls", []) if "bakery" in name]
    assert not [bucket for bucket in client("s3").list_buckets()["Buckets"] if "bakery" in bucket["Name"]]

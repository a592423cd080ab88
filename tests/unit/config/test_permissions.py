"""What an agent may be given beside its dependencies: named actions on named resources, nothing that gives rights."""

import json
from itertools import product

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import load_config_text
from agent_framework.config.permissions import MAX_CHARACTERS, WIDENING_ACTIONS, WIDENING_SERVICES, Permission
from agent_framework.config.project_config import json_schema
from agent_framework.errors import ConfigError

CLUSTER = "arn:aws:rds:us-east-1:123456789012:cluster:alex"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table"
WHY = "the names of the tables are made at run time"


def refusal(actions: list[str], resources: list[str], reason: str | None = None) -> str:
    """What loading says of an agent with this permission, without the place."""
    permission = {"actions": actions, "resources": resources} | ({"reason": reason} if reason else {})
    agents = json.dumps({"reader": {"permissions": [permission]}})
    with pytest.raises(ConfigError) as caught:
        load_config_text(f"project: {{name: shop}}\nagents: {agents}\n")
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert problem.path.startswith("agents.reader.permissions")
    return problem.message


def given(actions: list[str], resources: list[str], reason: str | None = None) -> Permission:
    return Permission.model_validate({"actions": actions, "resources": resources, "reason": reason})


@pytest.mark.parametrize(
    "resource",
    [
        CLUSTER,
        f"{TABLE}/orders",
        f"{TABLE}/orders/index/*",
        "arn:aws:s3:::files-of-ours",
        "arn:aws:s3:::files-of-ours/*",
        "arn:aws:s3vectors:us-east-1:123456789012:bucket/research/index/*",
        "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:orders",
        "arn:aws-cn:sns:cn-north-1:123456789012:orders",
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex/aurora-AbCdEf",
    ],
)
def test_a_named_resource_and_what_is_below_it_need_no_reason(resource: str) -> None:
    assert given(["rds-data:ExecuteStatement", "s3vectors:QueryVectors"], [resource]).wide == ()


@pytest.mark.parametrize(
    "wide",
    [
        ("s3:GetObject", "*"),
        ("dynamodb:*Item", f"{TABLE}/orders"),
        ("rds-data:*", CLUSTER),
        ("sqs:Send?essage", "arn:aws:sqs:us-east-1:123456789012:orders"),
        ("dynamodb:GetItem", f"{TABLE}/*"),
        ("dynamodb:GetItem", f"{TABLE}/orders-*"),
        ("dynamodb:GetItem", f"{TABLE}/*/index/*"),
        ("s3:GetObject", "arn:aws:s3:::*"),
        ("s3:GetObject", "arn:aws:s3:us-east-1:123456789012:accesspoint/*"),
        ("s3:GetObject", "arn:aws:s3:::*/*"),
        ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:*/*"),
        ("logs:GetLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:shop:*"),
        ("sqs:SendMessage", "arn:aws:sqs:*:123456789012:orders"),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:*:orders"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-??????"),
    ],
)
def test_whatever_stands_for_more_needs_a_written_reason(wide: tuple[str, str]) -> None:
    action, resource = wide
    assert "say in 'reason' why that cannot be done" in refusal([action], [resource])
    assert "at least 10 characters" in refusal([action], [resource], "because")
    assert given([action], [resource], WHY).wide


def test_no_reason_is_good_enough_for_rights_to_give_rights() -> None:
    for service, name in product(WIDENING_SERVICES, ("GetThing", "*")):
        with pytest.raises(ValidationError, match=f"rights to {service}"):
            given([f"{service}:{name}"], [CLUSTER], WHY)
    for action in WIDENING_ACTIONS:
        service, _, name = action.partition(":")
        for written in (
            action,
            f"{service}:*",
            f"{service}:{name[:5]}*",
            f"{service}:{name.upper()}",
            f"{action[:-1]}?",
        ):
            with pytest.raises(ValidationError, match="who may do what"):
                given([written], ["*"], WHY)


NO_ACTIONS = (
    "*", "*:*", "GetObject", "s3:", ":GetObject", "s*:GetObject", "i?m:PassRole", "S3:GetObject", "s3:Get Object",
    "s3:Get[A]", "x" * 500 + ":y", "s3:" + "*" * 500,
)  # fmt: skip


@pytest.mark.parametrize("action", NO_ACTIONS, ids=lambda action: action[:20])
def test_an_action_is_a_services_and_a_name(action: str) -> None:
    assert "write service:Name" in refusal([action], [CLUSTER], WHY)


@pytest.mark.parametrize(
    ("resource", "part"),
    [
        ("alex", ""),
        ("arn:aws:rds:us-east-1:123456789012", ""),
        ("arn:aws:rds:us-east-1:123456789012:", "resource ''"),
        ("arn:aws:rds:us-east-1:1234:cluster:x", "account '1234'"),
        ("arn:aws:rds:somewhere:123456789012:cluster:x", "region 'somewhere'"),
        ("arn:gcp:rds:us-east-1:123456789012:cluster:x", "partition 'gcp'"),
        ("arn:*:rds:us-east-1:123456789012:cluster:x", "partition '*'"),
        ("arn:aws:*:us-east-1:123456789012:cluster:x", "service '*'"),
        ('arn:aws:rds:us-east-1:123456789012:cluster:x"y', "resource"),
        ("arn:aws:rds:us-east-1:123456789012:cluster:x y", "resource"),
        (f"arn:aws:rds:{'*' * 3000}", ""),
    ],
)
def test_a_resource_is_a_whole_arn(resource: str, part: str) -> None:
    message = refusal(["rds-data:ExecuteStatement"], [resource], WHY)
    assert "write arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE" in message
    assert part in message


def test_variables_are_told_where_stages_differ() -> None:
    message = refusal(["rds-data:ExecuteStatement"], ["arn:aws:rds:us-east-1:${ACCOUNT}:cluster:x"])
    assert "stages.<stage>.agents.<agent>.permissions" in message


def test_an_empty_list_grants_nothing_and_is_a_mistake() -> None:
    assert "name at least one" in refusal([], [CLUSTER])
    assert "name at least one" in refusal(["s3:GetObject"], [])


def test_what_does_not_fit_into_a_roles_policies_is_told_before_it_is_deployed() -> None:
    many = [f"{TABLE}/{'t' * 200}{number}" for number in range(20)]
    assert f"the limit is {MAX_CHARACTERS:,}" in refusal(["dynamodb:GetItem"], many)
    assert AgentConfig.model_validate({"permissions": [{"actions": ["dynamodb:GetItem"], "resources": many[:10]}]})


def test_a_stage_has_its_own_in_the_place_of_all_others() -> None:
    loaded = load_config_text(f"""\
project: {{name: shop}}
agents:
  reader:
    permissions: [{{actions: [rds-data:ExecuteStatement], resources: ["{CLUSTER}"]}}]
stages:
  prod:
    agents: {{reader: {{permissions: [{{actions: [rds-data:ExecuteStatement], resources: ["{CLUSTER}-prod"]}}]}}}}
  bare:
    agents: {{reader: {{permissions: []}}}}
""")

    def resources(stage: str) -> list[str]:
        return [arn for one in loaded.for_stage(stage).agents["reader"].permissions for arn in one.resources]

    assert resources("dev") == resources("local") == [CLUSTER]
    assert resources("prod") == [f"{CLUSTER}-prod"]
    assert resources("bare") == []


def test_a_stages_mistake_is_told_at_its_own_place() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config_text(
            "project: {name: shop}\nagents: {reader: {}}\nstages:\n  prod:\n    agents:\n      reader:\n"
            "        permissions:\n          - actions: [sts:AssumeRole]\n            resources: ['*']\n"
        )
    (problem,) = caught.value.problems
    assert str(problem).startswith("agents.yaml:8: stages.prod.agents.reader.permissions.0.actions.0: sts:AssumeRole")


def test_editors_are_told_the_same_forms() -> None:
    schema = Draft202012Validator(json_schema())

    def accepts(action: str, resource: str) -> bool:
        permission = {"actions": [action], "resources": [resource]}
        return schema.is_valid({"project": {"name": "shop"}, "agents": {"reader": {"permissions": [permission]}}})

    assert accepts("rds-data:ExecuteStatement", CLUSTER)
    assert accepts("s3:GetObject", "*")
    assert not accepts("ExecuteStatement", CLUSTER)
    assert not accepts("rds-data:ExecuteStatement", "cluster")

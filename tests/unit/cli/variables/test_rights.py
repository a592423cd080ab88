"""What functions may do: the models that their agents ask, and the permissions that agents.yaml names."""

import pytest

from agent_framework.cli.deployment.models import bedrock_model
from tests.support.stage_variables import Make


def test_permissions_are_their_agents_own_and_the_same_bytes_in_any_order(make: Make) -> None:
    cluster, files = "arn:aws:rds:us-east-1:123456789012:cluster:a", "arn:aws:s3:::files/*"
    text = """
agents:
  chief: {{type: orchestrator, permissions: [{{actions: [sns:Publish], resources: ["*"], reason: telephone numbers}}]}}
  reader: {{permissions: [{{actions: [{0}], resources: ["{1}", "{2}"]}}]}}
  writer: {{}}
stages:
  prod: {{agents: {{reader: {{permissions: []}}}}}}
"""
    made = make(text.format("rds-data:ExecuteStatement, rds-data:BeginTransaction", cluster, files))
    again = make(text.format("rds-data:BeginTransaction, rds-data:ExecuteStatement", files, cluster))
    assert made.text == again.text
    assert {name: agent["permissions"] for name, agent in made.variables["agents"].items()} == {
        "chief": [{"actions": ["sns:Publish"], "reason": "telephone numbers", "resources": ["*"]}],
        "reader": [
            {
                "actions": ["rds-data:BeginTransaction", "rds-data:ExecuteStatement"],
                "reason": None,
                "resources": [cluster, files],
            }
        ],
        "writer": [],
    }
    assert made.notes == ("chief may do more than it names, *: telephone numbers",)
    prod = make(text.format("s3:GetObject", cluster, files), stage="prod")
    assert prod.variables["agents"]["reader"]["permissions"] == []


def test_the_orchestrator_may_call_models_only_where_it_is_one(make: Make) -> None:
    text = "agents: {chief: {type: orchestrator}, writer: {}}\n"
    assert make(text).variables["agents"]["chief"]["bedrock_models"] == []
    thinking = make(f"{text}orchestration: {{strategy: agent}}")
    assert thinking.variables["agents"]["chief"]["bedrock_models"] != []


@pytest.mark.parametrize(
    ("model", "region", "arn", "destinations"),
    [
        (
            "amazon.nova-lite-v1:0",
            "eu-west-1",
            "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
            [],
        ),
        (
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu-central-1",
            "arn:aws:bedrock:eu-central-1:{account}:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ["arn:aws:bedrock:eu-*::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0"],
        ),
        (
            "global.anthropic.claude-opus-4-5-v1:0",
            "us-east-1",
            "arn:aws:bedrock:us-east-1:{account}:inference-profile/global.anthropic.claude-opus-4-5-v1:0",
            ["arn:aws:bedrock:*::foundation-model/anthropic.claude-opus-4-5-v1:0"],
        ),
        (
            "us-gov.amazon.nova-pro-v1:0",
            "us-gov-west-1",
            "arn:aws-us-gov:bedrock:us-gov-west-1:{account}:inference-profile/us-gov.amazon.nova-pro-v1:0",
            ["arn:aws-us-gov:bedrock:us-gov-*::foundation-model/amazon.nova-pro-v1:0"],
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            "us-east-1",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            ["arn:aws:bedrock:*::foundation-model/*"],
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
            "us-east-1",
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
            [],
        ),
    ],
)
def test_ids_of_models_become_arns(model: str, region: str, arn: str, destinations: list[str]) -> None:
    assert bedrock_model(model, region) == {"arn": arn, "destinations": destinations}


def test_other_providers_need_a_key_instead_of_a_right(make: Make) -> None:
    agents = make("""
agents:
  a: {llm: {provider: openai, model: gpt-5}}
  b: {llm: {provider: anthropic, model: claude, api_key_env: TEAM_KEY}}
  c: {llm: {provider: litellm, model: bedrock/converse/us.amazon.nova-lite-v1:0}}
  d: {llm: {fallback_model: openai/gpt-5}}
  e: {llm: {provider: offline}}
llm: {fallback_model: null}
""").variables["agents"]
    assert agents["a"]["secret_names"] == ["OPENAI_API_KEY"]
    assert agents["b"]["secret_names"] == ["TEAM_KEY"]
    assert agents["c"]["bedrock_models"][0]["arn"].endswith("inference-profile/us.amazon.nova-lite-v1:0")
    assert agents["d"]["secret_names"] == ["OPENAI_API_KEY"]
    assert [agents[name]["bedrock_models"] for name in "abe"] == [[], [], []]
    assert agents["d"]["bedrock_models"] != []


def test_the_models_region_wins_and_the_fallback_counts(make: Make) -> None:
    made = make("agents: {writer: {}}\nllm: {region: eu-west-1, model: a.b-v1:0, fallback_model: a.c-v1:0}")
    assert [model["arn"] for model in made.variables["agents"]["writer"]["bedrock_models"]] == [
        "arn:aws:bedrock:eu-west-1::foundation-model/a.b-v1:0",
        "arn:aws:bedrock:eu-west-1::foundation-model/a.c-v1:0",
    ]

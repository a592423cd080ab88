"""The environment of functions: what stands in agents.yaml, what is asked for later, and no secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.cli.deployment.environment import problems
from agent_framework.observability.redaction import is_secret_name, looks_secret
from tests.support.stage_variables import Make, refusal

CANARY = "canary-0f7d-value-of-a-secret"


def test_names_are_asked_for_later_and_secrets_by_their_place(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", CANARY)
    monkeypatch.setenv("LEVEL", CANARY)
    made = make("agents: {writer: {runtime: {environment: [LEVEL, API_KEY, DATABASE_URL]}}, other: {}}")
    assert made.environment_names == ("LEVEL",)
    assert made.secret_names == ("API_KEY", "DATABASE_URL")
    assert made.variables["agents"]["other"]["secret_names"] == []
    assert CANARY not in made.text
    assert CANARY not in repr(made)


def test_the_place_of_a_secret_may_stand_in_agents_yaml(make: Make) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:crm-AbCdEf"
    made = make(f"agents: {{writer: {{runtime: {{environment: {{CRM_TOKEN: '{arn}', API_KEY: /shop/key}}}}}}}}")
    writer = made.variables["agents"]["writer"]
    assert writer["secret_references"] == {"API_KEY": "/shop/key", "CRM_TOKEN": arn}
    assert writer["environment"] == {}


def test_the_value_of_a_secret_may_not_and_is_not_repeated(make: Make) -> None:
    told = refusal(make, f"agents:\n  writer:\n    runtime:\n      environment: {{API_KEY: {CANARY}}}\n")
    assert "agents.writer.runtime.environment: API_KEY looks like a secret" in told
    assert CANARY not in told


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-abcdefghijklmnop1234",
        "AKIAABCDEFGHIJKLMNOP",
        "postgres://me:hunter2@host/db",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_a_value_with_the_form_of_a_secret_is_refused_under_any_name(make: Make, value: str) -> None:
    told = refusal(make, f"agents: {{writer: {{runtime: {{environment: {{LEVEL: '{value}'}}}}}}}}")
    assert "the value of LEVEL looks like a secret" in told
    assert value not in told


@pytest.mark.parametrize(
    "value", ["https://api.example.com/v1", "gold", "eu-central-1", "a:b", "/mnt/data", "10.0.0.1"]
)
def test_ordinary_values_are_not_taken_for_secrets(value: str) -> None:
    assert not looks_secret(value)


@pytest.mark.parametrize(
    ("name", "secret"),
    [("API_KEY", True), ("db_password", True), ("API_KEY_ARN", False), ("VALIDATION_API_URL", False), ("LEVEL", False)],
)
def test_names_say_whether_they_hold_a_secret(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AGENT_FRAMEWORK_STAGE", "A-B", "X"])
def test_names_that_lambda_does_not_take_are_refused(make: Make, name: str) -> None:
    assert name in refusal(make, f"agents: {{writer: {{runtime: {{environment: ['{name}']}}}}}}")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=5))
def test_whatever_is_wrong_with_variables_is_told_without_their_values(declared: dict[str, str]) -> None:
    told = " ".join(problems({name: f"{value}{CANARY}" for name, value in declared.items()}))
    assert CANARY not in told

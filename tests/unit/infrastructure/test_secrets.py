"""Secrets read where they are kept: Secrets Manager and Parameter Store, by name, never shown."""

import asyncio
from typing import Any

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.secrets import read_secrets
from tests.support.moto_server import Aws, aws, unique

__all__ = ["aws"]
CANARY = "canary-7f3e"


class Both:
    """The clients of both services in one."""

    def __init__(self, aws: Aws) -> None:
        self._clients = (aws.client("secretsmanager"), aws.client("ssm"))

    def __getattr__(self, name: str) -> Any:
        return next(getattr(client, name) for client in self._clients if hasattr(client, name))


def read(aws: Aws, references: dict[str, str]) -> dict[str, str]:
    return asyncio.run(read_secrets(references, client=Both(aws)))


def test_secrets_and_parameters_are_read_by_arn_and_by_name(aws: Aws) -> None:
    secret = aws.client("secretsmanager").create_secret(Name=unique("secret"), SecretString=f"{CANARY}-1")["ARN"]
    name = f"/{unique('parameter')}/key"
    aws.client("ssm").put_parameter(Name=name, Value=f"{CANARY}-2", Type="SecureString")
    arn = aws.client("ssm").get_parameter(Name=name)["Parameter"]["ARN"]
    assert read(aws, {"A": secret, "B": name, "C": arn}) == {"A": f"{CANARY}-1", "B": f"{CANARY}-2", "C": f"{CANARY}-2"}


def test_more_parameters_than_one_request_takes(aws: Aws) -> None:
    names = [f"/{unique('parameter')}" for _ in range(23)]
    for number, name in enumerate(names):
        aws.client("ssm").put_parameter(Name=name, Value=str(number), Type="String")
    found = read(aws, {f"KEY_{number}": name for number, name in enumerate(names)})
    assert found == {f"KEY_{number}": str(number) for number in range(23)}


def test_nothing_to_read_asks_nobody() -> None:
    assert asyncio.run(read_secrets({})) == {}


def test_a_missing_parameter_is_named_with_its_variable(aws: Aws) -> None:
    with pytest.raises(ProviderError, match=r"no parameter for API_KEY at /nowhere/key; create it in Parameter Store"):
        read(aws, {"API_KEY": "/nowhere/key"})


def test_a_missing_secret_is_named_with_its_variable(aws: Aws) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nowhere-AbCdEf"
    with pytest.raises(ProviderError, match="secret API_KEY: get_secret_value failed: ResourceNotFoundException"):
        read(aws, {"API_KEY": arn})


def test_a_secret_of_bytes_is_refused_and_not_shown(aws: Aws) -> None:
    made = aws.client("secretsmanager").create_secret(Name=unique("secret"), SecretBinary=CANARY.encode())
    with pytest.raises(ProviderError, match=r"secret API_KEY: .* holds bytes; store it as text") as raised:
        read(aws, {"API_KEY": made["ARN"]})
    assert CANARY not in str(raised.value)

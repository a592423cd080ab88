"""Secrets of deployed agents: read from where they are kept, once, when a process starts.

A reference is the ARN of a secret in Secrets Manager, the ARN of a parameter, or a parameter's name that begins with
``/``. Values are never logged and stand in no error: from then on this process hides them wherever it writes.
"""

from collections.abc import Mapping
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._aws import AwsService
from agent_framework.observability.redaction import remember

_SECRETS_MANAGER = ":secretsmanager:"
_MAX_PARAMETERS = 10
"""Names that one GetParameters takes."""


async def read_secrets(references: Mapping[str, str], *, client: Any = None) -> dict[str, str]:
    """The values of ``references`` (name of a variable -> where its secret is), by name.

    ``client`` stands in for the boto3 clients of both services.

    Raises:
        ProviderError: a secret is missing, may not be read, or is no text; the message names the variable.
    """
    secrets = {name: place for name, place in references.items() if _SECRETS_MANAGER in place}
    parameters = {name: place for name, place in references.items() if name not in secrets}
    values = {**await _secrets(secrets, client), **await _parameters(parameters, client)}
    remember(*values.values())
    return values


async def _secrets(references: Mapping[str, str], client: Any) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, place in references.items():
        service = AwsService("secretsmanager", label=f"secret {name}", client=client, region=_region(place), threads=1)
        try:
            answer = await service.call("get_secret_value", SecretId=place)
        finally:
            await service.close()
        if not isinstance(answer.get("SecretString"), str):
            raise ProviderError(f"secret {name}: {place} holds bytes; store it as text")
        values[name] = answer["SecretString"]
    return values


async def _parameters(references: Mapping[str, str], client: Any) -> dict[str, str]:
    values: dict[str, str] = {}
    places = sorted(set(references.values()))
    service = AwsService("ssm", label=f"parameters of {', '.join(sorted(references))}", client=client, threads=1)
    try:
        for start in range(0, len(places), _MAX_PARAMETERS):
            chunk = places[start : start + _MAX_PARAMETERS]
            answer = await service.call("get_parameters", Names=chunk, WithDecryption=True)
            for found in answer["Parameters"]:
                values |= dict.fromkeys((found["Name"], found["ARN"]), found["Value"])
    finally:
        await service.close()
    missing = sorted(name for name, place in references.items() if place not in values)
    if missing:
        raise ProviderError(
            f"there is no parameter for {', '.join(missing)} at {', '.join(references[name] for name in missing)}; "
            "create it in Parameter Store, in this region"
        )
    return {name: values[place] for name, place in references.items()}


def _region(arn: str) -> str | None:
    return arn.split(":")[3] if arn.count(":") >= 6 else None

"""What an agent's model needs when it is deployed: the right to call it on Bedrock, or the key of another provider."""

from collections.abc import Iterator, Mapping

from agent_framework.cli.deployment.partition import partition_of
from agent_framework.config.llm_config import LLMSettings
from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.types import JSONDict

GEOGRAPHIES: Mapping[str, str] = {
    "apac": "ap-*",
    "au": "ap-southeast-*",
    "ca": "ca-*",
    "eu": "eu-*",
    "global": "*",
    "jp": "ap-northeast-*",
    "us": "us-*",
    "us-gov": "us-gov-*",
}
"""First parts of inference profiles' ids, and the regions that such a profile sends calls to, as a pattern."""

KEY_VARIABLES: Mapping[str, str] = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
"""The variable that a provider's own library reads where ``api_key_env`` names none."""

_ACCOUNT = "{account}"
"""Stands for the account's number, which only the deployment knows."""


def bedrock_models(settings: LLMSettings, region: str) -> list[JSONDict]:
    """The models that may be called on Bedrock, as ``{"arn": ..., "destinations": [...]}``, the fallback included.

    ``destinations`` are the models behind an inference profile, which may be called through that profile only. A
    Bedrock API key replaces the right, so there are none.
    """
    wanted = [model for provider, model in _models(settings) if provider == "bedrock"]
    if settings.provider == "bedrock" and settings.api_key_env:
        return []
    return [bedrock_model(model, settings.region or region) for model in dict.fromkeys(wanted)]


def key_variables(settings: LLMSettings) -> tuple[str, ...]:
    """Names of the variables that must hold keys of models."""
    providers = {provider for provider, _ in _models(settings)}
    named = {settings.api_key_env} if settings.api_key_env else set[str]()
    others = {
        KEY_VARIABLES[provider]
        for provider in providers
        if provider in KEY_VARIABLES and not (provider == settings.provider and settings.api_key_env)
    }
    return tuple(sorted(named | others))


def bedrock_model(model: str, region: str) -> JSONDict:
    """One model, from its id, the id of an inference profile, or an ARN of either."""
    partition = partition_of(region)
    if model.startswith("arn:"):
        return {"arn": model, "destinations": _behind_arn(model, partition)}
    geography, _, foundation = model.partition(".")
    if geography in GEOGRAPHIES and "." in foundation:
        arn = f"arn:{partition}:bedrock:{region}:{_ACCOUNT}:inference-profile/{model}"
        return {"arn": arn, "destinations": [_foundation(partition, GEOGRAPHIES[geography], foundation)]}
    return {"arn": _foundation(partition, region, model), "destinations": []}


def _behind_arn(arn: str, partition: str) -> list[str]:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind == "application-inference-profile":  # its models are known to AWS alone
        return [_foundation(partition, "*", "*")]
    geography, _, foundation = name.partition(".")
    if kind == "inference-profile" and geography in GEOGRAPHIES:
        return [_foundation(partition, GEOGRAPHIES[geography], foundation)]
    return []


def _foundation(partition: str, region: str, model: str) -> str:
    return f"arn:{partition}:bedrock:{region}::foundation-model/{model}"


def _models(settings: LLMSettings) -> Iterator[tuple[str, str]]:
    """Provider and model of the first choice and of its fallback; LiteLLM's ``bedrock/...`` is Bedrock too."""
    spec = ModelSpec(settings.provider, settings.model, fallback_model=settings.fallback_model)
    for candidate in (spec, spec.fallback):
        if candidate is None:
            continue
        provider, model = candidate.provider, candidate.model
        first, _, rest = model.partition("/")
        if provider == "litellm" and first in ("bedrock", *KEY_VARIABLES):
            provider, model = first, rest
        yield provider, model.removeprefix("converse/") if provider == "bedrock" else model

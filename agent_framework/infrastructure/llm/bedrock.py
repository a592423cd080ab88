"""Provider ``bedrock``: which client reaches it, in which region, and whether AWS will know who is asking.

``client`` is ``sdk`` (the default: the Converse API over AWS's own SDK, boto3) or ``litellm``. Importing this module
loads neither.
"""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from agent_framework._optional import require
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.llm.base import ModelSpec

if TYPE_CHECKING:
    from agents import Model

_NEEDED_FOR = "provider 'bedrock'"


def build(spec: ModelSpec) -> "Model":
    """The model of ``spec``, over the client that ``spec.client`` names.

    ``spec.api_key`` is a Bedrock API key, which replaces AWS credentials.

    Raises:
        ConfigError: no such client, no AWS credentials or no region.
        MissingExtraError: boto3, or litellm where it is asked for, is not installed.
    """
    client = spec.client or "sdk"
    if client not in _CLIENTS:
        raise ConfigError(f"provider 'bedrock' has no client {client!r}; it has {', '.join(sorted(_CLIENTS))}")
    if find_spec("boto3") is None:
        require("boto3", extra="aws", needed_for=_NEEDED_FOR)
    api_key = spec.api_key or os.environ.get("AWS_BEARER_TOKEN_BEDROCK")
    if not api_key:
        check_credentials(spec)
    return _CLIENTS[client](spec, region_of(spec), api_key)


def region_of(spec: ModelSpec) -> str:
    """``llm.region``, or what the environment or the AWS profile says.

    Raises:
        ConfigError: none of them says anything.
    """
    region = spec.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    region = region or require("boto3", extra="aws", needed_for=_NEEDED_FOR).session.Session().region_name
    if not region:
        raise ConfigError(f"model {spec.full_name} needs a region: set llm.region in agents.yaml, or AWS_REGION")
    return region


def check_credentials(spec: ModelSpec) -> None:
    """Find AWS credentials, asking the network address of EC2 instances only if nothing forbids it.

    Without any configured credentials botocore asks that address in every process and every call, which costs seconds
    on a laptop. It is switched off then, unless AWS_EC2_METADATA_DISABLED is set: an EC2 worker with an instance role
    sets it to ``false``. Keys in the environment, as in every Lambda function, are enough without loading boto3.

    Raises:
        ConfigError: there are none, or the profile that should have them does not exist.
    """
    if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return
    errors = require("botocore.exceptions", extra="aws", needed_for=_NEEDED_FOR)
    try:
        found = _has_credentials(require("botocore.session", extra="aws", needed_for=_NEEDED_FOR))
    except errors.BotoCoreError as exc:
        raise ConfigError(f"model {spec.full_name} needs AWS credentials: {exc}; set AWS_PROFILE rightly") from exc
    if not found:
        raise ConfigError(
            f"model {spec.full_name} needs AWS credentials and found none: run 'aws configure' or 'aws sso login', set "
            f"AWS_PROFILE, on an EC2 instance with a role set AWS_EC2_METADATA_DISABLED=false, "
            f"or run with --offline to use no model"
        )


def _has_credentials(botocore_session: Any) -> bool:
    resolver = botocore_session.Session().get_component("credential_provider")
    resolver.remove("iam-role")
    if resolver.load_credentials() is not None:
        return True
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    return botocore_session.Session().get_credentials() is not None


def _over_boto3(spec: ModelSpec, region: str, api_key: str | None) -> "Model":
    from agent_framework.infrastructure.llm.converse.calls import Connection
    from agent_framework.infrastructure.llm.converse.model import ConverseModel

    return ConverseModel(spec, Connection(region, spec.timeout_s, spec.base_url, api_key))


def _over_litellm(spec: ModelSpec, region: str, api_key: str | None) -> "Model":
    from agent_framework.infrastructure.llm.litellm import build_bedrock

    return build_bedrock(spec, region)


_CLIENTS: Mapping[str, Callable[[ModelSpec, str, str | None], "Model"]] = {
    "sdk": _over_boto3,
    "litellm": _over_litellm,
}

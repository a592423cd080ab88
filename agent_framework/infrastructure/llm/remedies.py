"""What to do about a provider's refusal: one half sentence for the end of an error message."""

import re
from collections.abc import Mapping, Sequence

from agent_framework.infrastructure.llm.base import ModelSpec

REMEDIES: Mapping[str, str] = {
    "openai": "set OPENAI_API_KEY",
    "anthropic": "set ANTHROPIC_API_KEY",
    "bedrock": "check the AWS credentials (aws sts get-caller-identity) and the right bedrock:InvokeModel",
}
"""What to do when a provider does not know who is asking."""

_OFFLINE = "or run with --offline"
_LOG_IN = "the AWS session has expired: log in again (aws sso login, or aws login) or renew the keys"

_BEDROCK: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), remedy)
    for pattern, remedy in (
        (
            r"on-demand throughput",
            (
                "name an inference profile instead of the model itself, such as llm.model: {profile} "
                "('aws bedrock list-inference-profiles --region {region}' lists them)"
            ),
        ),
        (
            r"use case details",
            "fill in the provider's use case form once, in the Bedrock console under the model's name",
        ),
        (
            r"end of its life|legacy",
            "this version of the model was retired: name a newer one in llm.model",
        ),
        (
            r"ExpiredToken|security token.{0,40}expired",
            f"{_LOG_IN}, {_OFFLINE}",
        ),
        (
            (
                r"UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|InvalidClientTokenId"
                r"|MissingAuthenticationToken|security token.{0,40}invalid"
            ),
            f"AWS does not know these credentials: check them (aws sts get-caller-identity) and the clock, {_OFFLINE}",
        ),
        (
            r"not authorized to perform",
            (
                "allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on the model and on its inference "
                f"profile in the policy of this role or user, {_OFFLINE}"
            ),
        ),
        (
            r"access to the model|model access|AWS Marketplace",
            (
                "the account has no access to this model in {region}: enable it in the Bedrock console, or name "
                f"another llm.region or llm.model, {_OFFLINE}"
            ),
        ),
        (
            r"model identifier|ResourceNotFound|Could not resolve the foundation model|not supported in this region",
            (
                "check llm.model and llm.region: {region} may not have this model "
                "('aws bedrock list-inference-profiles --region {region}' lists the ids)"
            ),
        ),
        (
            r"tool ?(use|choice|config).{0,60}(support|allowed)|support.{0,30}tool ?(use|choice)",
            "this model cannot use tools in this way: name another one in llm.model",
        ),
        (
            r"too many tokens per day|too many tokens|too many requests|Throttling",
            "ask for more in Service Quotas, or set llm.fallback_model",
        ),
    )
)
"""By what Bedrock says: its code, a colon, its words. The first that fits is told."""

_PROFILE_AREAS = (("us-gov-", "us-gov"), ("us-", "us"), ("eu-", "eu"), ("ap-", "apac"))

_LOCAL: Mapping[str, str] = {
    "NoCredentialsError": "run 'aws configure' or 'aws sso login', or set AWS_PROFILE",
    "PartialCredentialsError": "set both the access key and the secret key",
    "ProfileNotFound": "AWS_PROFILE names a profile that the AWS configuration does not have",
    "CredentialRetrievalError": "the AWS credentials could not be read: check the profile's credential process",
    **dict.fromkeys(("NoAuthTokenError", "TokenRetrievalError", "SSOError", "LoginError"), _LOG_IN),
    **dict.fromkeys(("NoRegionError", "InvalidRegionError"), "set llm.region in agents.yaml, or AWS_REGION"),
    "ParamValidationError": "a setting has a form that the Converse API does not take",
}

AWS_SETUP_ERRORS = frozenset(_LOCAL)
"""Names of botocore's errors about what was set up on this side; nothing was sent."""


def refusal_remedy(spec: ModelSpec, status: int, said: str) -> str | None:
    """The remedy for an answer with an error status; ``said`` is the provider's code, a colon, and its words."""
    if spec.provider == "bedrock":
        for pattern, remedy in _BEDROCK:
            if pattern.search(said):
                return remedy.format(region=spec.region or "the region", profile=_profile(spec))
    if status in (401, 403):
        return f"{REMEDIES.get(spec.provider, 'check its credentials')}, {_OFFLINE}"
    return None


def setup_remedy(names: frozenset[str]) -> str | None:
    """The remedy for an error of botocore about what was set up here, by the names of its classes."""
    remedy = next((remedy for name, remedy in _LOCAL.items() if name in names), None)
    return f"{remedy}, {_OFFLINE}" if remedy else None


def _profile(spec: ModelSpec) -> str:
    """The inference profile that the model's own id suggests; not every area has every model."""
    area = next((area for start, area in _PROFILE_AREAS if (spec.region or "us-").startswith(start)), "global")
    return f"{area}.{spec.model}"

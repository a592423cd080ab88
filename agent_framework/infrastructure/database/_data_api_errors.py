"""Errors of the RDS Data API: which pass by waiting, which do not, and what to tell; messages hold no values."""

import re
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agent_framework._optional import require
from agent_framework.errors import DataTooLargeError, ProviderError, StatementTimeoutError
from agent_framework.infrastructure.database._postgres_dialect import CONNECTION_LOST, REMEDIES, REPEATABLE

if TYPE_CHECKING:
    from agent_framework.infrastructure.database._data_api import Cluster


class Failure(Enum):
    """What kind of failure a request had."""

    RESUMING = "the cluster was paused and is starting"
    PASSES = "another try may succeed"
    TOO_LARGE = "the result is larger than one answer"
    TIMEOUT = "the statement took too long"
    REFUSED = "it will not work"


_PASSING = frozenset(
    {
        "ThrottlingException",
        "TooManyRequestsException",
        "ServiceUnavailableError",
        "InternalServerErrorException",
        "DatabaseUnavailableException",
        "TransactionNotFoundException",
    }
)
_SIZE = re.compile(r"size limit|allowed response size|too large|size was too large|row size", re.IGNORECASE)
_SQLSTATE = re.compile(r"SQLState: ?([0-9A-Z]{5})")
_RIGHTS = "; the role needs rds-data:* on the cluster and secretsmanager:GetSecretValue on the secret"
_REMEDIES = {
    "HttpEndpointNotEnabledException": "; switch the cluster's Data API on (enable_http_endpoint)",
    "ForbiddenException": _RIGHTS,
    "AccessDeniedException": _RIGHTS,
    "SecretsErrorException": "; check secret_arn and the right secretsmanager:GetSecretValue",
    "InvalidSecretException": "; the secret must hold username and password of a user of the database",
    "DatabaseNotFoundException": "; check cluster_arn and database",
    "NotFoundException": "; check cluster_arn and database",
    "DatabaseResumingException": "; the cluster did not start in time: raise resume_seconds, or min_capacity above 0",
}


@lru_cache(maxsize=1)
def _botocore() -> Any:
    return require("botocore.exceptions", extra="aws", needed_for="the RDS Data API")


def driver_errors() -> tuple[type[Exception], ...]:
    """The classes of everything that boto3 raises."""
    return (_botocore().ClientError, _botocore().BotoCoreError)


def is_driver_error(error: BaseException) -> bool:
    """Whether boto3 raised it."""
    return isinstance(error, driver_errors())


def classify(error: Exception) -> Failure:
    """What kind of failure a request had."""
    code, text = _code(error), str(error)
    state = _state(text)
    if code == "DatabaseResumingException":
        return Failure.RESUMING
    if code == "StatementTimeoutException" or state == "57014":
        return Failure.TIMEOUT
    if code in _PASSING or state in REPEATABLE or state in CONNECTION_LOST or _is_network(error):
        return Failure.PASSES
    if code in ("BadRequestException", "UnsupportedResultException") and _SIZE.search(text):
        return Failure.TOO_LARGE
    return Failure.REFUSED


def explained(error: Exception, place: str, cluster: "Cluster") -> ProviderError:
    """The driver's error as ours."""
    kind = classify(error)
    if kind is Failure.TIMEOUT:
        return StatementTimeoutError(f"{place}: the Data API ended a statement that took longer than 45 s")
    if kind is Failure.TOO_LARGE:
        return DataTooLargeError(
            f"{place}: a value is larger than the Data API transports (4 MB a request, 1 MiB a result); keep it in "
            "storage"
        )
    text = _message(error).partition("\n")[0]  # what follows are PostgreSQL's details, with values
    passes = kind in (Failure.PASSES, Failure.RESUMING)
    return ProviderError(f"{place}: {text}{_remedy(error, cluster)}", retryable=passes)


def _code(error: Exception) -> str:
    if isinstance(error, _botocore().ClientError):
        response: dict[str, Any] = getattr(error, "response", {})
        return str(response.get("Error", {}).get("Code", ""))
    return ""


def _message(error: Exception) -> str:
    if isinstance(error, _botocore().ClientError):
        response: dict[str, Any] = getattr(error, "response", {})
        return f"{_code(error)}: {response.get('Error', {}).get('Message', '')}"
    return str(error)


def _state(text: str) -> str | None:
    found = _SQLSTATE.search(text)
    return found.group(1) if found else None


def _is_network(error: Exception) -> bool:
    exceptions = _botocore()
    return isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError))


def _remedy(error: Exception, cluster: "Cluster") -> str:
    exceptions = _botocore()
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return "; give the process AWS credentials (a role, a profile or environment variables)"
    if _is_network(error):
        return "; check the region and the network"
    state = _state(str(error))
    if state in REMEDIES:
        return REMEDIES[state]
    return _REMEDIES.get(_code(error), f" (cluster {cluster.resource_arn})")

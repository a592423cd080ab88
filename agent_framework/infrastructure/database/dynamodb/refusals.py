"""What DynamoDB's refusals mean: a condition that did not hold, something to try again, or an error with a remedy."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import DataTooLargeError


class Refused(Exception):  # noqa: N818 - an answer for the caller, never seen outside this package
    """Conditions did not hold, so this try wrote nothing. ``resent``: an earlier try's answer was lost."""

    def __init__(self, *, resent: bool = False) -> None:
        super().__init__("a condition did not hold")
        self.resent = resent


class Again(Enum):
    """Why a request may be sent once more; every write is made so that a second arrival changes nothing."""

    BUSY = "busy"
    """Throttled, or in conflict with another transaction: it was certainly not applied."""
    LOST = "lost"
    """The answer was lost or the service failed: it may have been applied."""


_BUSY = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "LimitExceededException",
}
_LOST = {"InternalServerError", "InternalFailure", "ServiceUnavailable", "RequestTimeout"}
_BUSY_REASONS = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_CREDENTIALS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
CLAIM_CHECK = "Keep large values in storage (claim-check) and store where they lie"
_TOO_LARGE = ("Item size", "item size", "Collection size")


def code_of(error: BaseException) -> str:
    """The service's code of the error, or the name of the driver's own exception."""
    response = _response(error)
    details = cast("Mapping[str, Any]", response.get("Error", {}))
    return str(details.get("Code") or type(error).__name__)


def _response(error: BaseException) -> Mapping[str, Any]:
    """What the service answered; errors of the connection have none."""
    return cast("Mapping[str, Any] | None", getattr(error, "response", None)) or {}


def _reasons(error: BaseException) -> list[str]:
    reasons = cast("list[Mapping[str, Any]]", _response(error).get("CancellationReasons", []))
    return [str(reason.get("Code", "None")) for reason in reasons]


def is_refusal(error: BaseException) -> bool:
    """Whether the error says that a condition did not hold."""
    code = code_of(error)
    if code == "TransactionCanceledException":
        return "ConditionalCheckFailed" in _reasons(error)
    return code == "ConditionalCheckFailedException"


def again(error: BaseException) -> Again | None:
    """Whether sending the same request once more can help."""
    from botocore.exceptions import ConnectionError as ConnectionFailed
    from botocore.exceptions import HTTPClientError

    if isinstance(error, HTTPClientError | ConnectionFailed):
        return Again.LOST
    code = code_of(error)
    if code in _BUSY or (code == "TransactionCanceledException" and _BUSY_REASONS & set(_reasons(error))):
        return Again.BUSY
    return Again.LOST if code in _LOST else None


def explained(error: BaseException, *, table: str, operation: str, place: str) -> ProviderError:
    """The error in this package's words; ``place`` says which region or endpoint was asked."""
    code = code_of(error)
    message = f"dynamodb table {table!r} ({place}): {operation} failed: {error}"
    if any(word in str(error) for word in _TOO_LARGE):
        return DataTooLargeError(f"{message}; nothing was written. {CLAIM_CHECK}")
    return ProviderError(f"{message}{_remedy(code)}", retryable=again(error) is not None)


def too_large(size_bytes: int, limit: int) -> DataTooLargeError:
    """The value is above what one item can hold."""
    return DataTooLargeError(
        f"dynamodb cannot store a value of {size_bytes:,} bytes (an item holds 400 KB; this provider takes values up "
        f"to {limit:,} bytes); nothing was written. {CLAIM_CHECK}"
    )


def _remedy(code: str) -> str:
    if code == "ResourceNotFoundException":
        return "; the table does not exist there: deploy it, or set create_table: true and run 'db migrate'"
    if code in _CREDENTIALS:
        return "; check the credentials in use and their rights on the table and its indexes"
    if code in ("NoCredentialsError", "PartialCredentialsError"):
        return "; set AWS_PROFILE or the AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment"
    if code == "NoRegionError":
        return "; set infrastructure.database.config.region or AWS_DEFAULT_REGION"
    if code == "EndpointConnectionError" or "Timeout" in code:
        return "; check the region, endpoint_url and the network"
    return ""

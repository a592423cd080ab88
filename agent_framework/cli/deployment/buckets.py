"""Emptying versioned buckets: every version and every delete marker, page by page."""

from collections.abc import Mapping
from typing import Any

from agent_framework.cli.deployment.aws import Aws, code
from agent_framework.errors import DeploymentError, ProviderError


def empty_bucket(aws: Aws, bucket: str, account: str) -> int:
    """Delete everything in the bucket, and return how many versions that were; a bucket that is gone is empty."""
    try:
        return delete_objects(aws, {"Bucket": bucket, "ExpectedBucketOwner": account})
    except ProviderError as exc:
        if code(exc) == "NoSuchBucket":
            return 0
        raise


def delete_objects(aws: Aws, bucket: Mapping[str, str], *, prefix: str = "") -> int:
    """Delete all versions and delete markers whose key begins with ``prefix``.

    Raises:
        DeploymentError: S3 refused some of them.
    """
    deleted = 0
    for page in aws.pages("s3", "list_object_versions", Prefix=prefix, **bucket):
        listed = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not listed:
            continue
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in listed]
        answer = aws.call("s3", "delete_objects", Delete={"Objects": objects, "Quiet": True}, **bucket)
        _check(bucket["Bucket"], answer.get("Errors", ()))
        deleted += len(objects)
    return deleted


def _check(bucket: str, errors: Any) -> None:
    for error in errors:
        raise DeploymentError(
            f"{bucket}: {error.get('Key')} could not be deleted: {error.get('Code')}: {error.get('Message')}; "
            "is there an object lock, or a policy that denies it?"
        )

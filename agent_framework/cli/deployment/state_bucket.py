"""The bucket that keeps Terraform's state: ``<project>-tfstate-<account>-<region>``, one key for each stage.

It is made if it is missing: versioned, encrypted, private, reachable over TLS only. Versioning comes last, so a bucket
that has it was made completely. Whose bucket it is is asked with every call: a bucket of somebody else is never used.
"""

import hashlib
import json
from dataclasses import dataclass

from agent_framework.cli.deployment.aws import Aws, code
from agent_framework.cli.deployment.buckets import delete_objects
from agent_framework.cli.deployment.partition import partition_of
from agent_framework.errors import DeploymentError, ProviderError

_LONGEST = 63
_MISSING = ("404", "NoSuchBucket", "NotFound")
_FOREIGN = ("403", "AccessDenied", "Forbidden")


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Where a stage's state is kept; ``own`` is the bucket that this command makes, not one that the user named."""

    bucket: str
    key: str
    own: bool


def state_place(project: str, stage: str, account: str, region: str, *, bucket: str | None = None) -> StatePlace:
    """The state of a stage; ``bucket`` is the one that the user named."""
    default = state_bucket_name(project, account, region)
    chosen = bucket or default
    return StatePlace(chosen, f"{project}/{stage}/terraform.tfstate", chosen == default)


def state_bucket_name(project: str, account: str, region: str) -> str:
    """The same name for the same three; a long project's is cut, and told from others by its hash."""
    end = f"-tfstate-{account}-{region}"
    if len(project) + len(end) <= _LONGEST:
        return project + end
    return f"{project[: _LONGEST - len(end) - 7]}-{hashlib.sha256(project.encode()).hexdigest()[:6]}{end}"


class StateBucket:
    """The bucket of `StatePlace`, in the account that ``account`` names."""

    def __init__(self, aws: Aws, place: StatePlace, account: str) -> None:
        self._aws = aws
        self.place = place
        self._mine = {"Bucket": place.bucket, "ExpectedBucketOwner": account}

    def exists(self) -> bool:
        """Whether it is there.

        Raises:
            DeploymentError: it is there and belongs to another account.
        """
        try:
            self._aws.call("s3", "head_bucket", **self._mine)
        except ProviderError as exc:
            if code(exc) in _MISSING:
                return False
            if code(exc) in _FOREIGN:
                raise self._foreign() from exc
            raise
        return True

    def ensure(self) -> bool:
        """Make it if it is missing, completely; True if it was made now.

        Raises:
            DeploymentError: it belongs to another account, or the user named one that is not there.
        """
        there = self.exists()
        if not there and not self.place.own:
            raise DeploymentError(
                f"there is no bucket {self.place.bucket} (--state-bucket) in this account; make it, or leave the "
                "option out, and one is made"
            )
        if not there:
            self._create()
        if self.place.own and self._versioning() != "Enabled":
            self._protect()
        return not there

    def backend(self) -> dict[str, str]:
        """The settings of Terraform's backend ``s3``."""
        settings = {"bucket": self.place.bucket, "key": self.place.key, "region": self._aws.region}
        if ".amazonaws." not in self._aws.endpoint("s3"):  # an emulator, whose buckets are no hosts
            settings["use_path_style"] = "true"
        return settings

    def has_state(self) -> bool:
        """Whether the stage has a state here."""
        try:
            self._aws.call("s3", "head_object", Key=self.place.key, **self._mine)
        except ProviderError as exc:
            if code(exc) in (*_MISSING, "NoSuchKey"):
                return False
            raise
        return True

    def delete_state(self) -> bool:
        """Delete the stage's state with all its versions, and the bucket if it is ours and empty then; True if so."""
        delete_objects(self._aws, self._mine, prefix=self.place.key)
        if not self.place.own:
            return False
        rest = self._aws.call("s3", "list_object_versions", MaxKeys=1, **self._mine)
        if rest.get("Versions") or rest.get("DeleteMarkers"):
            return False
        self._aws.call("s3", "delete_bucket", **self._mine)
        return True

    def _create(self) -> None:
        where = {"LocationConstraint": self._aws.region}
        options = {} if self._aws.region == "us-east-1" else {"CreateBucketConfiguration": where}
        try:
            self._aws.call("s3", "create_bucket", Bucket=self.place.bucket, **options)
        except ProviderError as exc:
            if code(exc) == "BucketAlreadyOwnedByYou":
                return
            if code(exc) == "BucketAlreadyExists":
                raise self._foreign() from exc
            raise

    def _protect(self) -> None:
        call, mine = self._aws.call, self._mine
        everything = dict.fromkeys(_BLOCKED, True)
        call("s3", "put_public_access_block", PublicAccessBlockConfiguration=everything, **mine)
        owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        call("s3", "put_bucket_ownership_controls", OwnershipControls=owner, **mine)
        encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        call("s3", "put_bucket_encryption", ServerSideEncryptionConfiguration=encryption, **mine)
        tags = {"TagSet": [{"Key": "ManagedBy", "Value": "agent-framework"}, {"Key": "Purpose", "Value": "tfstate"}]}
        call("s3", "put_bucket_tagging", Tagging=tags, **mine)
        if self._aws.endpoint("s3").startswith("https:"):  # over plain HTTP (an emulator) it would lock us out
            call("s3", "put_bucket_policy", Policy=json.dumps(self._tls_only()), **mine)
        call("s3", "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}, **mine)

    def _versioning(self) -> str | None:
        status: str | None = self._aws.call("s3", "get_bucket_versioning", **self._mine).get("Status")
        return status

    def _tls_only(self) -> dict[str, object]:
        arn = f"arn:{partition_of(self._aws.region)}:s3:::{self.place.bucket}"
        statement = {
            "Sid": "EncryptedConnectionsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    def _foreign(self) -> DeploymentError:
        return DeploymentError(
            f"the bucket {self.place.bucket} for Terraform's state belongs to another AWS account, or these "
            "credentials may not read it; name one of your own with --state-bucket"
        )


_BLOCKED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

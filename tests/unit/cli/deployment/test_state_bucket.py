"""The state's bucket: its name, and what it is made with."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.cli.deployment.state_bucket import StateBucket, state_bucket_name, state_place

ACCOUNT = "123456789012"


class RecordingAws:
    """An AWS at an https address in which there is no bucket yet; it notes what it is asked for."""

    region = "eu-central-1"

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        self.calls.append((operation, arguments))
        return {}

    def endpoint(self, service: str) -> str:
        return "https://s3.eu-central-1.amazonaws.com"


@given(st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True), st.sampled_from(["us-east-1", "ap-southeast-2"]))
def test_its_name_is_one_that_s3_takes_and_the_same_every_time(project: str, region: str) -> None:
    name = state_bucket_name(project, ACCOUNT, region)
    assert len(name) <= 63
    assert name.endswith(f"-tfstate-{ACCOUNT}-{region}")
    assert name == state_bucket_name(project, ACCOUNT, region)


def test_long_projects_that_begin_alike_have_different_buckets() -> None:
    one, other = (state_bucket_name(f"{'a' * 31}{end}", ACCOUNT, "ap-southeast-2") for end in "bc")
    assert one != other


def test_stages_share_the_bucket_and_not_the_key() -> None:
    dev, prod = (state_place("shop", stage, ACCOUNT, "us-east-1") for stage in ("dev", "prod"))
    assert dev.bucket == prod.bucket
    assert (dev.key, prod.key) == ("shop/dev/terraform.tfstate", "shop/prod/terraform.tfstate")


def test_a_bucket_without_versioning_is_completed_and_versioning_comes_last() -> None:
    aws: Any = RecordingAws()
    StateBucket(aws, state_place("shop", "dev", ACCOUNT, "eu-central-1"), ACCOUNT).ensure()
    operations = [operation for operation, _ in aws.calls]
    assert operations[-1] == "put_bucket_versioning"
    assert {"put_public_access_block", "put_bucket_encryption", "put_bucket_policy"} < set(operations)
    assert all(arguments["ExpectedBucketOwner"] == ACCOUNT for _, arguments in aws.calls)


def test_it_is_reached_over_tls_only() -> None:
    aws: Any = RecordingAws()
    StateBucket(aws, state_place("shop", "dev", ACCOUNT, "eu-central-1"), ACCOUNT).ensure()
    (policy,) = [
        json.loads(arguments["Policy"]) for operation, arguments in aws.calls if operation == "put_bucket_policy"
    ]
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"][0] == f"arn:aws:s3:::shop-tfstate-{ACCOUNT}-eu-central-1"


@pytest.mark.parametrize("own", [True, False])
def test_a_bucket_of_the_users_own_is_used_as_it_is(own: bool) -> None:
    aws: Any = RecordingAws()
    place = state_place("shop", "dev", ACCOUNT, "eu-central-1", bucket=None if own else "ours")
    StateBucket(aws, place, ACCOUNT).ensure()
    assert any(operation.startswith("put_") for operation, _ in aws.calls) is own

"""What terraform says, and the remedies that are added to it."""

import json

import pytest

from agent_framework.cli.deployment.diagnostics import Diagnostic, described, diagnostic_of, read_line


@pytest.mark.parametrize(
    ("summary", "remedy"),
    [
        ("Error acquiring the state lock", "force-unlock LOCK_ID (TF_DATA_DIR=/data"),
        ("creating S3 Bucket (shop): BucketAlreadyExists: taken", "bucket_prefix in agents.yaml"),
        ("creating IAM Role: EntityAlreadyExists: there", "terraform -chdir=terraform import ADDRESS ID"),
        ("creating SQS Queue: AccessDenied: User is not authorized to perform: sqs:CreateQueue", "allow the action"),
        ("ExpiredToken: the token has expired", "log in again"),
        ("creating VPC: VpcLimitExceeded: too many", "Service Quotas"),
        ("Failed to query available provider packages", "could not fetch the AWS provider"),
        ("Backend configuration changed", "--state-bucket"),
    ],
)
def test_common_errors_have_a_remedy(summary: str, remedy: str) -> None:
    assert remedy in (Diagnostic("error", summary).remedy("/data") or "")


def test_an_error_that_is_not_known_is_told_as_it_is() -> None:
    told = Diagnostic("error", "Something new", "It\n  went wrong.", address="aws_sqs_queue.jobs").text("/data")
    assert told == "aws_sqs_queue.jobs: Something new: It went wrong."


def test_an_error_that_comes_twice_is_told_once_and_warnings_are_not() -> None:
    error = Diagnostic("error", "No", "never", address="a.b")
    assert described([error, Diagnostic("warning", "Deprecated"), error], "/data") == "a.b: No: never"


def test_a_diagnostic_without_resource_has_its_place_in_the_file() -> None:
    place = {"filename": "main.tf", "start": {"line": 7}}
    line = json.dumps({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "No", "range": place}})
    message = read_line(line)
    assert message is not None
    found = diagnostic_of(message)
    assert found is not None
    assert found.text("/data") == "main.tf:7: No"


@pytest.mark.parametrize("line", ["Initializing...", "{not json", "[]", '{"no": "type"}', ""])
def test_other_lines_are_no_messages(line: str) -> None:
    assert read_line(line) is None

"""Emulated AWS for tests of deployed systems; functions run in AWS's own runtime client."""

import sys
from collections.abc import Iterator

import pytest

from tests.support.lambda_emulator import LambdaEmulator, emulated_lambda
from tests.support.moto_server import CREDENTIALS, REGION, Aws, aws

__all__ = ["aws"]


@pytest.fixture(scope="module")
def lambdas(aws: Aws) -> Iterator[LambdaEmulator]:
    """Functions that run, with this interpreter; credentials of the emulated AWS in the environment."""
    with pytest.MonkeyPatch.context() as patch, emulated_lambda(aws, sys.executable) as emulator:
        patch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS["aws_access_key_id"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS["aws_secret_access_key"])
        patch.setenv("AWS_REGION", REGION)
        yield emulator

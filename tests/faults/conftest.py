"""Emulated AWS for tests of deployed systems; functions run in AWS's own runtime client."""

from tests.support.lambda_emulator import lambdas
from tests.support.moto_server import aws

__all__ = ["aws", "lambdas"]

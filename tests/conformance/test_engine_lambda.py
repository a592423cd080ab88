"""The checkpoint engine on emulated Lambda does what every engine must: functions, SQS, DynamoDB and S3."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from agent_framework.testing.conformance.engine import EngineConformance
from tests.support.lambda_emulator import LambdaEmulator
from tests.support.lambda_place import LambdaPlace
from tests.support.moto_server import Aws
from tests.support.scripted_endpoint import ScriptedEndpoint, model_endpoint

__all__ = ["model_endpoint"]


class TestLambda(EngineConformance):
    """Functions in AWS's own runtime client beside moto."""

    pace: ClassVar[float] = 3.0
    keep_open: ClassVar[int] = 3

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls, aws: Aws, lambdas: LambdaEmulator) -> Callable[[Path], LambdaPlace]:
        return lambda folder: LambdaPlace(folder, aws, lambdas)

    @pytest.fixture(scope="class")
    @classmethod
    def model_endpoint(cls, model_endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
        return model_endpoint

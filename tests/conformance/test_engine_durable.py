"""The durable engine does what every engine must: on AWS's own test runner, with worker functions as processes."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from agent_framework.testing.conformance.engine import EngineConformance
from tests.support.durable_place import DurablePlace
from tests.support.scripted_endpoint import ScriptedEndpoint, model_endpoint

__all__ = ["model_endpoint"]


class TestDurable(EngineConformance):
    """Lambda durable functions, run locally by AWS's test runner."""

    pace: ClassVar[float] = 2.0

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls) -> Callable[[Path], DurablePlace]:
        return DurablePlace

    @pytest.fixture(scope="class")
    @classmethod
    def model_endpoint(cls, model_endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
        return model_endpoint

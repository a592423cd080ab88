"""What every place that runs jobs must do, as one class to subclass.

    class TestMyEngine(EngineConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def open_place(cls):
            return MyPlace                  # MyPlace(folder), a subclass of `Place`

The suite writes small projects to real folders: an agents.yaml, agents that are plain files, and what these share in
``backend/acting.py``. ``open_place`` makes the place for such a folder, not yet open; each project is opened once per
class. `Place` says what to override: start what does the work, end it, and pass on that a job was submitted. It may
change the project before (`configure` sets what a stage says, such as its ``infrastructure``), package it, or copy it;
agents append to a log file whose absolute path is in the job's input, and read it.

``InProcessPlace`` and ``WorkerPlace`` run the checkpoint engine here and in worker processes, on any backend.
``capabilities`` lists what the place can do of `CAPABILITIES`; ``models`` needs the fixture ``model_endpoint``, a
scripted model server. ``patience_s`` is how long a test waits for a job; ``pace`` stretches the few time limits that
tests set for agents and jobs (2 s each), for places where an agent takes long to begin; ``keep_open`` is how many
projects (of about twelve) stay open at once, where an open one costs something.
"""

from agent_framework.testing.conformance.engine.approvals import ApprovalTests
from agent_framework.testing.conformance.engine.attempts import AttemptTests
from agent_framework.testing.conformance.engine.failures import FailureTests
from agent_framework.testing.conformance.engine.harness import CAPABILITIES, ModelEndpoint, OpenPlace
from agent_framework.testing.conformance.engine.models import ModelTests
from agent_framework.testing.conformance.engine.place import InProcessPlace, Place, WorkerPlace, WorkerProcess
from agent_framework.testing.conformance.engine.rules import RuleTests
from agent_framework.testing.conformance.engine.scene import configure
from agent_framework.testing.conformance.engine.signals import SignalTests
from agent_framework.testing.conformance.engine.traces import TraceTests
from agent_framework.testing.conformance.engine.values import ValueTests

__all__ = [
    "CAPABILITIES",
    "EngineConformance",
    "InProcessPlace",
    "ModelEndpoint",
    "OpenPlace",
    "Place",
    "WorkerPlace",
    "WorkerProcess",
    "configure",
]


class EngineConformance(
    RuleTests, FailureTests, AttemptTests, SignalTests, ApprovalTests, ValueTests, ModelTests, TraceTests
):
    """All required and optional behaviour of a place that runs jobs."""

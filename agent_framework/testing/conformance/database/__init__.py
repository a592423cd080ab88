"""What every database must do, as one class to subclass.

    class TestMyDatabase(DatabaseConformance):
        @pytest.fixture
        def database(self, tmp_path):
            return lambda: MyDatabase(tmp_path / "jobs")

        @pytest.fixture
        def reopen(self, database):
            return database            # another connection to the same data

``database`` makes a provider on empty data, not yet opened; the tests open and close it, each in its own event loop.
``reopen`` makes another provider on the same data, as another process or a restart would; without it the tests that
need one are skipped. ``pass_time`` may let a fake clock go on by some seconds; without it the tests wait for real,
always less than a second. ``capabilities`` lists what the backend can do of `CAPABILITIES`; where one is missing, a
clear `ProviderError` is as good as keeping the value. `OneMomentTests` is for databases that read snapshots.
"""

from agent_framework.testing.conformance.database.attempts import AttemptTests
from agent_framework.testing.conformance.database.claims import ClaimTests
from agent_framework.testing.conformance.database.commits import CommitTests
from agent_framework.testing.conformance.database.documents import DocumentTests
from agent_framework.testing.conformance.database.harness import CAPABILITIES
from agent_framework.testing.conformance.database.jobs import JobTests
from agent_framework.testing.conformance.database.moments import OneMomentTests
from agent_framework.testing.conformance.database.races import RaceTests
from agent_framework.testing.conformance.database.restarts import RestartTests
from agent_framework.testing.conformance.database.results import ResultTests
from agent_framework.testing.conformance.database.sessions import SessionTests
from agent_framework.testing.conformance.database.together import TogetherTests
from agent_framework.testing.conformance.database.transitions import TransitionTests
from agent_framework.testing.conformance.database.values import ValueTests

__all__ = ["CAPABILITIES", "DatabaseConformance", "OneMomentTests"]


class DatabaseConformance(
    JobTests,
    TransitionTests,
    ClaimTests,
    CommitTests,
    AttemptTests,
    ResultTests,
    DocumentTests,
    ValueTests,
    RaceTests,
    TogetherTests,
    RestartTests,
    SessionTests,
):
    """Everything at once; subclass this one."""

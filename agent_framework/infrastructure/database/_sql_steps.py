"""The scripts of the engine's steps, which every SQL backend writes in its own way."""

from abc import abstractmethod
from collections.abc import Sequence

from agent_framework.errors import AgentFrameworkError
from agent_framework.infrastructure.database._requests import Ended, NewJob, Write
from agent_framework.infrastructure.database._script import Script
from agent_framework.infrastructure.database._sql import Scripts
from agent_framework.types import Attempt, AttemptKey, Snapshot


class StepScripts(Scripts):
    """The scripts of the engine's steps. Those that take several requests answer in their order."""

    @abstractmethod
    def create(self, jobs: Sequence[NewJob]) -> Script[list[tuple[str, float | None] | AgentFrameworkError]]:
        """Store jobs; of each the id and the moment, or the id of the job that was stored for it before, and None.

        An error: another request was stored under its client key or id, or that could not be learned.
        """

    @abstractmethod
    def free(self, job_id: str) -> Script[Snapshot | None]:
        """The job, if it is active and nobody has claimed it."""

    @abstractmethod
    def move(self, decisions: Sequence[Write]) -> Script[list[float | None]]:
        """Write decisions; of each the moment, or None if its job has changed since."""

    @abstractmethod
    def start_attempt(self, key: AttemptKey, owner: str, run_for_s: float) -> Script[Attempt | None]:
        """See `DatabaseProvider.start_attempt`."""

    @abstractmethod
    def end(self, outcomes: Sequence[Ended]) -> Script[list[float | None]]:
        """Store outcomes; of each the moment, or None if its attempt is no longer its owner's."""

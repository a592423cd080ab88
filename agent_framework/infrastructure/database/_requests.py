"""What the engine asks a SQL database to write, as values."""

from collections.abc import Callable
from dataclasses import dataclass

from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import AgentOutcome, AttemptKey, Job, value


@value
class NewJob:
    """A job to store; ``payload`` is JSON text."""

    id: str
    user_id: str
    job_type: str
    payload: str
    client_key: str | None
    at: float


@dataclass(slots=True)
class Ended:
    """An outcome to store, with who has produced it. ``stored``: it was, unless its transaction fails yet."""

    key: AttemptKey
    owner: str
    outcome: AgentOutcome
    produced_by: str
    at: float
    stored: bool = False

    @property
    def stand_in(self) -> str | None:
        """Who produced it in the agent's place."""
        return self.produced_by if self.produced_by != self.key.agent else None


def certain() -> bool:
    """For a decision about a job that was read: it rests on nothing that may still fail."""
    return True


@value
class Write:
    """Changes to write if ``job`` is still as it was decided from, and ``rests_on`` says yes.

    ``is_claimed``: the decision ends the claim of ``job``; otherwise the job must not be claimed.
    """

    job: Job
    changes: Changes
    at: float
    rests_on: Callable[[], bool] = certain
    is_claimed: bool = False

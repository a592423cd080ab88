"""What a listener hears while a job runs in this process: the records of `advance` and the outcomes of `perform`."""

from collections.abc import Callable

from agent_framework.types import AgentOutcome, AttemptKey, Event, JobStatus, value


@value
class Decided:
    """Records were committed; ``status`` is where the job now stands."""

    job_id: str
    events: tuple[Event, ...]
    status: JobStatus


@value
class AttemptStarted:
    """An agent runs."""

    key: AttemptKey
    performer: str


@value
class AttemptEnded:
    """An agent's outcome; ``stored`` is false where the attempt was given up before it came."""

    key: AttemptKey
    performer: str
    outcome: AgentOutcome
    stored: bool


Progress = Decided | AttemptStarted | AttemptEnded
Listener = Callable[[Progress], None]

POLL_S = 1.0
"""How often a job that runs elsewhere is looked at by who follows it."""


def ignore(progress: Progress) -> None:
    """The listener of those who do not listen."""

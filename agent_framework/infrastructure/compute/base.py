"""The contract of a dispatcher: start attempts that are committed, somewhere, and do not wait for them."""

from collections.abc import Sequence
from typing import Protocol

from agent_framework.types import Attempt


class Dispatcher(Protocol):
    """Where attempts run is the only difference between places; a dispatch is a hint and may be repeated."""

    async def dispatch(self, attempts: Sequence[Attempt]) -> None:
        """Have ``attempts`` performed; each is safe to be dispatched twice."""
        ...

    async def job_ended(self, job_id: str) -> None:
        """Nothing of this job is wanted any more: stop what can be stopped."""
        ...

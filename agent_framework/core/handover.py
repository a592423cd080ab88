"""What a decision hands over to agents that run in the same process: their attempts, begun, with the job as committed.

The attempts are stored as started by this process in the transaction that decides about them, so nothing has to be
read or written again before the agents run.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.work import StepView
from agent_framework.types import AgentOutcome, Attempt, AttemptState, Snapshot


class Handover:
    """Attempts of one step that are stored as started, and the job as it was committed with them."""

    def __init__(self, snapshot: Snapshot, plan: PinnedPlan, attempts: Sequence[Attempt]) -> None:
        self.plan = plan
        self.attempts = attempts
        self._running = len(attempts)
        self.step = StepView(snapshot, plan, attempts[0].key.seq)
        self._is_whole_step = len(self.step.agents) == len(attempts)

    def ended(self, outcome: AgentOutcome) -> bool:
        """One of them ended; whether there may be something to decide: not while siblings run after a success."""
        self._running -= 1
        return not self._running or not self._is_whole_step or outcome.state is not AttemptState.SUCCEEDED


@runtime_checkable
class Starter(Protocol):
    """A dispatcher whose agents run in this process, under the name ``owner``."""

    owner: str

    def begin(self, handover: Handover) -> None:
        """Run the agents of attempts that are started already."""
        ...

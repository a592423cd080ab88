"""The policies around each attempt, in their order; what they share between processes lies in the document store."""

from collections.abc import Callable

from agent_framework.config.agent_config import AgentConfig
from agent_framework.core.circuit_guard import CircuitGuard
from agent_framework.core.execution import Run, Work
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import AgentOutcome


class Policies:
    """The `Guard` of a project. ``config_of`` knows the declared agents."""

    def __init__(self, db: DatabaseProvider, config_of: Callable[[str], AgentConfig | None]) -> None:
        self.circuits = CircuitGuard(db)
        self._config_of = config_of

    async def __call__(self, work: Work, run: Run) -> AgentOutcome:
        """The outcome of the attempt, or of what stands in its way."""
        config = self._config_of(work.performer)
        if config is None or config.circuit_breaker is None:
            return await run()
        return await self.circuits.around(work, config.circuit_breaker, run)

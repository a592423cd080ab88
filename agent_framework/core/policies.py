"""The policies around each attempt, in their order: a stored result, then the circuit, then the agent.

What they share between processes lies in the document store.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.registry import AgentRegistry
from agent_framework.core.execution import Run
from agent_framework.core.work import Work
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.infrastructure.llm.base import REPLAY, ModelSpec
from agent_framework.types import AgentOutcome

if TYPE_CHECKING:
    from agent_framework.core.circuit_guard import CircuitGuard
    from agent_framework.core.result_cache import ResultCacheGuard

logger = logging.getLogger(__name__)


class Policies:
    """The `Guard` of a project."""

    def __init__(
        self,
        db: DatabaseProvider,
        registry: AgentRegistry,
        *,
        owner: str,
        project_dir: Path,
        model_spec: Callable[[AgentConfig], ModelSpec],
    ) -> None:
        self._db = db
        self._owner = owner
        self._registry = registry
        self._project_dir = project_dir
        self._model_spec = model_spec

    @cached_property
    def circuits(self) -> "CircuitGuard":
        """The circuit breakers."""
        from agent_framework.core.circuit_guard import CircuitGuard

        return CircuitGuard(self._db)

    @cached_property
    def results(self) -> "ResultCacheGuard":
        """The stored results."""
        from agent_framework.core.result_cache import ResultCacheGuard

        return ResultCacheGuard(self._db, self._owner)

    def __call__(self, work: Work, run: Run) -> Awaitable[AgentOutcome]:
        """The outcome of the attempt, or of what stands in its place."""
        config = self._registry.get_config(work.performer)
        if config is None or (config.cache is None and config.circuit_breaker is None):
            return run()
        return self._around(work, config, run)

    async def _around(self, work: Work, config: AgentConfig, run: Run) -> AgentOutcome:
        async def within_circuit() -> AgentOutcome:
            if config.circuit_breaker is None:
                return await run()
            return await self.circuits.around(work, config.circuit_breaker, run)

        version = self._version(config) if config.cache is not None else None
        if config.cache is None or version is None:
            return await within_circuit()
        return await self.results.around(work, config.cache, version, within_circuit)

    def _version(self, config: AgentConfig) -> str | None:
        """The version whose results may be served; None where none may."""
        from agent_framework.core.agent_forms import tools_of
        from agent_framework.core.code_version import code_version
        from agent_framework.core.result_cache import why_not_cacheable

        spec = self._model_spec(config)
        target = self._registry.get_agent(config.name)
        if target is None or spec.provider == REPLAY or spec.cassette is not None:
            return None
        reason = why_not_cacheable(config, tools_of(target, config.tools))
        version = None if reason else code_version(target, config, spec, self._project_dir)
        if version is None:
            logger.warning("agent %s runs without its cache: %s", config.name, reason or "its source is in no file")
        return version

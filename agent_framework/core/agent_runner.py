"""Runs the code of a project's agents: finds the class, gives it its services, calls it as the work asks."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.registry import AgentRegistry
from agent_framework.core.agent_forms import DefaultOrchestrator, Runnable, make_agent
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.asking import resume
from agent_framework.core.attempts import ASKED
from agent_framework.core.base_agent import AgentServices, BaseAgent, Turn
from agent_framework.core.budget import AttemptMeter, Limits
from agent_framework.core.cursor import Mode
from agent_framework.core.effects import Effects
from agent_framework.core.execution import Done
from agent_framework.core.sessions import Session, Sessions
from agent_framework.core.work import Work
from agent_framework.errors import ApprovalChangedError, ApprovalNeeded, ProjectError
from agent_framework.infrastructure._json import json_copy
from agent_framework.infrastructure.database.base import DatabaseProvider, require_job
from agent_framework.infrastructure.llm.base import WORKER_TOOL_PREFIX, ModelSpec, Price
from agent_framework.infrastructure.llm.pricing import cost_usd
from agent_framework.infrastructure.llm.writes import GUARD
from agent_framework.infrastructure.storage.base import StorageProvider
from agent_framework.types import AttemptKey, Job, JSONDict, Usage


class ProjectRunner:
    """The `AgentRunner` of a project. ``model_spec`` says which model an agent uses."""

    def __init__(
        self,
        registry: AgentRegistry,
        db: DatabaseProvider,
        storage: StorageProvider | None,
        *,
        project_dir: Path,
        model_spec: Callable[[AgentConfig], ModelSpec],
        tracing: bool = False,
    ) -> None:
        self._registry = registry
        self._db = db
        self._storage = storage
        self._project_dir = project_dir
        self._model_spec = model_spec
        self._tracing = tracing
        self._meters: dict[AttemptKey, AttemptMeter] = {}

    async def run(self, work: Work) -> tuple[Done, Usage]:
        """Run one attempt's agent."""
        config = self._registry.get_config(work.performer) or AgentConfig(name=work.performer)
        spec = self._model_spec(config)
        limits = _limits(work.plan.budget_usd, work.plan.budget_tokens)
        meter = AttemptMeter(self._db, work.key.job_id, limits, _price_with(spec.prices))
        self._meters[work.key] = meter
        services = AgentServices(
            config,
            self._project_dir,
            spec,
            self._storage,
            meter,
            self._turn(work, config) if work.mode is Mode.TURN else None,
            resume(work),
            _own(work),
            self._tracing,
            await self._session(work, config) if config.session else None,
        )
        done = await self._guarded(work, make_agent(self._target(work.performer, config), self._db, services))
        del self._meters[work.key]
        return done, meter.usage

    def usage_of(self, key: AttemptKey) -> Usage:
        """What a failed attempt's calls have used."""
        meter = self._meters.pop(key, None)
        return meter.usage if meter else Usage()

    def _target(self, name: str, config: AgentConfig) -> object:
        target = self._registry.get_agent(name)
        if target is not None:
            return target
        if config.type == "orchestrator":
            return DefaultOrchestrator
        raise ProjectError(
            f"agent {name} has no code: backend/agents/{name}/agent.py does not exist; "
            f"'agent-framework add-agent {name}' writes one"
        )

    async def _session(self, work: Work, config: AgentConfig) -> Session | None:
        """The attempt's own view of the conversation that its job belongs to."""
        settings = config.session_settings
        if settings is None or work.mode is Mode.PREPARE:
            return None
        job = work.job or await require_job(self._db, work.key.job_id)
        return await Sessions(self._db).of_attempt(job, work.key, settings)

    def _turn(self, work: Work, config: AgentConfig) -> Turn:
        named = [tool.removeprefix(WORKER_TOOL_PREFIX) for tool in config.tools if tool.startswith(WORKER_TOOL_PREFIX)]
        workers = named or self._registry.list_agents("worker")
        described = {name: (self._registry.get_config(name) or config).description for name in workers}
        previous: JSONDict = work.previous_turn or {}
        return Turn(described, previous.get("saved"), work.answers or {})

    async def _guarded(self, work: Work, agent: Runnable) -> Done:
        """Run the agent with its writes under guard."""
        counts = work.waited.get("writes") if work.waited else None
        effects = Effects(self._db, work.key, owner=work.owner, occurrence=work.occurrence, counts=counts)
        outer = GUARD.set(effects)
        try:
            if work.mode in _CALLED:
                return Done(await agent.run(work.key.job_id))
            return await self._orchestrate(work, agent)
        except ApprovalNeeded as exc:
            exc.detail["writes"] = effects.counts
            raise
        except ApprovalChangedError as exc:
            for asked in work.waited[ASKED] if work.waited else ():
                await ApprovalStore(self._db).audit(
                    asked["id"], "execute", by=str(work.key), refused=type(exc).__name__
                )
            raise
        finally:
            GUARD.reset(outer)

    async def _orchestrate(self, work: Work, agent: Runnable) -> Done:
        if not isinstance(agent, BaseAgent):
            raise ProjectError(f"the orchestrator {work.performer} must be a BaseAgent class")
        if work.mode is Mode.PREPARE:
            return Done(await agent.prepare(await agent.load(work.key.job_id)) or {})
        reply = await agent.take_turn(work.key.job_id)
        calls: list[JSONDict] = [
            {"agent": call.agent, "call_id": call.call_id, "arguments": call.arguments} for call in reply.calls
        ]
        return Done(reply.output, calls=calls, saved=reply.saved)


def _own(work: Work) -> Job | None:
    """The job as the agent sees it: with the results of earlier steps, and its own to change."""
    job = work.job
    if job is None:
        return None
    results = job.agent_results if work.results is None else work.results
    return job.with_data(json_copy(job.request_payload), {name: json_copy(output) for name, output in results.items()})


_CALLED = (Mode.RULE, Mode.CALLS)
"""Modes in which an agent does its work, and does not orchestrate."""

_limits = lru_cache(maxsize=64)(Limits)


def _price_with(prices: Mapping[str, Price]) -> Callable[[str, int, int], float | None]:
    return lambda model, input_tokens, output_tokens: cost_usd(model, None, input_tokens, output_tokens, prices)

"""The composition root: project + stage -> providers, registry, engine. The only place that reads the environment."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dotenv import dotenv_values

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import LOCAL_STAGE, ConfigLoader
from agent_framework.core import crash
from agent_framework.core.agent_forms import prepares, talks_to_model
from agent_framework.core.agent_runner import ProjectRunner
from agent_framework.core.execution import InProcessDispatcher, Performer
from agent_framework.core.job_manager import JobManager
from agent_framework.core.orchestrator import DynamicOrchestrator, Engine, Waker
from agent_framework.core.pinned import PinnedPlan, pin, without_rules
from agent_framework.core.progress import Listener, ignore
from agent_framework.core.steps import StepRunner
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.database import DatabaseFactory, DatabaseProvider
from agent_framework.infrastructure.llm.base import OFFLINE, REPLAY, ModelSpec, Price, build_model
from agent_framework.infrastructure.storage import StorageFactory, StorageProvider
from agent_framework.observability.tracing import is_configured, observe

CRASH_VARIABLE = "AGENT_FRAMEWORK_CRASH_AT"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """How this process deals with models: not at all (``offline``), by a cassette, or as agents.yaml says."""

    offline: bool = False
    record: Path | None = None
    replay: Path | None = None


class Project:
    """A project opened for one stage, with everything wired in this process.

    ``async with Project.open("my-project") as project: job = await project.run({"a": 1})``
    """

    def __init__(
        self,
        loader: ConfigLoader,
        db: DatabaseProvider,
        storage: StorageProvider,
        *,
        environ: Mapping[str, str],
        jobs: JobManager | None = None,
        models: ModelChoice | None = None,
        listener: Listener = ignore,
    ) -> None:
        self.loader = loader
        self.config = loader.config
        self.dir = loader.project_dir
        self.db = db
        self.storage = storage
        self.registry = loader.get_agent_registry()
        self.models = models or ModelChoice()
        self._environ = environ
        self.jobs = jobs or JobManager(db)
        self._stack = ExitStack()
        runner = ProjectRunner(
            self.registry, db, storage, project_dir=self.dir, model_spec=self.model_spec, tracing=is_configured(environ)
        )
        self.waker = Waker()
        self.dispatcher = InProcessDispatcher(
            Performer(db, runner, owner=self.jobs.owner, wake=self.waker.wake, listener=listener)
        )
        engine = Engine(self.jobs, plan=self.pin, dispatcher=self.dispatcher, listener=listener)
        self.steps = StepRunner(db, runner, without_rules(self.config))
        self.orchestrator = DynamicOrchestrator(
            loader, self.jobs, db, engine=engine, waker=self.waker, steps=self.steps
        )

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        stage: str = LOCAL_STAGE,
        environ: Mapping[str, str] | None = None,
        models: ModelChoice | None = None,
        listener: Listener = ignore,
    ) -> Self:
        """Load the project and make its providers; nothing is connected or imported yet.

        ``environ`` replaces the process's environment and the project's ``.env`` file.

        Raises:
            ConfigError: agents.yaml or a provider's configuration is wrong.
        """
        loader = ConfigLoader(path, stage=stage)
        environ = _environment(loader.project_dir) if environ is None else environ
        crash.arm(environ.get(CRASH_VARIABLE))
        infrastructure = loader.config.infrastructure
        root = loader.project_dir
        return cls(
            loader,
            DatabaseFactory.create(infrastructure.database.provider, infrastructure.database.config, root=root),
            StorageFactory.create(infrastructure.storage.provider, infrastructure.storage.config, root=root),
            environ=environ,
            models=models,
            listener=listener,
        )

    async def __aenter__(self) -> Self:
        await self.db.migrate()
        self._stack.enter_context(observe(self._environ))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop running agents and let go of everything."""
        await self.dispatcher.close()
        self._stack.close()
        await self.storage.close()
        await self.db.close()

    async def run(self, job_input: dict[str, Any], *, user_id: str = "local", job_type: str = "default") -> Any:
        """Submit a job and run it in this process until it rests; the `Job` with its results."""
        job_id = await self.jobs.submit(job_input, user_id=user_id, job_type=job_type)
        return await self.orchestrator.drive(job_id)

    def pin(self) -> PinnedPlan:
        """The plan for a run that starts now.

        Raises:
            ProjectError: the rules name agents that do not exist, or the orchestrator cannot be imported.
        """
        orchestrator = self.config.orchestrator
        target = self.registry.get_agent(orchestrator) if orchestrator else None
        return pin(self.config, prepares=prepares(target), exists=self.registry.has_module)

    def model_spec(self, agent: AgentConfig) -> ModelSpec:
        """Which model ``agent`` uses, with the key from the environment.

        Raises:
            ConfigError: the variable that should hold the key is not set.
        """
        settings = agent.llm.applied_to(self.config.llm)
        if self.models.offline or settings.provider == OFFLINE:
            return ModelSpec(provider=OFFLINE, model=OFFLINE)
        spec = ModelSpec(
            provider=settings.provider,
            model=settings.model,
            region=settings.region or self.config.project.region,
            client=settings.client,
            base_url=settings.base_url,
            api_key=self._api_key(settings.api_key_env, agent.name),
            max_output_tokens=settings.max_output_tokens,
            timeout_s=settings.timeout,
            fallback_model=settings.fallback_model,
            prices={name: Price(price.input, price.output) for name, price in settings.prices.items()},
            cassette=str(self.models.record) if self.models.record else None,
        )
        if self.models.replay:
            return replace(spec, provider=REPLAY, cassette=str(self.models.replay), api_key=None)
        return spec

    def models_used(self) -> dict[str, ModelSpec]:
        """The model of each agent that talks to one: `BaseAgent` classes that leave ``run`` as it is.

        Raises:
            ProjectError: an agent's module cannot be imported.
        """
        used: dict[str, ModelSpec] = {}
        for name, agent in self.config.agents.items():
            target = self.registry.get_agent(name)
            turns = agent.type == "orchestrator" and self.config.orchestration.strategy == "agent"
            if turns or (agent.type == "worker" and talks_to_model(target)):
                used[name] = self.model_spec(agent)
        return used

    def check_models(self) -> None:
        """Build each model that is used, so that a missing key or credential is told before a job starts.

        Raises:
            ConfigError, MissingExtraError, ProjectError
        """
        for spec in {repr(spec): spec for spec in self.models_used().values()}.values():
            if spec.provider != OFFLINE:
                build_model(spec)

    def _api_key(self, variable: str | None, agent: str) -> str | None:
        if variable is None:
            return None
        if not self._environ.get(variable):
            raise ConfigError(
                f"agent {agent} needs the environment variable {variable} (llm.api_key_env), which is not set; "
                "put it in .env, or use --offline to run without a model"
            )
        return self._environ[variable]


def _environment(project_dir: Path) -> Mapping[str, str]:
    """The process's environment over the project's ``.env``, which is also put in place for the agents."""
    for name, value in dotenv_values(project_dir / ".env").items():
        if value is not None:
            os.environ.setdefault(name, value)
    return os.environ


def in_process_parts(loader: ConfigLoader, jobs: JobManager, db: DatabaseProvider) -> tuple[Engine, Waker, StepRunner]:
    """What `DynamicOrchestrator` needs when it is made the seed's way, from a loader and a database."""
    infrastructure = loader.config.infrastructure
    storage = StorageFactory.create(
        infrastructure.storage.provider, infrastructure.storage.config, root=loader.project_dir
    )
    project = Project(loader, db, storage, environ=_environment(loader.project_dir), jobs=jobs)
    return project.orchestrator.engine, project.waker, project.steps

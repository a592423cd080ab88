"""The composition root: project + stage -> providers, engine, agents."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_framework.config.deployed import APPROVALS_URL_VARIABLE
from agent_framework.config.loader import LOCAL_STAGE, ConfigLoader
from agent_framework.core import crash
from agent_framework.core.announcing import announcer
from agent_framework.core.deployed import loader_of
from agent_framework.core.engine import Engine
from agent_framework.core.environment import environment
from agent_framework.core.job_manager import JobManager
from agent_framework.core.large_values import with_large_values
from agent_framework.core.messages import perform_message
from agent_framework.core.models import ModelChoice, Models
from agent_framework.core.orchestrator import DynamicOrchestrator
from agent_framework.core.owner import nobody
from agent_framework.core.pinned import without_rules
from agent_framework.core.progress import POLL_S, Listener, ignore
from agent_framework.core.steps import FunctionSteps
from agent_framework.core.wiring import Plans, open_storage, wire
from agent_framework.core.worker import DRAIN_S, Worker, send_hint
from agent_framework.errors import ConfigError, JobNotFoundError, SessionError
from agent_framework.infrastructure.compute.base import Dispatcher
from agent_framework.infrastructure.compute.queue import QueueDispatcher
from agent_framework.infrastructure.database import DatabaseFactory, DatabaseProvider
from agent_framework.infrastructure.queue import QueueFactory, QueueProvider
from agent_framework.infrastructure.storage import StorageProvider
from agent_framework.observability.redaction import remember_environment
from agent_framework.observability.tracing import is_configured, observe
from agent_framework.types import Job, JSONDict

if TYPE_CHECKING:
    from agent_framework.core.approvals import Approvals
    from agent_framework.core.effect_review import EffectReview
    from agent_framework.core.sessions import Sessions

CRASH_VARIABLE = "AGENT_FRAMEWORK_CRASH_AT"


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
        queue: QueueProvider | None = None,
        models: ModelChoice | None = None,
        owner: str | None = None,
        deployed: bool = False,
        listener: Listener = ignore,
    ) -> None:
        self.loader = loader
        self.config = loader.config
        self.dir = loader.project_dir
        self.storage = storage
        self.registry = loader.get_agent_registry()
        self.models = Models(loader, environ, models)
        conditions = [rule.condition for rule in loader.config.orchestration.selection_rules]
        self.db = with_large_values(db, storage, conditions)
        self.jobs = JobManager(self.db) if owner is None else JobManager(self.db, owner=owner, owner_is_dead=nobody)
        self._environ = environ
        self._is_deployed = deployed
        self._queue = queue
        self._listener = listener
        self._stack = ExitStack()
        parts = wire(loader, self.jobs, storage, self.models, tracing=is_configured(environ), listener=listener)
        self.runner, self.dispatcher, self.steps = parts.runner, parts.dispatcher, parts.steps
        self.policies = parts.policies
        region = self.config.project.region
        steps = FunctionSteps(self.function_of, without_rules(self.config), region=region) if deployed else None
        self.orchestrator = DynamicOrchestrator(loader, self.jobs, self.db, parts=parts, steps=steps)

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        stage: str = LOCAL_STAGE,
        environ: Mapping[str, str] | None = None,
        infrastructure: Mapping[str, JSONDict] | None = None,
        models: ModelChoice | None = None,
        owner: str | None = None,
        listener: Listener = ignore,
    ) -> Self:
        """Load the project and make its providers; nothing is connected or imported yet.

        Where the stage was deployed from this folder, the providers are the deployed ones.

        Args:
            path: agents.yaml or its folder.
            stage: one of agents.yaml, or local, dev, staging, prod.
            environ: replaces the process's environment and the project's ``.env`` file.
            infrastructure: the deployed providers, for a process that was told them.
            models: how this process deals with models.
            owner: names this process where its machine cannot (functions share names and process ids); nobody is
                then taken for dead before their time is over.
            listener: hears what happens to jobs in this process.

        Raises:
            ConfigError: agents.yaml or a provider's configuration is wrong.
        """
        loader, is_deployed = loader_of(path, stage, infrastructure)
        if environ is None:
            environ = environment(loader.project_dir)
        else:
            remember_environment(environ)
        loader = loader.with_approvals_url(environ.get(APPROVALS_URL_VARIABLE))
        crash.arm(environ.get(CRASH_VARIABLE))
        db, storage = _providers(loader, is_deployed=is_deployed)
        return cls(
            loader, db, storage, environ=environ, models=models, owner=owner, deployed=is_deployed, listener=listener
        )

    @cached_property
    def approvals(self) -> "Approvals":
        """The questions to people, and their answers."""
        from agent_framework.core.approvals import Approvals

        return Approvals(self.db)

    @cached_property
    def effects(self) -> "EffectReview":
        """The writes of which nobody knows whether they were done."""
        from agent_framework.core.effect_review import EffectReview

        return EffectReview(self.jobs)

    @cached_property
    def sessions(self) -> "Sessions":
        """The conversations that agents remember."""
        from agent_framework.core.sessions import Sessions

        return Sessions(self.db)

    @property
    def queue(self) -> QueueProvider:
        """The stage's queue, made when it is first needed: a job that runs in this process needs none."""
        if self._queue is None:
            settings = self.config.infrastructure.queue
            self._queue = QueueFactory.create(settings.provider, settings.config, root=self.dir)
        return self._queue

    async def __aenter__(self) -> Self:
        if self._is_deployed:  # functions of another version may be at work on it
            await self.db.check_schema()
        else:
            await self.db.migrate()
        self._stack.enter_context(observe(self._environ))
        return self

    def function_of(self, agent: str) -> str:
        """An agent's Lambda function: ``<AGENT>_FUNCTION`` where it is set, else ``<project>-<stage>-<agent>``."""
        named = self._environ.get(f"{agent.upper()}_FUNCTION")
        return named or f"{self.config.project.name}-{self.loader.stage}-{agent}"

    def engine_with(self, dispatcher: Dispatcher) -> Engine:
        """An engine that decides for this project and dispatches elsewhere."""
        plans = Plans(self.loader)
        return Engine(
            self.jobs,
            plan=plans.pin,
            known_plan=plans.known,
            dispatcher=dispatcher,
            listener=self._listener,
            announce=announcer(self.loader, self.db),
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop running agents and let go of everything."""
        await self.dispatcher.close()
        self._stack.close()
        if self._queue is not None:
            await self._queue.close()
        await self.storage.close()
        await self.db.close()

    async def run(self, job_input: JSONDict, *, user_id: str = "local", job_type: str = "default") -> Job:
        """Submit a job and run it in this process until it rests: it is final, or waits for an approval.

        A waiting job goes on by ``project.approvals.approve(...)`` and ``project.orchestrator.drive(job.id)``.
        """
        job_id = await self.jobs.submit(job_input, user_id=user_id, job_type=job_type)
        return await self.orchestrator.drive(job_id)

    async def submit(
        self,
        job_input: JSONDict,
        *,
        user_id: str = "local",
        job_type: str = "default",
        client_key: str | None = None,
    ) -> str:
        """Store a job and tell the stage's workers, without waiting for it; its id."""
        job_id = await self.jobs.submit(job_input, user_id=user_id, job_type=job_type, client_key=client_key)
        await send_hint(self.queue, job_id)
        return job_id

    async def wait_for(self, job_id: str, *, poll_s: float = POLL_S) -> Job:
        """Follow a job that runs elsewhere until it rests; the project's listener hears what happens to it.

        Raises:
            JobNotFoundError
        """
        from agent_framework.core.follow import follow

        return (await follow(self.db, job_id, listener=self._listener, poll_s=poll_s)).job

    def session_of(self, job: Job) -> str | None:
        """The session that the job's agents remember; None where none of them does, or the job names no session."""
        if all(agent.session_settings is None for agent in self.config.agents.values()):
            return None
        from agent_framework.core.sessions import session_of

        try:
            return session_of(job)
        except SessionError:
            return None

    async def failure_report(self, job_id: str) -> JSONDict | None:
        """Why a job did not work out, what is there nevertheless, and what to do; None unless it ended so.

        Raises:
            JobNotFoundError
        """
        snapshot = await self.db.load(job_id)
        if snapshot is None:
            raise JobNotFoundError(job_id)
        from agent_framework.core.failure_report import failure_report

        return failure_report(snapshot)

    def worker(self, *, concurrency: int = 10, sweep_s: float = 5.0, drain_s: float = DRAIN_S) -> Worker:
        """A worker of the stage's queue in this process."""
        return Worker(
            self.engine_with(QueueDispatcher(self.queue, perform_message)),
            self.queue,
            self.runner,
            guard=self.policies,
            concurrency=concurrency,
            sweep_s=sweep_s,
            drain_s=drain_s,
            listener=self._listener,
        )


def _providers(loader: ConfigLoader, *, is_deployed: bool) -> tuple[DatabaseProvider, StorageProvider]:
    settings = loader.config.infrastructure.database
    try:
        database = DatabaseFactory.create(settings.provider, settings.config, root=loader.project_dir)
        return database, open_storage(loader)
    except ConfigError as exc:
        if is_deployed or loader.stage == LOCAL_STAGE:
            raise
        raise ConfigError(
            f"{exc}. Stage {loader.stage!r} was not deployed from this folder: name what is there in agents.yaml, or "
            f"run 'agent-framework deploy --stage {loader.stage}'"
        ) from exc

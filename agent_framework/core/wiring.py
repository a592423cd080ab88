"""How the parts of the engine are put together in one process, from a loader, a database and a storage."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent_framework.config.loader import ConfigLoader
from agent_framework.core.announcing import announcer
from agent_framework.core.durable_limits import check_operations
from agent_framework.core.engine import Engine
from agent_framework.core.execution import AgentRunner, Done, InProcessDispatcher, Performer
from agent_framework.core.job_manager import JobManager
from agent_framework.core.models import Models
from agent_framework.core.pinned import ONE_AGENT, PinnedPlan, one_agent, pin, without_rules
from agent_framework.core.policies import Policies
from agent_framework.core.progress import Listener, ignore
from agent_framework.core.steps import StepRunner
from agent_framework.core.waker import Waker
from agent_framework.core.work import Work
from agent_framework.infrastructure.storage import StorageFactory, StorageProvider
from agent_framework.types import AttemptKey, Job, Usage


@dataclass(frozen=True, slots=True)
class Parts:
    """What drives jobs in this process: decide, run agents' code as tasks, wake, and agents by name."""

    engine: Engine
    runner: AgentRunner
    dispatcher: InProcessDispatcher
    waker: Waker
    steps: StepRunner
    policies: Policies


def wire(
    loader: ConfigLoader,
    jobs: JobManager,
    storage: StorageProvider,
    models: Models,
    *,
    tracing: bool = False,
    listener: Listener = ignore,
) -> Parts:
    """Put the parts together; nothing is connected or imported yet."""
    runner = project_runner(loader, jobs, storage, models, tracing=tracing)
    waker = Waker()
    policies = Policies(
        jobs.db,
        loader.get_agent_registry(),
        owner=jobs.owner,
        project_dir=loader.project_dir,
        model_spec=models.spec,
    )
    performer = Performer(
        jobs.db,
        runner,
        owner=jobs.owner,
        wake=waker.wake,
        wake_early=waker.wake_now,
        guard=policies,
        listener=listener,
    )
    dispatcher = InProcessDispatcher(performer)
    plans = Plans(loader)
    engine = Engine(
        jobs,
        plan=plans.pin,
        known_plan=plans.known,
        dispatcher=dispatcher,
        listener=listener,
        announce=announcer(loader, jobs.db),
    )
    return Parts(engine, runner, dispatcher, waker, StepRunner(jobs.db, runner, without_rules(loader.config)), policies)


def project_runner(
    loader: ConfigLoader, jobs: JobManager, storage: StorageProvider, models: Models, *, tracing: bool
) -> AgentRunner:
    """What runs the code of the project's agents."""

    def make() -> AgentRunner:
        from agent_framework.core.agent_runner import ProjectRunner

        registry, directory = loader.get_agent_registry(), loader.project_dir
        return ProjectRunner(registry, jobs.db, storage, project_dir=directory, model_spec=models.spec, tracing=tracing)

    return RunnerWhenNeeded(make)


class RunnerWhenNeeded:
    """Makes the runner for the first agent that runs here: where jobs are only decided, none does."""

    def __init__(self, make: Callable[[], AgentRunner]) -> None:
        self._make = make
        self._made: AgentRunner | None = None

    def run(self, work: Work) -> Awaitable[tuple[Done, Usage]]:
        """See `AgentRunner.run`."""
        return self._runner().run(work)

    def usage_of(self, key: AttemptKey) -> Usage:
        """See `AgentRunner.usage_of`."""
        return self._runner().usage_of(key)

    def _runner(self) -> AgentRunner:
        if self._made is None:
            self._made = self._make()
        return self._made


class Plans:
    """The plans of runs that start now, each made once: a loader's configuration never changes."""

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._made: dict[str, PinnedPlan] = {}

    def pin(self, job: Job) -> PinnedPlan:
        """As `plan_of`."""
        plan = self._made[_kind(job)] = plan_of(self._loader, job)
        return plan

    def known(self, job: Job) -> PinnedPlan | None:
        """The plan, if it was made before."""
        return self._made.get(_kind(job))


def _kind(job: Job) -> str:
    return job.job_type if job.job_type.startswith(ONE_AGENT) else ""


def plan_of(loader: ConfigLoader, job: Job | None = None) -> PinnedPlan:
    """The plan for a run that starts now: of one agent alone where the job asks for that, else by the rules.

    Raises:
        ProjectError: the rules name agents that do not exist, the orchestrator cannot be imported, or a step does not
            fit into a durable execution.
    """
    registry = loader.get_agent_registry()
    if job is not None and job.job_type.startswith(ONE_AGENT):
        return one_agent(loader.config, job.job_type.removeprefix(ONE_AGENT), exists=registry.is_known)
    orchestrator = loader.config.orchestrator
    target = registry.get_agent(orchestrator) if orchestrator else None
    plan = pin(loader.config, prepares=_prepares(target), exists=registry.is_known)
    if loader.config.orchestration.engine == "durable":
        check_operations(plan, loader.config.workers)
    return plan


def _prepares(target: object) -> bool:
    if target is None:
        return False
    from agent_framework.core.agent_forms import prepares

    return prepares(target)


def open_storage(loader: ConfigLoader) -> StorageProvider:
    """The storage of the loader's stage."""
    settings = loader.config.infrastructure.storage
    return StorageFactory.create(settings.provider, settings.config, root=loader.project_dir)

"""Which distributions an agent needs: by its role, by what agents.yaml says about models and databases, by its wish.

An orchestrator that follows rules needs no SDK of any model. A worker, and the orchestrator of ``strategy: agent``,
have the Agents SDK, and LiteLLM only where a model is reached through it. Agents that need the same share a `Closure`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires

from agent_framework._optional import DISTRIBUTION
from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.llm_config import LLMSettings
from agent_framework.config.loader import LOCAL_STAGE, WELL_KNOWN_STAGES, ConfigLoader
from agent_framework.config.project_config import ProjectConfig
from agent_framework.errors import PackagingError
from agent_framework.infrastructure.database import PROVIDERS as DATABASES
from agent_framework.infrastructure.llm.base import BUILDERS, ModelSpec
from agent_framework.observability.tracing import LANGFUSE_KEYS

RUNTIME_DISTRIBUTIONS = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""What Lambda's own Python has already, and packages leave out unless they are told or need another version."""

_DOWNLOADERS = ("hf-xet", "huggingface-hub")
"""LiteLLM wants them to fetch tokenizers of models from Hugging Face, which no call does."""

_ORCHESTRATOR = ("pydantic", "python-dotenv", "pyyaml")
_WORKER = (*_ORCHESTRATOR, "openai-agents")
_FEATURES = {
    "durable": "aws-durable-execution-sdk-python",
    "litellm": "litellm",
    "langfuse": "langfuse",
    "postgres": "psycopg",
}
_OURS = frozenset({DISTRIBUTION, "agent-framework"})


@dataclass(frozen=True, slots=True)
class Closure:
    """Requirements that are locked and installed together.

    Attributes:
        name: what it is for: ``worker``, ``worker-litellm``, ``orchestrator``, ``agent-<name>``.
        architecture: ``x86_64`` or ``arm64``.
        requirements: PEP 508, sorted.
        left_out: distributions that Lambda has already, or that are never asked for.
        own: an agent's own requirements are among them, so nothing may be pruned that one of them could need.
    """

    name: str
    architecture: str
    requirements: tuple[str, ...]
    left_out: tuple[str, ...]
    own: bool

    @property
    def lock(self) -> str:
        """The lock's path in the project."""
        return f"locks/{self.name}-{self.architecture}.txt"

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.name} ({self.architecture})"


def closures_of(loader: ConfigLoader, agents: Iterable[AgentConfig], *, bundle_boto3: bool) -> dict[str, Closure]:
    """The closure of each agent, by name: the same in every stage. Agents that need the same have the same.

    Raises:
        PackagingError: a requirement that cannot be taken, or our own distribution is not installed.
    """
    configs = list(_stage_configs(loader))
    found: dict[str, Closure] = {}
    first: dict[Closure, str] = {}
    for agent in agents:
        closure = _closure(configs, agent, agent_decides(loader), bundle_boto3=bundle_boto3)
        if closure.own:  # it is called after the first agent that needs it
            name = first.setdefault(replace(closure, architecture=""), agent.name)
            closure = replace(closure, name=f"agent-{name}{closure.name}")
        found[agent.name] = closure
    return found


def agent_decides(loader: ConfigLoader) -> bool:
    """Whether the orchestrator asks a model what to do."""
    return loader.config.orchestration.strategy == "agent"


def _closure(configs: list[ProjectConfig], agent: AgentConfig, decides: bool, *, bundle_boto3: bool) -> Closure:
    features = sorted(name for name, needed in _needed(configs, agent).items() if needed)
    full = agent.type == "worker" or "langfuse" in features or decides
    for requirement in agent.requirements:
        _check(requirement, agent.name)
    # Durable executions are started and read through operations that an older boto3 of Lambda's does not have.
    bundled = (
        bundle_boto3
        or "durable" in features
        or any(_distribution(name) in RUNTIME_DISTRIBUTIONS for name in agent.requirements)
    )
    declared = _declared()
    names = (*(_WORKER if full else _ORCHESTRATOR), *(_FEATURES[feature] for feature in features))
    wanted = {*(declared[name] for name in names), *agent.requirements, *((declared["boto3"],) if bundle_boto3 else ())}
    role = "" if agent.requirements else "worker" if full else "orchestrator"
    return Closure(
        name="-".join([role, *([] if agent.requirements else features), *(["boto3"] if bundle_boto3 else [])]),
        architecture=agent.runtime.architecture,
        requirements=tuple(sorted(wanted)),
        left_out=(
            *(() if bundled else RUNTIME_DISTRIBUTIONS),
            *(_DOWNLOADERS if "litellm" in features and not agent.requirements else ()),
        ),
        own=bool(agent.requirements),
    )


def has_sdk(closure: Closure) -> bool:
    """Whether the Agents SDK is in it."""
    return any(_distribution(requirement) == "openai-agents" for requirement in closure.requirements)


def _stage_configs(loader: ConfigLoader) -> Iterator[ProjectConfig]:
    """agents.yaml as it holds in each stage that can be deployed."""
    for stage in sorted({*WELL_KNOWN_STAGES, *loader.loaded.config.stages} - {LOCAL_STAGE}):
        yield loader.loaded.for_stage(stage)


def _needed(configs: Iterable[ProjectConfig], agent: AgentConfig) -> dict[str, bool]:
    needed = dict.fromkeys(_FEATURES, False)
    for config in configs:
        here = config.agents.get(agent.name, agent)
        talks = here.type == "worker" or config.orchestration.strategy == "agent"
        needed["litellm"] |= talks and any(map(_over_litellm, _models(here.llm.applied_to(config.llm))))
        needed["durable"] |= here.type == "orchestrator" and config.orchestration.engine == "durable"
        needed["langfuse"] |= LANGFUSE_KEYS[0] in here.runtime.environment
        needed["postgres"] |= DATABASES.canonical(config.infrastructure.database.provider) == "rds-postgres"
    return needed


def _models(settings: LLMSettings) -> Iterator[ModelSpec]:
    """The first choice and its fallback."""
    spec = ModelSpec(settings.provider, settings.model, client=settings.client, fallback_model=settings.fallback_model)
    yield spec
    if spec.fallback is not None:
        yield spec.fallback


def _over_litellm(spec: ModelSpec) -> bool:
    module = BUILDERS.get(spec.provider, "").partition(":")[0]
    return spec.client == "litellm" or module.endswith(".litellm")


def _declared() -> dict[str, str]:
    """Our own requirements by name, without their markers, as the installed distribution declares them."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError as exc:
        raise PackagingError(
            f"{DISTRIBUTION} is not installed here, so its requirements are not known: pip install it first"
        ) from exc
    texts = [line.partition(";")[0].strip() for line in lines]
    return {_distribution(text): text for text in texts}


def _check(requirement: str, agent: str) -> None:
    name = _distribution(requirement)
    place = f"agents.{agent}.requirements: {requirement!r}"
    if not name:
        raise PackagingError(f"{place} is no requirement; write one such as 'pandas>=2.2' (PEP 508)")
    if "\n" in requirement:
        raise PackagingError(f"{place} is more than one line; write one requirement in each item of the list")
    if name in _OURS:
        raise PackagingError(
            f"{place}: the framework is in every package already, as it is installed here; take it out"
        )


def _distribution(requirement: str) -> str:
    """The normalised name at the beginning of a requirement; empty if there is none."""
    found = re.match(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?=$|[\s\[<>=!~;@(])", requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""

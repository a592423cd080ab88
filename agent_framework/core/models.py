"""Which model each agent uses: by agents.yaml, the environment's keys, and what this process was told about models."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent_framework.config.agent_config import AgentConfig
from agent_framework.config.loader import ConfigLoader
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.llm.base import OFFLINE, REPLAY, ModelSpec, Price, build_model
from agent_framework.observability.redaction import remember


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """How this process deals with models: not at all (``offline``), by a cassette, or as agents.yaml says."""

    offline: bool = False
    record: Path | None = None
    replay: Path | None = None


class Models:
    """The models of a project. ``environ`` holds the keys."""

    def __init__(self, loader: ConfigLoader, environ: Mapping[str, str], choice: ModelChoice | None = None) -> None:
        self.choice = choice or ModelChoice()
        self._config = loader.config
        self._registry = loader.get_agent_registry()
        self._environ = environ
        self._specs: dict[str, tuple[AgentConfig, ModelSpec]] = {}

    def spec(self, agent: AgentConfig) -> ModelSpec:
        """Which model ``agent`` uses, with the key from the environment.

        Raises:
            ConfigError: the variable that should hold the key is not set.
        """
        known = self._specs.get(agent.name)
        if known is None or known[0] is not agent:
            known = self._specs[agent.name] = agent, self._spec(agent)
        return known[1]

    def _spec(self, agent: AgentConfig) -> ModelSpec:
        settings = agent.llm.applied_to(self._config.llm)
        if self.choice.offline or settings.provider == OFFLINE:
            return ModelSpec(provider=OFFLINE, model=OFFLINE)
        spec = ModelSpec(
            provider=settings.provider,
            model=settings.model,
            region=settings.region or self._config.project.region,
            client=settings.client,
            base_url=settings.base_url,
            api_key=self._api_key(settings.api_key_env, agent.name),
            max_output_tokens=settings.max_output_tokens,
            timeout_s=settings.timeout,
            fallback_model=settings.fallback_model,
            prices={name: Price(price.input, price.output) for name, price in settings.prices.items()},
            cassette=str(self.choice.record) if self.choice.record else None,
        )
        if self.choice.replay:
            return replace(spec, provider=REPLAY, cassette=str(self.choice.replay), api_key=None)
        return spec

    def used(self) -> dict[str, ModelSpec]:
        """The model of each agent that talks to one: `BaseAgent` classes that leave ``run`` as it is.

        Raises:
            ProjectError: an agent's module cannot be imported.
        """
        from agent_framework.core.agent_forms import talks_to_model

        used: dict[str, ModelSpec] = {}
        for name, agent in self._config.agents.items():
            turns = agent.type == "orchestrator" and self._config.orchestration.strategy == "agent"
            if turns or (agent.type == "worker" and talks_to_model(self._registry.get_agent(name))):
                used[name] = self.spec(agent)
        return used

    def check(self) -> None:
        """Build each model that is used, so that a missing key or credential is told before a job starts.

        Raises:
            ConfigError, MissingExtraError, ProjectError
        """
        for spec in {repr(spec): spec for spec in self.used().values()}.values():
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
        remember(self._environ[variable])
        return self._environ[variable]

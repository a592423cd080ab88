"""From a model's description to an Agents SDK model.

`build_model` is the only way to a model: a table maps provider names and dotted paths to builders, nothing here is
loaded before it is needed, and every model it returns makes exactly one try per call (the engine owns retries).

How a model is put together, from the inside out:

1. the provider's own model, one request per call;
2. error mapping: whatever the provider's libraries raise becomes a `ModelError`, and ``timeout_s`` bounds the call;
3. metering: reserve before the call, settle after it, under the model's own name and prices;
4. the fallback, itself built from 1 to 3, so its calls are metered under its own name;
5. the recorder, when a ``cassette`` is named and the provider is a real one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from agent_framework.errors import ConfigError
from agent_framework.types import Usage

if TYPE_CHECKING:
    from agents import Model

DEFAULT_MAX_OUTPUT_TOKENS = 4096

FINAL_RESULT_TOOL = "final_result"
"""The function tool a model calls with its structured answer: the way that works with every provider."""

WORKER_TOOL_PREFIX = "invoke_"
"""``invoke_<worker>`` tools let the orchestrator agent of ``strategy: agent`` start a worker."""

OFFLINE = "offline"
REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided about a call: only arguments with this hash may be used, or ``rejection`` says why none."""

    arguments_hash: str
    rejection: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything needed to build one model; ``runtime`` fills it from agents.yaml and the environment.

    Attributes:
        provider: ``bedrock``, ``openai``, ``anthropic``, ``litellm``, ``offline``, ``replay``, ``pkg.module:factory``.
        model: the provider's own model id.
        region: AWS region, for Bedrock.
        client: chooses between the ways to reach one provider (openai: ``sdk``, ``chat``, ``litellm``; bedrock:
            ``sdk``, ``litellm``); None is the provider's default.
        base_url: another address for the provider's API: a proxy, a gateway, a compatible server.
        api_key: a secret: it is never printed (``repr`` hides it) and never stored. None leaves it to the provider's
            own environment variable.
        max_output_tokens: sent with every call that sets no limit of its own, and what a budget reserves.
        timeout_s: bounds one whole call.
        fallback_model: asked when this one fails in a way that another try could mend: a model id of the same
            provider, or ``provider/model``.
        prices: overrides of the built-in price table, by model id or ``provider/model``.
        cassette: file of recorded calls: provider ``replay`` answers from it, any other provider records into it.
    """

    provider: str
    model: str
    region: str | None = None
    client: str | None = None
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    max_output_tokens: int = DEFAULT_MAX_OUTPUT_TOKENS
    timeout_s: float = 120.0
    fallback_model: str | None = None
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    cassette: str | None = None

    @property
    def full_name(self) -> str:
        """``provider/model``: the name in messages, usage and `Meter` calls; plain ``offline`` for no model at all."""
        return OFFLINE if self.provider == OFFLINE else f"{self.provider}/{self.model}"

    @property
    def fallback(self) -> "ModelSpec | None":
        """The spec of ``fallback_model``. Another provider gets neither this one's key nor its address."""
        if self.fallback_model is None:
            return None
        same = replace(self, model=self.fallback_model, fallback_model=None, cassette=None)
        provider, _, model = self.fallback_model.partition("/")
        if not model or provider not in BUILDERS:
            return same
        if provider == self.provider:
            return replace(same, model=model)
        return replace(same, provider=provider, model=model, client=None, base_url=None, api_key=None)


class Meter(Protocol):
    """Counts model calls of one attempt and may refuse the next one."""

    async def reserve(self, *, model: str, input_tokens: int, max_output_tokens: int) -> str:
        """Called before a call with an upper estimate of its tokens; returns a receipt for `settle`.

        ``model`` is `ModelSpec.full_name`, which `pricing.cost_usd` understands.

        Raises:
            BudgetExceededError: the call could pass the job's budget, so it must not be made.
        """
        ...

    async def settle(self, receipt: str, usage: Usage) -> None:
        """Called after the call with what it really used.

        Not called when the call failed in a way that may have been billed (a time-out, a lost connection, a cancelled
        attempt): the reservation then stands.
        """
        ...


ModelBuilder = Callable[[ModelSpec], "Model"]

_HERE = "agent_framework.infrastructure.llm"

BUILDERS: Mapping[str, str] = {
    "anthropic": f"{_HERE}.litellm:build_anthropic",
    "bedrock": f"{_HERE}.bedrock:build",
    "litellm": f"{_HERE}.litellm:build_any",
    OFFLINE: f"{_HERE}.offline:build",
    "openai": f"{_HERE}.openai:build",
    REPLAY: f"{_HERE}.replay:build",
}
"""Provider names and where their builders are; any other dotted path is a third party's ``factory(spec) -> Model``."""


def build_model(spec: ModelSpec, *, meter: Meter | None = None) -> "Model":
    """Build the model that ``spec`` describes; see the module's docstring for what is wrapped around what.

    Raises:
        ConfigError: unknown provider or client, missing credentials, or a factory that cannot be used.
        MissingExtraError: the provider's library is not installed.
    """
    model = _concrete(spec, meter)
    if spec.fallback is not None:
        from agent_framework.infrastructure.llm.fallback import FallbackModel

        model = FallbackModel({spec.full_name: model, spec.fallback.full_name: _concrete(spec.fallback, meter)})
    if spec.cassette is not None and spec.provider != REPLAY:
        from agent_framework.infrastructure.llm.replay import ReplayModel

        model = ReplayModel.recording(model, spec.cassette, name=spec.full_name)
    return model


def _concrete(spec: ModelSpec, meter: Meter | None) -> "Model":
    """One provider's model with error mapping and metering; local models raise no provider errors to map."""
    model = _builder(spec.provider)(spec)
    if spec.provider not in (OFFLINE, REPLAY):
        from agent_framework.infrastructure.llm.mapping import ErrorMappingModel

        model = ErrorMappingModel(model, spec)
    if meter is None and spec.provider == OFFLINE:
        return model
    from agent_framework.infrastructure.llm.metering import MeteredModel

    return MeteredModel(model, spec, meter)


def _builder(provider: str) -> ModelBuilder:
    path = BUILDERS.get(provider, provider)
    if ":" not in path:
        from difflib import get_close_matches

        close = get_close_matches(provider, BUILDERS, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise ConfigError(
            f"unknown model provider {provider!r}. {hint}Known providers: {', '.join(sorted(BUILDERS))}, "
            f"or a dotted path 'pkg.module:factory'"
        )
    return _load(path, checked=provider not in BUILDERS)


def _load(path: str, *, checked: bool) -> ModelBuilder:
    """Import ``pkg.module:factory``; a third party's is checked to return a model."""
    module_name, _, name = path.partition(":")
    try:
        factory: Any = getattr(import_module(module_name), name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not module_name.startswith(exc.name):
            raise
        raise ConfigError(f"model provider {path!r}: there is no module {exc.name!r}") from exc
    except AttributeError as exc:
        raise ConfigError(f"model provider {path!r}: module {module_name!r} has no {name!r}") from exc
    return _checking(path, factory) if checked else cast(ModelBuilder, factory)


def _checking(path: str, factory: Any) -> ModelBuilder:
    def build(spec: ModelSpec) -> "Model":
        from agents import Model

        model = factory(spec)
        if not isinstance(model, Model):
            raise ConfigError(
                f"model provider {path!r} returned {type(model).__name__}; it must return an agents.Model"
            )
        return model

    return build


@dataclass(frozen=True, slots=True)
class OfflineTurn:
    """What an agent's offline functions get to see.

    Attributes:
        task: text of the newest user message.
        tool_results: by tool name, what each tool called so far returned, parsed where it parses.
    """

    task: str
    tool_results: Mapping[str, Any] = field(default_factory=dict[str, Any])

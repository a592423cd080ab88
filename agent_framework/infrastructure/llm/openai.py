"""Provider ``openai``: OpenAI itself, and servers that speak its protocols, through the SDK's own client.

``client`` chooses the protocol: ``sdk`` is the Responses API, ``chat`` is Chat Completions, ``litellm`` goes through
LiteLLM. The default is ``sdk`` for OpenAI itself and ``chat`` as soon as a ``base_url`` is given, since that is what
nearly all compatible servers speak; name ``sdk`` where a gateway has the Responses API too.

The key is ``spec.api_key`` or the client's own variable OPENAI_API_KEY; a server behind ``base_url`` may need none.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace

from agents import Model, ModelResponse, OpenAIChatCompletionsModel, OpenAIResponsesModel
from agents.items import TResponseStreamEvent
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from agent_framework.errors import ConfigError
from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.infrastructure.llm.clients import shared_client
from agent_framework.infrastructure.llm.request import ModelRequest, RequestModel

_NO_KEY = "no-key-needed"


def build(spec: ModelSpec) -> Model:
    """The model of ``spec``, over the protocol that ``spec.client`` names.

    Raises:
        ConfigError: no key, or no such client.
    """
    client = spec.client or ("chat" if spec.base_url else "sdk")
    if client not in _CLIENTS:
        raise ConfigError(f"provider 'openai' has no client {client!r}; it has {', '.join(sorted(_CLIENTS))}")
    if not spec.base_url and not _key(spec):
        raise ConfigError(
            f"model {spec.full_name} needs an API key: set OPENAI_API_KEY, or run with --offline to use no model"
        )
    return _CLIENTS[client](spec)


def _key(spec: ModelSpec) -> str | None:
    return spec.api_key or os.environ.get("OPENAI_API_KEY")


class _OpenAIModel(RequestModel):
    """Asks through the SDK's model, over the running loop's connections."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Make one HTTP request."""
        return await self._prepared(request).send(self._model(self._client()))

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Make one HTTP request and pass its events on."""
        async for event in self._prepared(request).stream(self._model(self._client())):
            yield event

    def _client(self) -> AsyncOpenAI:
        spec = self._spec
        connections = shared_client("openai", DefaultAsyncHttpxClient, lambda client: client.aclose())
        return AsyncOpenAI(
            api_key=_key(spec) or _NO_KEY,
            base_url=spec.base_url,
            timeout=spec.timeout_s,
            max_retries=0,
            http_client=connections,
        )

    def _model(self, client: AsyncOpenAI) -> Model:
        return OpenAIResponsesModel(self._spec.model, client)

    def _prepared(self, request: ModelRequest) -> ModelRequest:
        return request


class _ChatModel(_OpenAIModel):
    """Chat Completions. OpenAI's newer models accept the output limit only by its newer name, other servers do not."""

    def _model(self, client: AsyncOpenAI) -> Model:
        return OpenAIChatCompletionsModel(self._spec.model, client)

    def _prepared(self, request: ModelRequest) -> ModelRequest:
        settings = request.settings
        if self._spec.base_url or settings.max_tokens is None:
            return request
        extra = {**(settings.extra_args or {}), "max_completion_tokens": settings.max_tokens}
        return request.with_settings(replace(settings, max_tokens=None, extra_args=extra))


def _over_litellm(spec: ModelSpec) -> Model:
    from agent_framework.infrastructure.llm.litellm import build_openai

    return build_openai(replace(spec, api_key=_key(spec) or _NO_KEY))


_CLIENTS: Mapping[str, Callable[[ModelSpec], Model]] = {
    "sdk": _OpenAIModel,
    "chat": _ChatModel,
    "litellm": _over_litellm,
}

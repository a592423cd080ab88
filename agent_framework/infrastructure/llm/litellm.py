"""Providers ``anthropic`` and ``litellm``, and client ``litellm`` of openai and bedrock, through LiteLLM.

LiteLLM is told, before it is imported, to fetch nothing from the network, and with every call to try once: its own
retries are off, and so is the second request that its HTTP handler makes after a lost connection. Settings travel with
the call; `os.environ` is touched only where LiteLLM or botocore read nothing else.
"""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from agents import Model, ModelResponse
from agents.items import TResponseStreamEvent

from agent_framework._optional import require
from agent_framework.errors import ConfigError
from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.infrastructure.llm.clients import shared_client
from agent_framework.infrastructure.llm.remedies import REMEDIES
from agent_framework.infrastructure.llm.request import ModelRequest, WrappingModel

_NO_RETRIES: Mapping[str, Any] = {"num_retries": 0, "max_retries": 0}
_OFFLINE_HINT = "or run with --offline to use no model"


def build_bedrock(spec: ModelSpec, region: str) -> Model:
    """A Bedrock model by way of LiteLLM, for ``client: litellm``; `bedrock.build` has found region and credentials.

    Raises:
        MissingExtraError: litellm is not installed.
    """
    return _model(spec, f"bedrock/{spec.model}", client_name="bedrock", aws_region_name=region)


def build_anthropic(spec: ModelSpec) -> Model:
    """A model of Anthropic's own API.

    Raises:
        ConfigError: no key.
        MissingExtraError: litellm is not installed.
    """
    if not (spec.api_key or os.environ.get("ANTHROPIC_API_KEY")):
        raise ConfigError(f"model {spec.full_name} needs an API key: {REMEDIES['anthropic']}, {_OFFLINE_HINT}")
    return _model(spec, f"anthropic/{spec.model}", client_name="anthropic")


def build_openai(spec: ModelSpec) -> Model:
    """OpenAI's Chat Completions by way of LiteLLM."""
    return _model(spec, f"openai/{spec.model}")


def build_any(spec: ModelSpec) -> Model:
    """Whatever LiteLLM knows: ``spec.model`` is its full name, such as ``gemini/gemini-2.5-flash``."""
    return _model(spec, spec.model)


def _model(spec: ModelSpec, name: str, *, client_name: str | None = None, **extra_args: Any) -> Model:
    _import_litellm()
    from agents.extensions.models.litellm_model import LitellmModel

    inner = LitellmModel(name, base_url=spec.base_url, api_key=spec.api_key)
    return _OneTryModel(inner, {"timeout": spec.timeout_s, "drop_params": True, **extra_args}, client_name)


class _OneTryModel(WrappingModel):
    """Sends LiteLLM's own arguments with every call, and for HTTP the handler that asks once."""

    def __init__(self, inner: Model, extra_args: dict[str, Any], client_name: str | None) -> None:
        super().__init__(inner)
        self._extra_args = extra_args
        self._client_name = client_name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Make one HTTP request."""
        return await super().respond(self._prepared(request))

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Make one HTTP request and pass its events on."""
        async for event in super().stream(self._prepared(request)):
            yield event

    def _prepared(self, request: ModelRequest) -> ModelRequest:
        extra = {**self._extra_args, **(request.settings.extra_args or {}), **_NO_RETRIES}
        if self._client_name is not None:
            key = f"litellm:{self._client_name}:{extra['timeout']}"
            extra["client"] = shared_client(
                key, lambda: _one_try_handler(extra["timeout"]), lambda client: client.close()
            )
        return request.with_settings(replace(request.settings, extra_args=extra))


def _one_try_handler(timeout_s: float) -> Any:
    return _one_try_handler_class()(timeout=timeout_s)


@cache
def _one_try_handler_class() -> Any:
    base: Any = import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler

    class OneTryHandler(base):
        async def single_connection_post_request(self, *args: Any, **kwargs: Any) -> Any:
            """LiteLLM comes here to ask again after a lost connection; the first error stands instead."""
            raise sys.exception() or ConnectionError("the connection was lost")

    return OneTryHandler


@cache
def _import_litellm() -> Any:
    """Import LiteLLM so that it neither phones home nor prints."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = require("litellm", extra="litellm", needed_for="this model provider")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.disable_aiohttp_transport = True
    litellm.num_retries = 0
    return litellm

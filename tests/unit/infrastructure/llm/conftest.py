"""What the tests of the model layer share: a clean environment, one event loop per test, every wire protocol."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agent_framework.infrastructure.llm import ModelSpec, close_clients
from agent_framework.types import Usage

LITELLM_STREAMS = "ignore:Accessing the 'model_.*' attribute on the instance is deprecated:DeprecationWarning"
"""LiteLLM 1.83 reads pydantic's fields the old way while it puts a stream together; nothing here can change that."""

HERE = Path(__file__).parent
BEDROCK_MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every warning in this folder's tests is an error, also one raised while something is thrown away."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error", LITELLM_STREAMS))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, profile or region of the developer's machine reaches a test; AWS gets the documentation's example key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine in a loop of its own and close the HTTP clients it left."""

    def go(coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def main() -> Any:
            try:
                return await coroutine
            finally:
                await close_clients()

        return asyncio.run(main())

    return go


@dataclass(frozen=True)
class Wire:
    """One way to reach a model over HTTP."""

    base: ModelSpec
    path: str

    def spec(self, url: str, **changes: Any) -> ModelSpec:
        """The spec that asks the server at ``url``."""
        return replace(self.base, base_url=url + self.path, **changes)


KEY = "sk-test-0123456789"
WIRES = {
    "openai-responses": Wire(ModelSpec("openai", "gpt-4.1-mini", client="sdk", api_key=KEY), "/v1"),
    "openai-chat": Wire(ModelSpec("openai", "gpt-4.1-mini", api_key=KEY), "/v1"),
    "openai-litellm": Wire(ModelSpec("openai", "gpt-4.1-mini", client="litellm", api_key=KEY), "/v1"),
    "anthropic": Wire(ModelSpec("anthropic", "claude-sonnet-4-5", api_key=KEY), ""),
    "bedrock": Wire(ModelSpec("bedrock", BEDROCK_MODEL, region="eu-central-1"), ""),
    "bedrock-litellm": Wire(ModelSpec("bedrock", BEDROCK_MODEL, region="eu-central-1", client="litellm"), ""),
}


@pytest.fixture(params=WIRES.values(), ids=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each protocol in turn."""
    return request.param


class RecordingMeter:
    """A meter that notes what it is told and refuses nothing."""

    def __init__(self) -> None:
        self.reserved: list[tuple[str, int, int]] = []
        self.settled: list[tuple[str, Usage]] = []

    async def reserve(self, *, model: str, input_tokens: int, max_output_tokens: int) -> str:
        """Note the reservation."""
        self.reserved.append((model, input_tokens, max_output_tokens))
        return f"receipt {len(self.reserved)}"

    async def settle(self, receipt: str, usage: Usage) -> None:
        """Note the usage."""
        self.settled.append((receipt, usage))


@pytest.fixture
def meter() -> RecordingMeter:
    """A meter to look at afterwards."""
    return RecordingMeter()


@pytest.fixture
def wires() -> dict[str, Wire]:
    """All protocols by name."""
    return WIRES

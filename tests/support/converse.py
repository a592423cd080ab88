"""What the tests of the Converse model share: a spec, a request, and the error of one call."""

from dataclasses import replace
from typing import Any

import pytest
from agents import ModelSettings, ModelTracing

from agent_framework.errors import ModelError
from agent_framework.infrastructure.llm import ModelSpec, build_model
from agent_framework.infrastructure.llm.request import ModelRequest
from tests.support.model_servers import ModelServer, Reply

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SPEC = ModelSpec("bedrock", MODEL, region="us-east-1")
REQUEST = ModelRequest(
    instructions=None,
    input="hi",
    settings=ModelSettings(),
    tools=[],
    output_schema=None,
    handoffs=[],
    tracing=ModelTracing.DISABLED,
)

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: the first one.
        b: the second one.
    """
    if a > 1000:
        raise ValueError("too large")
    return a + b


def at(server: ModelServer, **changes: Any) -> ModelSpec:
    return replace(SPEC, base_url=server.url, **changes)


def failure(run: Any, reply: Reply, *, streamed: bool = False, **changes: Any) -> ModelError:
    """The error of one call, which made one request."""

    async def ask(model: Any) -> None:
        if not streamed:
            await REQUEST.send(model)
            return
        async for _ in REQUEST.stream(model):
            pass

    with ModelServer(reply) as server, pytest.raises(ModelError) as caught:
        run(ask(build_model(at(server, **changes))))
    assert len(server.requests) == 1
    assert "\n" not in str(caught.value)
    return caught.value

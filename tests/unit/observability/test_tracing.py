"""`observe`: silent without keys; with keys the SDK's spans arrive at a Langfuse-shaped endpoint, without prompts."""

import pytest

from agent_framework.observability import observe
from tests.support.collector import collecting


def test_without_keys_nothing_happens():
    with observe({}) as tracing:
        assert tracing is False


@pytest.fixture
def collector():
    with collecting() as found:
        yield found.url, found.sent


def test_with_keys_an_agents_run_arrives_as_spans_without_its_words(collector):
    import asyncio

    from agent_framework.infrastructure.llm.offline import OfflineModel
    from agent_framework.infrastructure.llm.runner import RunRequest, run_agent

    url, received = collector

    def look_up(word: str = "canary-argument") -> str:
        """Look a word up."""
        return "canary-result"

    keys = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "canary-key", "LANGFUSE_HOST": url}
    with observe(keys, flush=True) as tracing:
        assert tracing is True
        request = RunRequest(
            "finder", "canary-instructions", OfflineModel(), "canary-task", tools=[look_up], tracing=True
        )
        asyncio.run(run_agent(request))
    assert received, "spans were sent"
    path, authorization, _ = received[0]
    assert path == "/api/public/otel/v1/traces"
    assert (authorization or "").startswith("Basic ")
    body = b"".join(body for _, _, body in received)
    assert b"gen_ai.agent.name" in body
    assert b"finder" in body
    assert b"look_up" in body
    assert b"canary" not in body


def test_an_unreachable_collector_does_not_fail_the_work():
    keys = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_HOST": "http://127.0.0.1:9"}
    with observe(keys) as tracing:
        assert tracing is True

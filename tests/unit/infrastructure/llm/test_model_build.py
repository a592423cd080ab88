"""build_model: the table of providers, the composition, and what is said when something is missing."""

import subprocess
import sys
import types
from dataclasses import replace
from typing import Any

import pytest
from agents import Agent, Model, RunConfig, Runner
from agents.testing import ScriptedModel, assistant_message

from agent_framework.errors import ConfigError, MissingExtraError, ModelError
from agent_framework.infrastructure import llm
from agent_framework.infrastructure.llm import ModelSpec, OfflineModel, Price, build_model
from agent_framework.infrastructure.llm.base import BUILDERS
from tests.support.model_servers import ModelServer, fails, says

QUIET = RunConfig(tracing_disabled=True)
MODEL = "amazon.nova-lite-v1:0"


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """An importable module with model factories, as somebody else would write one."""
    module = types.ModuleType("other_models")
    module.make = lambda spec: ScriptedModel([[assistant_message(f"I am {spec.model}")]])  # type: ignore[attr-defined] # made here
    module.broken = lambda spec: "not a model"  # type: ignore[attr-defined] # made here
    monkeypatch.setitem(sys.modules, "other_models", module)
    return module


def test_an_unknown_provider_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown model provider 'bedrok'. Did you mean 'bedrock'\?"):
        build_model(ModelSpec("bedrok", "m"))
    with pytest.raises(ConfigError, match="Known providers: anthropic, bedrock, litellm, offline, openai, replay"):
        build_model(ModelSpec("xyz", "m"))


def test_a_third_partys_factory_is_used_and_metered(third_party: Any, run: Any, meter: Any) -> None:
    spec = ModelSpec("other_models:make", "theirs", prices={"theirs": Price(1, 2)})
    model = build_model(spec, meter=meter)
    assert run(Runner.run(Agent("a", model=model), "hi", run_config=QUIET)).final_output == "I am theirs"
    assert meter.reserved[0][0] == "other_models:make/theirs"
    assert meter.settled[0][1].cost_usd == 0.0


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("other_models:broken", "returned str; it must return an agents.Model"),
        ("other_models:missing", "has no 'missing'"),
        ("no_such_module:make", "there is no module 'no_such_module'"),
    ],
)
def test_a_factory_that_cannot_be_used_is_a_config_error(third_party: Any, path: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        build_model(ModelSpec(path, "m"))


@pytest.mark.parametrize(
    ("spec", "remedy"),
    [
        (ModelSpec("openai", "gpt-4.1-mini"), "OPENAI_API_KEY"),
        (ModelSpec("anthropic", "claude-sonnet-4-5"), "ANTHROPIC_API_KEY"),
    ],
)
def test_a_missing_key_names_its_variable_and_the_way_without(spec: ModelSpec, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy) as caught:
        build_model(spec)
    assert "--offline" in str(caught.value)


def test_missing_aws_credentials_are_found_out_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match=r"needs AWS credentials and found none.*--offline"):
        build_model(ModelSpec("bedrock", "amazon.nova-lite-v1:0", region="eu-west-1"))
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"profile \(nobody\).*AWS_PROFILE"):
        build_model(ModelSpec("bedrock", MODEL, region="eu-west-1"))


def test_bedrock_is_built_without_loading_boto3_or_litellm() -> None:
    code = """
import sys
from agent_framework.infrastructure.llm import ModelSpec, build_model
build_model(ModelSpec("bedrock", "amazon.nova-lite-v1:0", region="eu-west-1"))
assert not {"litellm", "boto3", "botocore"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bedrock_without_boto3_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingExtraError, match=r"serverless-agent-framework\[aws\]"):
        build_model(ModelSpec("bedrock", MODEL, region="eu-west-1"))


@pytest.mark.parametrize("client", [None, "litellm"])
def test_a_bedrock_api_key_replaces_aws_credentials(monkeypatch: pytest.MonkeyPatch, run: Any, client: Any) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with ModelServer(says("hi")) as server:
        key = "ABSKexamplekeyexamplekey"
        spec = ModelSpec("bedrock", MODEL, region="eu-west-1", client=client, api_key=key, base_url=server.url)
        run(Runner.run(Agent("a", model=build_model(spec)), "hi", run_config=QUIET))
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}
    assert headers["authorization"] == f"Bearer {key}"


def test_bedrock_without_a_region_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="needs a region"):
        build_model(ModelSpec("bedrock", "amazon.nova-lite-v1:0"))


def test_an_unknown_client_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no client 'carrier'; it has chat, litellm, sdk"):
        build_model(ModelSpec("openai", "gpt", client="carrier", api_key="k"))
    with pytest.raises(ConfigError, match="'bedrock' has no client 'chat'; it has litellm, sdk"):
        build_model(ModelSpec("bedrock", "m", client="chat", region="eu-west-1"))


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_framework.infrastructure.llm import litellm

    litellm._import_litellm.cache_clear()
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(MissingExtraError, match=r"serverless-agent-framework\[litellm\]"):
        build_model(ModelSpec("anthropic", "claude", api_key="k"))


def test_a_compatible_server_needs_no_key_and_is_asked_over_chat_completions(run: Any) -> None:
    with ModelServer(says("hi")) as server:
        model = build_model(ModelSpec("openai", "llama", base_url=f"{server.url}/v1"))
        run(Runner.run(Agent("a", model=model), "hi", run_config=QUIET))
    assert server.requests[0].path == "/v1/chat/completions"


def test_a_server_behind_litellms_openai_client_needs_no_key_either(run: Any) -> None:
    with ModelServer(says("hi")) as server:
        model = build_model(ModelSpec("openai", "llama", client="litellm", base_url=f"{server.url}/v1"))
        assert run(Runner.run(Agent("a", model=model), "hi", run_config=QUIET)).final_output == "hi"


def test_any_model_of_litellm_can_be_named_in_full(run: Any) -> None:
    with ModelServer(says("hi")) as server:
        spec = ModelSpec("litellm", "openai/some-model", api_key="k", base_url=f"{server.url}/v1")
        assert run(Runner.run(Agent("a", model=build_model(spec)), "hi", run_config=QUIET)).final_output == "hi"
    assert server.requests[0].body["model"] == "some-model"


def test_openais_own_chat_completions_get_the_limit_by_its_newer_name(monkeypatch: Any, run: Any) -> None:
    with ModelServer(says("hi")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        spec = ModelSpec("openai", "gpt-5-mini", client="chat", api_key="k")
        run(Runner.run(Agent("a", model=build_model(spec)), "hi", run_config=QUIET))
    body = server.requests[0].body
    assert (body.get("max_completion_tokens"), body.get("max_tokens")) == (4096, None)


def test_a_fallback_is_asked_metered_and_priced_under_its_own_name(run: Any, meter: Any) -> None:
    with ModelServer(fails(503, "busy"), says("from the second")) as server:
        spec = ModelSpec("openai", "gpt-4.1", api_key="k", base_url=f"{server.url}/v1", fallback_model="gpt-4.1-mini")
        result = run(Runner.run(Agent("a", model=build_model(spec, meter=meter)), "hi", run_config=QUIET))
    assert result.final_output == "from the second"
    assert [request.body["model"] for request in server.requests] == ["gpt-4.1", "gpt-4.1-mini"]
    assert [model for model, _, _ in meter.reserved] == ["openai/gpt-4.1", "openai/gpt-4.1-mini"]
    assert [usage.models for _, usage in meter.settled] == [(), ("openai/gpt-4.1-mini",)]


def test_the_message_names_both_models_when_both_failed(run: Any) -> None:
    with ModelServer(fails(503, "busy"), fails(429, "slow down", retry_after="4")) as server:
        spec = ModelSpec("openai", "one", api_key="k", base_url=f"{server.url}/v1", fallback_model="two")
        with pytest.raises(ModelError, match=r"openai/one: unavailable.*openai/two: too many requests") as caught:
            run(Runner.run(Agent("a", model=build_model(spec)), "hi", run_config=QUIET))
    assert (caught.value.retryable, caught.value.retry_after_s) == (True, 4.0)


def test_a_fallback_of_another_provider_gets_neither_key_nor_address() -> None:
    spec = ModelSpec("openai", "gpt", client="chat", base_url="http://x", api_key="k", region="eu-west-1", timeout_s=9)
    assert replace(spec, fallback_model="mini").fallback == replace(spec, model="mini")
    assert replace(spec, fallback_model="openai/mini").fallback == replace(spec, model="mini")
    assert replace(spec, fallback_model="org/model").fallback == replace(spec, model="org/model")
    other = replace(spec, fallback_model="bedrock/us.anthropic.claude").fallback
    assert other == ModelSpec("bedrock", "us.anthropic.claude", region="eu-west-1", timeout_s=9)


def test_the_offline_model_stands_alone_without_a_meter() -> None:
    assert isinstance(build_model(ModelSpec("offline", "offline")), OfflineModel)


def test_a_key_is_never_in_the_repr() -> None:
    assert "sk-secret" not in repr(ModelSpec("openai", "gpt", api_key="sk-secret"))


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in llm.__all__ if getattr(llm, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = llm.nothing


def test_every_builder_of_the_table_exists(run: Any) -> None:
    from importlib import import_module

    for path in BUILDERS.values():
        module, _, name = path.partition(":")
        assert callable(getattr(import_module(module), name))


def test_importing_the_package_loads_no_model_library() -> None:
    code = (
        "import sys, agent_framework.infrastructure.llm as llm; llm.is_priced('gpt-4.1', 'openai');"
        "assert not {'agents', 'litellm', 'openai', 'boto3', 'httpx'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_litellm_asks_no_server_and_says_nothing() -> None:
    code = """
import socket
def blocked(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = socket.getaddrinfo = blocked
from agent_framework.infrastructure.llm import ModelSpec, build_model
build_model(ModelSpec("anthropic", "claude-sonnet-4-5", api_key="k"))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_every_model_is_a_model_of_the_sdk() -> None:
    assert isinstance(build_model(ModelSpec("openai", "gpt", api_key="k")), Model)

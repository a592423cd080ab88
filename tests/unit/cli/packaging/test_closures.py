"""What each agent's package has to bring, by agents.yaml alone."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_framework import ConfigLoader
from agent_framework.cli.deployment.agents import deployed_agents
from agent_framework.cli.deployment.packaging.closures import RUNTIME_DISTRIBUTIONS, Closure, closures_of
from agent_framework.errors import PackagingError
from tests.support.projects import yaml_of

BOSS = {"type": "orchestrator"}


def closures(folder: Path, agents: Mapping[str, Any], *, bundle: bool = False, **more: Any) -> dict[str, Closure]:
    (folder / "agents.yaml").write_text(yaml_of(agents, **more), "utf-8")
    loader = ConfigLoader(folder, stage="dev")
    return closures_of(loader, deployed_agents(loader).values(), bundle_boto3=bundle)


def names(closure: Closure) -> set[str]:
    return {re.split(r"[\[<>=!]", requirement)[0] for requirement in closure.requirements}


def test_an_orchestrator_that_follows_rules_carries_no_sdk_of_a_model(tmp_path: Path) -> None:
    found = closures(tmp_path, {"boss": BOSS, "writer": {}})
    assert names(found["boss"]) == {"pydantic", "python-dotenv", "pyyaml"}
    assert names(found["writer"]) == {"pydantic", "python-dotenv", "pyyaml", "openai-agents"}
    assert (found["boss"].lock, found["writer"].lock) == ("locks/orchestrator-x86_64.txt", "locks/worker-x86_64.txt")


def test_an_orchestrator_that_asks_a_model_carries_what_workers_do(tmp_path: Path) -> None:
    found = closures(tmp_path, {"boss": BOSS, "writer": {}}, orchestration="strategy: agent")
    assert found["boss"] == found["writer"]


@pytest.mark.parametrize(
    "llm",
    [
        {"provider": "anthropic", "model": "claude-sonnet-4-5"},
        {"provider": "litellm", "model": "gemini/gemini-2.5-flash"},
        {"client": "litellm"},
        {"fallback_model": "anthropic/claude-sonnet-4-5"},
    ],
)
def test_litellm_comes_only_where_a_model_is_reached_through_it(tmp_path: Path, llm: dict[str, str]) -> None:
    found = closures(tmp_path, {"boss": BOSS, "writer": {"llm": llm}, "plain": {}})
    assert "litellm" in names(found["writer"]) - names(found["plain"]) - names(found["boss"])
    assert found["writer"].name == "worker-litellm"


@pytest.mark.parametrize("llm", [{}, {"provider": "openai", "model": "gpt-5"}, {"provider": "my.models:make"}])
def test_other_models_need_no_litellm(tmp_path: Path, llm: dict[str, str]) -> None:
    assert closures(tmp_path, {"writer": {"llm": llm}})["writer"].name == "worker"


def test_what_one_stage_needs_is_in_the_packages_of_all_stages(tmp_path: Path) -> None:
    prod = """
    stages:
      prod:
        infrastructure: {database: {provider: rds-postgres}}
        llm: {client: litellm}
    """
    found = closures(tmp_path, {"boss": BOSS, "writer": {}}, more=prod)
    assert found["boss"].name == "orchestrator-postgres"
    assert found["writer"].name == "worker-litellm-postgres"
    assert "psycopg" in names(found["boss"]) & names(found["writer"])


def test_langfuse_comes_to_agents_that_get_its_keys_and_brings_the_sdk_it_traces(tmp_path: Path) -> None:
    keys = {"runtime": {"environment": ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"]}}
    found = closures(tmp_path, {"boss": {**BOSS, **keys}, "writer": keys, "plain": {}})
    assert [found[name].name for name in ("boss", "writer", "plain")] == [
        "worker-langfuse",
        "worker-langfuse",
        "worker",
    ]


def test_agents_with_the_same_requirements_of_their_own_share_a_closure(tmp_path: Path) -> None:
    own = {"requirements": ["pandas>=2.2"]}
    found = closures(tmp_path, {"first": own, "second": own, "third": {"requirements": ["httpx"]}})
    assert found["first"] == found["second"]
    assert found["first"].lock == "locks/agent-first-x86_64.txt"
    assert found["third"].lock == "locks/agent-third-x86_64.txt"


def test_both_architectures_have_locks_of_their_own(tmp_path: Path) -> None:
    arm = {"runtime": {"architecture": "arm64"}}
    found = closures(tmp_path, {"first": {}, "second": arm})
    assert [found[name].lock for name in ("first", "second")] == ["locks/worker-x86_64.txt", "locks/worker-arm64.txt"]


def test_boto3_is_lambdas_own_unless_it_is_asked_for(tmp_path: Path) -> None:
    agents = {"plain": {}, "newest": {"requirements": ["boto3>=1.41"]}}
    found = closures(tmp_path, agents)
    assert found["plain"].left_out == RUNTIME_DISTRIBUTIONS
    assert found["newest"].left_out == ()
    assert "boto3" in names(closures(tmp_path, agents, bundle=True)["plain"])


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        ("--index-url=https://example.com", "is no requirement"),
        ("./local.whl", "is no requirement"),
        ("pandas\n--index-url=https://example.com", "more than one line"),
        ("agent-framework", "is in every package already"),
        ("Serverless_Agent.Framework[aws]", "is in every package already"),
    ],
)
def test_what_is_no_requirement_is_refused(tmp_path: Path, requirement: str, words: str) -> None:
    with pytest.raises(PackagingError, match=words) as caught:
        closures(tmp_path, {"writer": {"requirements": [requirement]}})
    assert "agents.writer.requirements" in str(caught.value)


def test_a_durable_orchestrator_carries_its_sdk_and_a_boto3_that_knows_it(tmp_path: Path) -> None:
    found = closures(tmp_path, {"boss": BOSS, "writer": {}}, orchestration="engine: durable")
    assert "aws-durable-execution-sdk-python" in names(found["boss"]) - names(found["writer"])
    assert (found["boss"].name, found["boss"].left_out) == ("orchestrator-durable", ())
    assert found["writer"].left_out == RUNTIME_DISTRIBUTIONS

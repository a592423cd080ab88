"""Stages: what each overlays, and what `local` drops."""

import pytest

from agent_framework.config.loader import load_config_text, merge
from agent_framework.errors import ConfigError

DEPLOYED = """\
project: {name: shop}
agents:
  writer: {runtime: {timeout: 60, memory: 512}}
infrastructure:
  database: {provider: aurora-serverless-v2, config: {min_capacity: 0.5}}
  storage: {provider: s3, config: {bucket_prefix: x}}
llm: {provider: openai, model: gpt-5-mini}
stages:
"""


def test_local_drops_the_deployed_providers_and_keeps_the_model() -> None:
    config = load_config_text(DEPLOYED + "  dev: {}").for_stage("local")
    assert config.infrastructure.database.model_dump() == {"provider": "sqlite", "config": {}}
    assert config.infrastructure.storage.model_dump() == {"provider": "local", "config": {}}
    assert config.infrastructure.queue.provider == "local"
    assert (config.llm.provider, config.llm.model) == ("openai", "gpt-5-mini")


def test_stages_local_can_say_otherwise() -> None:
    loaded = load_config_text(DEPLOYED + "  local: {infrastructure: {database: {config: {path: x.sqlite}}}}")
    assert loaded.for_stage("local").infrastructure.database.model_dump() == {
        "provider": "sqlite", "config": {"path": "x.sqlite"},
    }  # fmt: skip
    own = load_config_text(DEPLOYED + '  local: {infrastructure: {database: {provider: "my.stores:Redis"}}}')
    assert own.for_stage("local").infrastructure.database.provider == "my.stores:Redis"


def test_a_stage_overlays_single_fields() -> None:
    text = DEPLOYED + "  prod: {agents: {writer: {runtime: {memory: 2048}}}, llm: {model: gpt-5}}"
    prod = load_config_text(text).for_stage("prod")
    assert (prod.agents["writer"].memory, prod.agents["writer"].timeout) == (2048, 60)
    assert (prod.llm.provider, prod.llm.model) == ("openai", "gpt-5")
    assert load_config_text(text).for_stage("dev").agents["writer"].memory == 512


def test_a_stages_own_config_is_merged_into_the_same_provider() -> None:
    text = DEPLOYED + "  prod: {infrastructure: {database: {config: {max_capacity: 8}}}}"
    database = load_config_text(text).for_stage("prod").infrastructure.database
    assert database.config == {"min_capacity": 0.5, "max_capacity": 8}


def test_another_provider_drops_the_old_ones_config() -> None:
    text = DEPLOYED + "  prod: {infrastructure: {database: {provider: dynamodb}}}"
    assert load_config_text(text).for_stage("prod").infrastructure.database.config == {}
    restated = DEPLOYED + "  prod: {infrastructure: {database: {provider: aurora-serverless-v2}}}"
    assert load_config_text(restated).for_stage("prod").infrastructure.database.config == {"min_capacity": 0.5}


def test_a_wrong_overlay_is_reported_at_its_own_line_when_the_file_is_loaded() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config_text(DEPLOYED + "  prod:\n    agents:\n      writer:\n        runtime:\n          timeout: 1000\n")
    assert str(caught.value).startswith("agents.yaml:13: stages.prod.agents.writer.runtime.timeout: 1000 is above")


def test_errors_of_several_stages_come_together() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config_text(DEPLOYED + "  dev: {llm: {modell: x}}\n  prod: {infrastructure: {databas: {}}}\n")
    assert [str(problem) for problem in caught.value.problems] == [
        "agents.yaml:9: stages.dev.llm.modell: unknown field 'modell'; did you mean 'model'?",
        "agents.yaml:10: stages.prod.infrastructure.databas: unknown field 'databas'; did you mean 'database'?",
    ]


def test_an_unknown_stage_lists_the_known_ones() -> None:
    loaded = load_config_text(DEPLOYED + "  qa: {}")
    assert loaded.for_stage("qa").project.name == "shop"
    with pytest.raises(ConfigError, match=r"there is no stage 'prd'; did you mean 'prod'\?.*dev, local, prod, qa"):
        loaded.for_stage("prd")


def test_merging_changes_neither_side() -> None:
    base, overlay = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(base, overlay) == {"a": {"b": 1, "c": 2}}
    assert (base, overlay) == ({"a": {"b": 1}}, {"a": {"c": 2}})


DURABLE = "orchestration: {engine: durable}\n"


def test_a_stage_can_choose_the_engine() -> None:
    loaded = load_config_text(DEPLOYED + "  prod: {orchestration: {engine: durable}}\n  dev: {}\n")
    assert loaded.for_stage("prod").orchestration.engine == "durable"
    assert loaded.for_stage("dev").orchestration.engine == "checkpoint"


def test_local_runs_on_the_checkpoint_engine_whatever_the_deployed_stages_use() -> None:
    loaded = load_config_text(DURABLE + DEPLOYED + "  dev: {}\n")
    assert loaded.for_stage("dev").orchestration.engine == "durable"
    assert loaded.for_stage("local").orchestration.engine == "checkpoint"


def test_local_durable_functions_are_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match="durable functions exist on AWS only"):
        load_config_text(DEPLOYED + "  local: {orchestration: {engine: durable}}\n")


def test_a_stage_changes_nothing_else_of_the_orchestration() -> None:
    with pytest.raises(ConfigError, match="unknown field 'timeout_seconds'"):
        load_config_text(DEPLOYED + "  dev: {orchestration: {timeout_seconds: 5}}\n")

"""agents.yaml as a whole: the user's own samples, every error with its place, and all of them at once."""

import json
from pathlib import Path

import pytest

from agent_framework.config.loader import LoadedConfig, load_config, load_config_text
from agent_framework.config.project_config import ProjectConfig
from agent_framework.config.validators import validate_config
from agent_framework.errors import ConfigError
from agent_framework.types import Step

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> LoadedConfig:
    return load_config(SAMPLES / f"{name}.yaml")


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config_text(text)
    return [str(problem) for problem in caught.value.problems]


# -- the samples of seed 001 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["my-analytics-platform", "alex-finance", "sales-analytics"])
def test_each_sample_loads_as_written_in_every_stage(name: str) -> None:
    loaded = sample(name)
    assert loaded.config.project.name == name
    for stage in ("local", "dev", "prod"):
        assert loaded.for_stage(stage).agents == loaded.config.agents


def test_the_reference_sample_keeps_all_that_it_says() -> None:
    config = sample("my-analytics-platform").config
    cleaner = config.agents["data_cleaner"]
    assert (cleaner.timeout, cleaner.memory, cleaner.tools) == (300, 1024, ["validate_schema", "remove_outliers"])
    assert cleaner.runtime.environment == ("DATABASE_URL", "CUSTOM_API_KEY")
    assert (cleaner.capabilities.output_schema, cleaner.capabilities.context_type) == (
        "CleanedDataOutput",
        "DataCleanerContext",
    )
    assert cleaner.output_field == "cleaned_data"
    assert config.orchestrator == "analytics_planner"
    assert config.agents["analytics_planner"].runtime.triggers == ("sqs_queue",)
    assert config.infrastructure.database.provider == "aurora-serverless-v2"
    assert config.infrastructure.database.config == {
        "engine": "postgresql", "min_capacity": 0.5, "max_capacity": 1.0,
    }  # fmt: skip
    assert config.llm.fallback_model == "us.amazon.nova-lite-v1:0"
    assert [rule.name for rule in config.orchestration.selection_rules] == [
        "financial_analysis", "marketing_analysis", "validation_required", "final_steps",
    ]  # fmt: skip
    assert config.orchestration.selection_rules[2].steps == (
        Step("sequential", ("validator",)),
        Step("sequential", ("manual_review_notifier",)),
    )


def test_the_finance_sample_keeps_its_parallel_step_under_a_sequential_strategy() -> None:
    config = sample("alex-finance").config
    assert config.orchestration.strategy == "sequential"
    (rule,) = config.orchestration.selection_rules
    assert rule.steps == (Step("sequential", ("tagger",)), Step("parallel", ("reporter", "charter", "retirement")))


def test_the_advanced_rules_keep_their_else() -> None:
    text = "project: {name: advanced}\n" + (SAMPLES / "advanced-rules.yaml").read_text("utf-8")
    rules = {rule.name: rule for rule in load_config_text(text).config.orchestration.selection_rules}
    assert rules["large_dataset_handling"].else_steps == (Step("sequential", ("full_analyzer",)),)
    assert rules["high_priority_financial"].steps[0] == Step("parallel", ("fast_analyzer", "risk_calculator"))


def test_validate_lists_exactly_the_undeclared_agents_of_the_reference_sample() -> None:
    problems = validate_config(sample("my-analytics-platform"))
    named = {problem.message.split("'")[1] for problem in problems if "is not declared" in problem.message}
    assert named == {
        "financial_analyzer", "risk_calculator", "compliance_checker", "reporter", "marketing_analyzer",
        "segment_analyzer", "campaign_optimizer", "validator", "manual_review_notifier", "notifier", "analyzer",
    }  # fmt: skip
    assert all(problem.line for problem in problems)


def test_validate_warns_that_the_sales_coordinator_lacks_a_worker_and_is_otherwise_content() -> None:
    (warning,) = validate_config(sample("sales-analytics"))
    assert warning.warning
    assert "invoke_insight_reporter" in warning.message
    assert validate_config(sample("alex-finance")) == []


# -- errors --------------------------------------------------------------------------------------------------------


def test_all_errors_come_at_once_each_with_file_line_path_and_remedy() -> None:
    found = errors(
        """\
project:
  name: My Project
agents:
  writer:
    runtime:
      timeout: 1200
    typ: worker
  Reader: {}
orchestration:
  strategi: dynamic
  on_error: explode
  selection_rules:
    - name: one
      condition: "input.a = 1"
      agents:
        - sequential: [writer]
          parallel: [writer]
llm:
  timeout: soon
"""
    )
    expected = [
        "agents.yaml:2: project.name: 'My Project' is not possible here; write lower-case letters",
        "agents.yaml:6: agents.writer.runtime.timeout: 1200 is above Lambda's limit of 900 seconds",
        "agents.yaml:7: agents.writer.typ: unknown field 'typ'; did you mean 'type'?",
        "agents.yaml:8: agents.Reader: 'Reader' is not possible here; an agent's name is lower-case letters",
        "agents.yaml:10: orchestration.strategi: unknown field 'strategi'; did you mean 'strategy'?",
        "agents.yaml:11: orchestration.on_error: 'explode' is not possible here; write 'stop' or 'continue'",
        "agents.yaml:14: orchestration.selection_rules.0.condition: condition 'input.a = 1', column 9: '='",
        "agents.yaml:16: orchestration.selection_rules.0.agents.0: an item is a name, {sequential: [...]} or",
        "agents.yaml:19: llm.timeout: 'soon': input should be a valid number",
    ]
    assert len(found) == len(expected)
    for message, beginning in zip(found, expected, strict=True):
        assert message.startswith(beginning)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agents: {}", "project: is required and missing"),
        ("project: {}", "project.name: is required and missing"),
        ("project: {name: a}\nagents: {a: {runtime: {memory: 64}}}", "agents.a.runtime.memory: 64: input should be"),
        ("project: {name: a}\nagents: {a: {runtime: {timeout: 0}}}", "agents.a.runtime.timeout: 0: input should be"),
        ("project: {name: a}\nagents: {a: {runtim: {}}}", "did you mean 'runtime'?"),
        ("project: {name: a}\nagents: {a: {capabilities: {tool: []}}}", "did you mean 'tools'?"),
        ("project: {name: a}\nagents: {a: {retry: {max_attempt: 2}}}", "did you mean 'max_attempts'?"),
        ("project: {name: a}\norchestration: {selection_rule: []}", "did you mean 'selection_rules'?"),
        ("project: {name: a}\nllm: {fallback: x}", "did you mean 'fallback_model'?"),
        ("project: {name: a}\nagent: {}", "unknown field 'agent'; did you mean 'agents'?"),
        ("project: {name: 7}", "project.name: must be text, not a number; put it in quotes"),
        ("project: {name: a, version: 1.0}", "project.version: must be text, not a number; put it in quotes"),
        ("project: {name: a}\nagents: {input: {}}", "input: reserved for conditions"),
        ("project: {name: a}\nagents: {" + "a" * 41 + ": {}}", "at most 40 characters"),
        ("project: {name: a}\nagents: {a: {retry: {on: [budget]}}}", "'budget' cannot be retried"),
        ("project: {name: a}\nagents: {a: {retry: {on: [storm]}}}", "'storm' is not possible here; write 'error'"),
        ("project: {name: a}\nagents: {a: {name: b}}", "an agent's name is its key"),
        ("project: {name: a}\nagents: {a: {name: a, timeout: 3, runtime: 5}}", "agents.a"),
        ("project: {name: a}\nagents: {a: {name: a, tools: 3, capabilities: [1]}}", "agents.a"),
        (
            "project: {name: a}\norchestration: {selection_rules: [{name: r, agents: [{sequential: []}]}]}",
            "the list of agents is empty",
        ),
        (
            "project: {name: a}\norchestration: {selection_rules: [{name: r, agents: [{parallel: [a, a]}]}]}",
            "an agent is named twice in one item",
        ),
        (
            "project: {name: a}\norchestration: {selection_rules: [{name: r, agents: [{rerun: true}]}]}",
            "exactly one of them",
        ),
        ("project: {name: a}\norchestration: {selection_rules: [{agents: [a]}]}", "0.name: is required and missing"),
        (
            "project: {name: a}\norchestration: {strategy: agent, selection_rules: [{name: r, agents: [a]}]}",
            "strategy: agent leaves the choice to the orchestrator",
        ),
    ],
)
def test_an_error_says_what_and_where(text: str, message: str) -> None:
    found = "\n".join(errors(text))
    assert message in found
    assert found.startswith("agents.yaml:")


@pytest.mark.parametrize("name", ["a", "a1", "data_cleaner", "x" * 40])
def test_good_agent_names_are_accepted(name: str) -> None:
    assert load_config_text(f"project: {{name: a}}\nagents: {{{name}: {{}}}}").config.workers == (name,)


@pytest.mark.parametrize(
    "name", ["A", "1a", "_a", "a-b", "a.b", "a b", "é", "../x", "a/b", "results", "prev_step", "job", "''", "a\u0131"]
)
def test_bad_agent_names_are_refused(name: str) -> None:
    assert errors(f"project: {{name: a}}\nagents: {{{json.dumps(name, ensure_ascii=False)}: {{}}}}")


def test_space_around_a_quoted_name_does_not_count() -> None:
    assert load_config_text('project: {name: a}\nagents: {"b\\n": {}}').config.workers == ("b",)


def test_defaults_cost_nothing_while_idle() -> None:
    config = load_config_text("project: {name: a}").config
    infrastructure = config.infrastructure
    assert [infrastructure.database.provider, infrastructure.queue.provider, infrastructure.storage.provider] == [
        "dynamodb", "sqs", "s3",
    ]  # fmt: skip


def test_the_configuration_is_frozen_and_has_a_json_schema() -> None:
    config = load_config_text("project: {name: a}").config
    with pytest.raises(ValueError, match="frozen"):
        config.project.name = "b"  # type: ignore[misc]
    assert "selection_rules" in json.dumps(ProjectConfig.model_json_schema())


def test_fallbacks_that_go_in_a_circle_are_found_by_validate() -> None:
    loaded = load_config_text("project: {name: p}\nagents: {a: {fallback: b}, b: {fallback: a}, c: {fallback: d}}")
    messages = [problem.message for problem in validate_config(loaded)]
    assert any("a -> b -> a" in message for message in messages)
    assert any("'d' is not declared" in message for message in messages)

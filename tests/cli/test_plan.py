"""``plan`` and ``validate``: what is known before anything runs."""

import json
from pathlib import Path

import pytest

from tests.support.projects import write_agent_file, yaml_of

SAMPLES = Path(__file__).parents[1] / "unit" / "config" / "samples"
AGENTS = dict.fromkeys(("full_analyzer", "data_sampler", "analyzer", "validator", "reporter"), "return {}")
RULES = """
selection_rules:
  - name: size
    condition: "input.row_count > 100000"
    agents: [{sequential: [data_sampler, analyzer]}]
    else: [{sequential: [full_analyzer, analyzer]}]
  - name: validation
    condition: "prev_step.analyzer.confidence < 0.7"
    agents: [validator]
  - {name: last, condition: always, agents: [reporter]}
"""


def _agents(ran) -> list[str]:
    return [agent for step in json.loads(ran.out)["steps"] for agent in step["agents"]]


@pytest.mark.parametrize(("rows", "first"), [(100_000, "full_analyzer"), (100_001, "data_sampler")])
def test_the_branch_depends_on_the_input(af, write_project, rows, first):
    write_project(AGENTS, RULES)
    ran = af("plan", "--set", f"row_count={rows}", "--json")
    assert _agents(ran)[0] == first
    assert json.loads(ran.out)["rules"][0]["values"] == {"input.row_count": rows}


@pytest.mark.parametrize(("confidence", "inserted"), [(0.69, True), (0.7, False)])
def test_supposed_results_decide_what_waited_for_them(af, write_project, tmp_path, confidence, inserted):
    write_project(AGENTS, RULES)
    (tmp_path / "results.json").write_text(json.dumps({"analyzer": {"confidence": confidence}}))
    assert (
        "validator" in _agents(af("plan", "--set", "row_count=1", "--results", "results.json", "--json"))
    ) is inserted


def test_without_results_the_rule_waits_and_both_ways_are_shown(af, write_project):
    write_project(AGENTS, RULES)
    ran = af("plan", "--set", "row_count=1")
    assert "waits for analyzer" in ran.out
    assert "prev_step.analyzer.confidence < 0.7" in ran.out


def test_a_rule_waits_for_the_facts_that_the_orchestrator_publishes(af, tmp_path):
    rules = {"selection_rules": [{"name": "big", "condition": "results.boss.rows > 5", "agents": ["counter"]}]}
    settings = {"boss": {"type": "orchestrator"}, "counter": {}}
    (tmp_path / "agents.yaml").write_text(yaml_of(settings, rules), "utf-8")
    write_agent_file(
        tmp_path,
        "boss",
        """
        from agent_framework import BaseAgent, agent


        @agent("boss")
        class Boss(BaseAgent):
            async def prepare(self, job):
                return {"rows": 6}
        """,
    )
    shown = json.loads(af("plan", "--json").out)
    assert shown["rules"][0]["waits_for"] == ["boss"]
    assert shown["reason"] is None
    (tmp_path / "results.json").write_text('{"boss": {"rows": 6}}')
    assert _agents(af("plan", "--results", "results.json", "--json"))[-1] == "counter"


def test_alex_finance_plans_the_tagger_then_three_in_parallel(af, tmp_path):
    sample = next(path for path in SAMPLES.glob("*.yaml") if "alex" in path.name)
    (tmp_path / "agents.yaml").write_text(sample.read_text())
    steps = json.loads(af("plan", "--json").out)["steps"]
    assert [(step["type"], step["agents"]) for step in steps] == [
        ("sequential", ["tagger"]),
        ("parallel", ["reporter", "charter", "retirement"]),
    ]


def test_validate_lists_exactly_the_undeclared_agents_of_the_sample(af, tmp_path):
    sample = next(path for path in SAMPLES.glob("*.yaml") if "analytics_platform" in path.name.replace("-", "_"))
    (tmp_path / "agents.yaml").write_text(sample.read_text())
    ran = af("validate", "--json")
    assert ran.code == 1
    named = {problem["message"].split("'")[1] for problem in json.loads(ran.out)["problems"]}
    assert named == {
        "analyzer", "reporter", "financial_analyzer", "risk_calculator", "compliance_checker", "marketing_analyzer",
        "segment_analyzer", "campaign_optimizer", "validator", "manual_review_notifier", "notifier",
    }  # fmt: skip


def test_a_sound_project_is_valid(af, write_project):
    write_project(AGENTS, RULES)
    ran = af("validate")
    assert (ran.code, ran.err) == (0, "")
    assert "valid: 5 agents, 0 errors" in ran.out


def test_strict_counts_warnings(af, write_project):
    write_project(AGENTS, "selection_rules: [{name: x, condition: always}]")
    assert af("validate").code == 0
    assert af("validate", "--strict").code == 1


def test_the_schema_is_a_json_schema_that_accepts_the_samples(af):
    import jsonschema
    import yaml

    schema = json.loads(af("schema").out)
    samples = [yaml.safe_load(path.read_text()) for path in SAMPLES.glob("*.yaml")]
    whole = [sample for sample in samples if "project" in sample]
    assert len(whole) == 3
    for sample in whole:
        jsonschema.validate(sample, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**whole[0], "agentz": {}}, schema)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_script(af, shell):
    assert "_AGENT_FRAMEWORK_COMPLETE" in af("completion", shell).out

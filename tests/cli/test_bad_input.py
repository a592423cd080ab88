"""Wrong input: exit 1 (2 for usage), one clear message on stderr, no traceback, nothing half-written."""

from pathlib import Path

import pytest

HOSTILE = {
    "an alias": ("project: &p {name: x}\nagents: *p\n", "agents.yaml:1: anchors and aliases"),
    "a python tag": ("project: !!python/object/apply:os.system ['x']\n", "agents.yaml:1: the tag"),
    "a key twice": ("project: {name: x}\nproject: {name: y}\n", "agents.yaml:2: the key 'project' is there twice"),
    "no YAML": ("project: {name: x\n  - ]", "not valid YAML"),
    "a list": ("- a\n", "must be a mapping"),
    "binary": ("\x00\x01\x02", "not valid YAML"),
    "a hostile condition": (
        (
            "project: {name: x}\norchestration:\n  selection_rules:\n    - name: r\n"
            "      condition: \"__import__('os').system('touch hacked')\"\n"
        ),
        "agents.yaml:5: orchestration.selection_rules.0.condition: condition",
    ),
    "an unknown field": (
        "project: {name: x}\nagents:\n  a: {memry: 5}\n",
        "agents.yaml:3: agents.a.memry: unknown field",
    ),
    "a name that climbs": ("project: {name: x}\nagents:\n  ../x: {}\n", "agents.yaml:3: agents.../x:"),
    "too long a timeout": (
        "project: {name: x}\nagents:\n  a: {runtime: {timeout: 1200}}\n",
        "agents.yaml:3: agents.a.runtime.timeout: 1200 is above Lambda's limit of 900 seconds",
    ),
}


@pytest.mark.parametrize("command", [("validate",), ("plan",), ("run", "--offline")], ids=lambda c: c[0])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_wrong_agents_yaml_is_told_with_line_and_remedy(af, tmp_path: Path, case, command):
    text, expected = HOSTILE[case]
    (tmp_path / "agents.yaml").write_text(text)
    ran = af(*command)
    assert ran.code == 1
    assert expected in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert not (tmp_path / "hacked").exists()
    assert not (tmp_path / ".agent-framework").exists(), "nothing is written"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("run", "--input", "missing.json"), 1, "missing.json: cannot be read: No such file or directory"),
        (("run", "--input", "list.json"), 1, "list.json:1: must hold a JSON object"),
        (("run", "--input", "broken.json"), 1, "broken.json:2: is not JSON"),
        (("run", "--input", "nan.json"), 1, "NaN is not a JSON number"),
        (("run", "--input", "missing.csv"), 1, "missing.csv: there is no such file"),
        (("run", "--file", "csv=missing.csv"), 1, "missing.csv: there is no such file"),
        (("run", "--set", "novalue"), 2, "write KEY=VALUE"),
        (("run", "--resume", "nope"), 1, "there is no job 'nope'"),
        (("run", "--resume", "nope", "--input", "x.json"), 2, "--resume carries on a stored job"),
        (("run", "--offline", "--record", "x"), 2, "exclude each other"),
        (("run", "--stage", "prdo"), 1, "there is no stage 'prdo'; did you mean 'prod'?"),
        (("run", "--stage", "dev", "--offline"), 1, "database provider dynamodb: table_name: field required"),
        (("test", "nobody"), 1, "there is no agent 'nobody'"),
        (("jobs", "show", "nope"), 1, "there is no job 'nope'"),
        (("jobs", "cancel", "nope"), 1, "there is no job 'nope'"),
        (("jobs", "retry", "nope"), 1, "there is no job 'nope'"),
        (("plan", "--results", "badresults.json"), 1, "the result of 'only' must be an object"),
        (("nonsense",), 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_told(af, write_project, tmp_path: Path, arguments, code, expected):
    write_project({"only": "return {}"})
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text('{"a": 1,\n"b" 2}')
    (tmp_path / "nan.json").write_text('{"a": NaN}')
    (tmp_path / "badresults.json").write_text('{"only": 5}')
    ran = af(*arguments)
    assert ran.code == code, ran.out + ran.err
    assert expected in ran.err
    assert "Traceback" not in ran.err


def test_outside_a_project_the_next_step_is_told(af):
    ran = af("run")
    assert ran.code == 1
    assert "agent-framework init" in ran.err


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("bedrock", "AWS credentials"),
        ("opnai", "did you mean 'openai'"),
    ],
)
def test_a_missing_key_or_wrong_provider_is_told_before_a_job_is_stored(
    af, write_project, tmp_path: Path, monkeypatch, provider, expected
):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    write_project({"only": "return {}"}, more=f"llm: {{provider: {provider}, model: m}}")
    (tmp_path / "backend/agents/only/agent.py").write_text(
        "from agent_framework import BaseAgent, agent\n@agent('only')\nclass Only(BaseAgent):\n    instructions = 'x'\n"
    )
    ran = af("run")
    assert ran.code == 1
    assert expected.lower() in ran.err.lower()
    assert "Traceback" not in ran.err
    assert "no jobs" in af("jobs", "list").out


def test_a_module_that_cannot_be_imported_is_one_message(af, write_project, tmp_path: Path):
    write_project({"only": "return {}"})
    (tmp_path / "backend/agents/only/agent.py").write_text("import not_there_at_all\n")
    ran = af("validate")
    assert ran.code == 1
    assert "No module named 'not_there_at_all'" in ran.err
    assert "Traceback" not in ran.err


def test_an_unknown_tool_is_named_with_its_line(af, write_project, tmp_path: Path):
    write_project({"only": "return {}"})
    (tmp_path / "agents.yaml").write_text(
        "project: {name: x}\nagents:\n  only:\n    capabilities:\n      tools: [missing_tool]\n"
    )
    ran = af("validate")
    assert ran.code == 1
    assert (
        "agents.yaml:5: agents.only.capabilities.tools.0: backend.agents.only.agent defines no tool 'missing_tool'"
        in ran.err
    )

"""``add-agent``: what it adds runs, what it must not touch stays, what is wrong is refused before a write."""

import difflib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_framework.cli.scaffolding import files as writing
from agent_framework.cli.scaffolding.new_agent import AgentRequest, plan_agent, write_agent
from agent_framework.config.loader import load_config
from agent_framework.errors import AgentFrameworkError, ConfigError, ProjectError
from tests.scaffold.support import run_offline, shell, tree

Run = Callable[..., Result]
PROJECT = "project:\n  name: shop\n"


def removed_lines(before: str, after: str) -> list[str]:
    """Lines of ``before`` that ``after`` lacks."""
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("-")]


def test_what_is_added_runs_at_once(run_add: Run, shop: Path):
    before = (shop / "agents.yaml").read_text("utf-8")
    result = run_add("translator", "--timeout", 77, "--memory", 256, "--description", "Translates.", "--project", shop)
    assert result.exit_code == 0, result.output
    after = (shop / "agents.yaml").read_text("utf-8")
    assert removed_lines(before, after) == []
    agent = load_config(shop).config.agents["translator"]
    assert (agent.timeout, agent.memory, agent.description) == (77, 256, "Translates.")

    assert run_add("boss", "--type", "orchestrator", "--project", shop).exit_code == 0
    assert removed_lines(after, (shop / "agents.yaml").read_text("utf-8")) == []
    assert load_config(shop).config.orchestrator == "boss"

    text = (shop / "agents.yaml").read_text("utf-8")
    (shop / "agents.yaml").write_text(text.replace("[researcher, writer]", "[researcher, writer, translator]"))
    results = run_offline(shop)["results"]
    assert results["translator"]["fields"] == ["topic", "max_words", "notes"]

    done = shell(shop, sys.executable, "-m", "backend.agents.translator.test_simple")
    assert done.returncode == 0, done.stderr
    assert "no model is called" in done.stdout
    checks = (["pytest", "-q", "-W", "error"], ["ruff", "check", "--no-cache", "."], ["ruff", "format", "--check", "."])
    for check in checks:
        done = shell(shop, sys.executable, "-m", *check)
        assert done.returncode == 0, done.stdout + done.stderr
    done = shell(shop, "agent-framework", "validate", "--strict")
    assert done.returncode == 0, done.stderr


def test_the_last_lines_say_how_to_go_on(run_add: Run, shop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(shop)
    lines = run_add("translator").output.splitlines()
    assert "no rule runs it yet" in lines[-2]
    assert lines[-1] == "next: agent-framework test translator --input input.json --offline"


def test_it_finds_a_project_that_has_nothing_but_its_file(run_add: Run, tmp_path: Path):
    (tmp_path / "agents.yaml").write_text(PROJECT)
    assert run_add("one", "--project", tmp_path / "agents.yaml").exit_code == 0
    assert (tmp_path / "agents.yaml").read_text().startswith(PROJECT)
    done = shell(tmp_path, sys.executable, "-m", "backend.agents.one.test_simple")
    assert done.returncode == 0, done.stderr


def test_json_is_one_document(run_add: Run, shop: Path):
    printed = json.loads(run_add("translator", "--project", shop, "--json").output)
    assert (printed["agent"], printed["project"]) == ("translator", str(shop))
    assert all((shop / name).is_file() for name in printed["files"])


def test_a_dry_run_writes_nothing(run_add: Run, shop: Path):
    before = tree(shop)
    result = run_add("translator", "--project", shop, "--dry-run")
    assert "  agents.yaml  (would be changed)" in result.output.splitlines()
    assert tree(shop) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["../x"], "cannot be an agent's name"),
        (["X"], "cannot be an agent's name"),
        (["x" * 41], "at most 40 characters"),
        (["results"], "conditions use this word"),
        (["import"], "a word of Python"),
        (["writer"], r"agents.yaml:\d+: the agent 'writer' is there already"),
        (["leftover"], "exists already"),
        (["new", "--description", "two\nlines"], "one line"),
        (["new", "--description", "x" * 201], "one line"),
        (["new", "--description", "   "], "one line"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(run_add: Run, shop: Path, arguments: list[str], said: str):
    (shop / "backend" / "agents" / "leftover").mkdir()
    before = tree(shop)
    result = run_add("--project", shop, *arguments)
    assert isinstance(result.exception, AgentFrameworkError), result.output
    assert re.search(said, str(result.exception))
    assert tree(shop) == before


@pytest.mark.parametrize(
    "arguments",
    [["--timeout", "901"], ["--timeout", "0"], ["--memory", "64"], ["--memory", "20000"], ["--type", "boss"]],
)
def test_values_beyond_lambdas_limits_are_wrong_usage(run_add: Run, shop: Path, arguments: list[str]):
    before = tree(shop)
    assert run_add("new", "--project", shop, *arguments).exit_code == 2
    assert tree(shop) == before


def test_limits_hold_without_the_command_too(shop: Path):
    with pytest.raises(ConfigError, match="above Lambda's limit"):
        plan_agent(shop, AgentRequest("new", timeout=1200))


def test_a_second_orchestrator_is_refused(run_add: Run, shop: Path):
    run_add("boss", "--type", "orchestrator", "--project", shop)
    result = run_add("chief", "--type", "orchestrator", "--project", shop)
    assert isinstance(result.exception, ProjectError)
    assert "'boss' is the orchestrator already" in str(result.exception)


def test_a_function_name_that_aws_would_not_take_is_refused(run_add: Run, tmp_path: Path):
    (tmp_path / "agents.yaml").write_text(f"project:\n  name: {'p' * 32}\n")
    result = run_add("a" * 40, "--project", tmp_path)
    assert isinstance(result.exception, ConfigError)
    assert "Lambda allows 64" in str(result.exception)
    assert len(tree(tmp_path)) == 1


def test_a_file_that_does_not_load_is_shown_with_all_its_errors(run_add: Run, shop: Path):
    path = shop / "agents.yaml"
    path.write_text(
        path.read_text("utf-8").replace("timeout: 60", "timeout: 6000").replace("type: worker", "typ: worker")
    )
    before = tree(shop)
    result = run_add("new", "--project", shop)
    assert isinstance(result.exception, ConfigError)
    assert len(result.exception.problems) == 3
    assert tree(shop) == before


def test_no_project_is_a_clear_error(run_add: Run, tmp_path: Path):
    result = run_add("new", "--project", tmp_path)
    assert isinstance(result.exception, ConfigError)
    assert "agent-framework init" in str(result.exception)


def test_a_linked_file_is_not_replaced(run_add: Run, shop: Path):
    (shop / "agents.yaml").rename(shop / "real.yaml")
    (shop / "agents.yaml").symlink_to("real.yaml")
    result = run_add("new", "--project", shop)
    assert isinstance(result.exception, ProjectError)
    assert "symbolic link" in str(result.exception)
    assert not (shop / "backend" / "agents" / "new").exists()


@pytest.mark.parametrize("name", ["agents.yaml", "agent.py"])
def test_a_failing_write_leaves_everything_as_it_was(shop: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    before = tree(shop)
    replace = os.replace

    def broken(source: Path, target: Path) -> None:
        if target.name == name:
            raise PermissionError(13, "Permission denied", str(target))
        replace(source, target)

    monkeypatch.setattr(writing.os, "replace", broken)
    with pytest.raises(ProjectError, match="nothing was changed"):
        write_agent(plan_agent(shop, AgentRequest("new")))
    assert tree(shop) == before


def test_a_file_that_changed_meanwhile_is_not_overwritten(shop: Path):
    planned = plan_agent(shop, AgentRequest("new"))
    (shop / "agents.yaml").write_text((shop / "agents.yaml").read_text("utf-8") + "# a new comment\n")
    with pytest.raises(ProjectError, match="changed by somebody else"):
        write_agent(planned)
    assert not (shop / "backend" / "agents" / "new").exists()


def test_the_permissions_of_the_file_stay(shop: Path):
    (shop / "agents.yaml").chmod(0o640)
    write_agent(plan_agent(shop, AgentRequest("new")))
    assert (shop / "agents.yaml").stat().st_mode & 0o777 == 0o640


def test_awkward_names_become_code_that_can_be_imported(tmp_path: Path):
    names = ["base_agent", "base_model", "agent_context", "a_", "a__b1", "tool", "agent", "offline_turn", "x" * 40]
    (tmp_path / "agents.yaml").write_text(PROJECT)
    for name in names:
        write_agent(plan_agent(tmp_path, AgentRequest(name)))
    write_agent(plan_agent(tmp_path, AgentRequest("run_context_wrapper", type="orchestrator")))
    done = shell(tmp_path, "agent-framework", "validate", "--strict")
    assert done.returncode == 0, done.stderr
    assert "valid: 10 agents" in done.stdout


@settings(max_examples=60)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=210))
def test_any_description_is_refused_or_kept_and_the_code_compiles(tmp_path_factory: pytest.TempPathFactory, text: str):
    folder = tmp_path_factory.mktemp("described")
    (folder / "agents.yaml").write_text(PROJECT)
    try:
        planned = plan_agent(folder, AgentRequest("new", description=text))
    except ConfigError:
        assert not text.strip().isprintable() or not 0 < len(text.strip()) <= 200
        return
    write_agent(planned)
    assert load_config(folder).config.agents["new"].description == (text.strip() or "Describes the input of a job.")
    for name, code in planned.files.items():
        if name.endswith(".py"):
            compile(code, name, "exec")

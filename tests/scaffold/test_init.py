"""``init``: what it writes, what it refuses, and that a failure leaves nothing."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.cli.scaffolding import files as writing
from agent_framework.cli.scaffolding.names import check_agent_name, check_project_name, class_name
from agent_framework.cli.scaffolding.project import DATABASES, TEMPLATES, plan_project, write_project
from agent_framework.config.loader import load_config
from agent_framework.errors import ConfigError, ProjectError
from tests.scaffold.support import shell, tree

Run = Callable[..., Result]
LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"


@pytest.mark.parametrize("database", list(DATABASES))
def test_the_configuration_loads_and_names_the_chosen_providers(
    generated: Callable[..., Path], template: str, database: str
):
    folder = generated(template, database)
    config = load_config(folder).config
    assert config.project.name == "shop"
    assert config.infrastructure.database.provider == DATABASES[database]
    assert (config.infrastructure.queue.provider, config.infrastructure.storage.provider) == ("sqs", "s3")
    assert (config.llm.model, config.llm.fallback_model) == ("us.amazon.nova-pro-v1:0", "us.amazon.nova-lite-v1:0")
    assert (
        (folder / "agents.yaml").read_text("utf-8").startswith("# yaml-language-server: $schema=agents.schema.json\n")
    )


def test_every_template_has_the_same_frame(generated: Callable[..., Path], template: str):
    names = set(tree(generated(template)))
    agents = load_config(generated(template)).config.agents
    frame = {"agents.schema.json", ".gitignore", ".env.example", "README.md", "requirements.txt", "input.json"}
    assert frame | {TEMPLATES[template].other_input, "backend/__init__.py", "tests/test_project.py"} <= names
    parts = ("__init__", "agent", "lambda_handler", "templates", "test_simple")
    assert {f"backend/agents/{agent}/{part}.py" for agent in agents for part in parts} <= names
    assert {f"terraform/{name}.tf" for name in ("backend", "main", "outputs", "variables", "versions")} <= names
    assert {f"terraform/modules/{name}/main.tf" for name in ("agent_lambda", "database", "orchestrator")} <= names
    assert not [name for name in names if "{{" in name]
    assert not [name for name, data in tree(generated(template)).items() if data and b"{{" in data]


def test_secrets_and_local_state_are_ignored_by_git(generated: Callable[..., Path]):
    ignored = (generated() / ".gitignore").read_text("utf-8").splitlines()
    assert {".env", ".agent-framework/"} <= set(ignored)


def test_the_last_line_says_how_to_go_on(run_init: Run, tmp_path: Path):
    result = run_init("shop", "--directory", tmp_path)
    assert result.exit_code == 0
    last = result.output.splitlines()[-1]
    assert last == f"next: cd {tmp_path / 'shop'} && agent-framework run --input input.json --offline"


def test_json_is_one_document_and_lists_what_is_there(run_init: Run, tmp_path: Path):
    result = run_init("shop", "--directory", tmp_path, "--json")
    printed = json.loads(result.output)
    assert printed.keys() == {"project", "path", "files"}
    assert printed["path"] == str(tmp_path / "shop")
    assert set(printed["files"]) == {name for name, data in tree(tmp_path / "shop").items() if data is not None}


def test_a_dry_run_lists_the_files_and_writes_none(run_init: Run, tmp_path: Path):
    result = run_init("shop", "--directory", tmp_path, "--dry-run")
    assert result.exit_code == 0
    assert "  backend/agents/writer/agent.py" in result.output.splitlines()
    assert list(tmp_path.iterdir()) == []


def test_the_folders_have_the_usual_permissions(run_init: Run, tmp_path: Path):
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    run_init("shop", "--directory", tmp_path)
    assert stat.S_IMODE((tmp_path / "shop").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize(
    "name", ["../x", "X", "x" * 33, "", "a/b", "a b", "1a", "a_b", "/tmp/x", "a\n", " a", ".", "é"]
)
def test_a_bad_name_is_refused_with_the_rule(run_init: Run, tmp_path: Path, name: str):
    (tmp_path / "inside").mkdir()
    result = run_init("--directory", tmp_path / "inside", "--", name)
    assert isinstance(result.exception, ConfigError)
    assert "lower-case letters, digits and -" in str(result.exception)
    assert tree(tmp_path) == {"inside": None}


def test_a_folder_with_something_in_it_is_left_alone(run_init: Run, tmp_path: Path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "notes.txt").write_text("mine")
    before = tree(tmp_path)
    result = run_init("shop", "--directory", tmp_path)
    assert isinstance(result.exception, ProjectError)
    assert "--force" in str(result.exception)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "make", [Path.touch, lambda path: path.symlink_to("elsewhere"), lambda path: path.symlink_to("..")]
)
def test_a_file_or_link_in_the_way_is_refused_even_with_force(
    run_init: Run, tmp_path: Path, make: Callable[[Path], None]
):
    make(tmp_path / "shop")
    result = run_init("shop", "--directory", tmp_path, "--force")
    assert isinstance(result.exception, ProjectError)
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_an_empty_folder_is_used(run_init: Run, tmp_path: Path):
    (tmp_path / "shop").mkdir()
    assert run_init("shop", "--directory", tmp_path).exit_code == 0
    assert (tmp_path / "shop" / "agents.yaml").is_file()


def test_force_replaces_only_its_own_files_and_says_which(run_init: Run, tmp_path: Path):
    folder = tmp_path / "shop"
    (folder / "backend").mkdir(parents=True)
    for name in ("agents.yaml", "notes.txt", "backend/own.py"):
        (folder / name).write_text("mine")
    result = run_init("shop", "--directory", tmp_path, "--force")
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if "(replaced)" in line] == ["  agents.yaml  (replaced)"]
    assert (folder / "notes.txt").read_text() == (folder / "backend" / "own.py").read_text() == "mine"
    assert load_config(folder).config.project.name == "shop"
    assert not list(tmp_path.rglob(".shop-new-*"))


def test_force_does_not_follow_a_link_out_of_the_folder(run_init: Run, tmp_path: Path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shop" / "backend").symlink_to(tmp_path / "elsewhere")
    result = run_init("shop", "--directory", tmp_path, "--force")
    assert isinstance(result.exception, ProjectError)
    assert "symbolic link" in str(result.exception)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["backend"]


@pytest.mark.parametrize("fail_at", [1, 7, 20])
def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_at: int):
    calls = 0
    write = Path.write_text

    def broken(self: Path, *arguments: str, **options: str) -> int:
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise OSError(28, "No space left on device", str(self))
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", broken)
    with pytest.raises(ProjectError, match="No space left on device"):
        write_project(plan_project("shop", directory=tmp_path))
    assert calls == fail_at
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_a_failure_while_files_are_replaced_puts_the_old_ones_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    (tmp_path / "shop").mkdir()
    for name in ("agents.yaml", "README.md", "other.txt"):
        (tmp_path / "shop" / name).write_text("mine")
    before = tree(tmp_path)
    replace = os.replace

    def broken(source: Path, target: Path) -> None:
        if target.name == "input.json":
            raise error
        replace(source, target)

    monkeypatch.setattr(writing.os, "replace", broken)
    with pytest.raises((ProjectError, KeyboardInterrupt)):
        write_project(plan_project("shop", directory=tmp_path, force=True))
    assert tree(tmp_path) == before


def test_a_folder_that_cannot_be_written_is_a_clear_error(run_init: Run, tmp_path: Path):
    result = run_init("shop", "--directory", tmp_path / "missing")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_the_schema_is_what_the_command_prints_and_accepts_the_project(generated: Callable[..., Path], template: str):
    jsonschema = pytest.importorskip("jsonschema")
    import yaml

    folder = generated(template)
    text = (folder / "agents.schema.json").read_text("utf-8")
    jsonschema.validate(yaml.safe_load((folder / "agents.yaml").read_text("utf-8")), json.loads(text))
    if template == "basic":
        assert shell(folder, "agent-framework", "schema").stdout == text


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[a-z][a-z0-9-]{0,35}", fullmatch=True)))
def test_a_project_name_is_accepted_exactly_if_it_has_the_form(name: str):
    good = 1 <= len(name) <= 32 and name[0] in LETTERS and set(name) <= {*LETTERS, *DIGITS, "-"}
    try:
        planned = plan_project(name, directory=Path("/nowhere"))
    except ConfigError:
        assert not good
    else:
        assert good
        assert planned.path == Path("/nowhere") / check_project_name(name)


@given(st.one_of(st.text(max_size=45), st.from_regex(r"[a-z][a-z0-9_]{0,45}", fullmatch=True)))
def test_an_agent_name_is_accepted_exactly_if_it_has_the_form(name: str):
    good = 1 <= len(name) <= 40 and name[0] in LETTERS and set(name) <= {*LETTERS, *DIGITS, "_"}
    if name in {"as", "if", "in", "is", "or", "job"}:
        good = False
    try:
        check_agent_name(name)
    except ConfigError:
        assert not good
    else:
        assert good
        assert class_name(name).isidentifier()


@pytest.mark.parametrize("name", ["input", "results", "prev_step", "job", "class", "lambda", "none", "true", "null"])
def test_words_that_mean_something_else_are_no_agent_names(name: str):
    with pytest.raises(ConfigError, match="cannot be an agent's name"):
        check_agent_name(name)

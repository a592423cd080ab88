"""Which of a project's files an agent's package has."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_framework import ConfigLoader
from agent_framework.cli.deployment.agents import deployed_agents
from agent_framework.cli.deployment.packaging.sources import ProjectSources
from agent_framework.errors import ForbiddenFileError, PackagingError
from tests.support.projects import yaml_of

SHARED = {"backend/__init__.py": "", "backend/agents/__init__.py": "", "backend/rates.csv": "a,b\n"}


def write(folder: Path, files: Mapping[str, str], *agents: str, more: str = "") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "agents.yaml").write_text(yaml_of({name: {} for name in agents}, more=more), "utf-8")
    for name, text in {**SHARED, **{f"backend/agents/{name}/agent.py": "" for name in agents}, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def files_of(folder: Path, agent: str) -> dict[str, Path | bytes]:
    loader = ConfigLoader(folder, stage="dev")
    agents = deployed_agents(loader)
    return ProjectSources(loader, agents).of(agents[agent])


def test_a_package_has_the_shared_code_and_one_agents_folder(tmp_path: Path) -> None:
    write(tmp_path, {"backend/tax.py": "", "backend/lib/deep.py": "", "README.md": "", "script.py": ""}, "one", "two")
    assert sorted(files_of(tmp_path, "one")) == [
        "agent_framework_package.json",
        "agents.yaml",
        "backend/__init__.py",
        "backend/agents/__init__.py",
        "backend/agents/one/agent.py",
        "backend/agents/one/lambda_handler.py",
        "backend/lib/deep.py",
        "backend/rates.csv",
        "backend/tax.py",
    ]


def test_tests_caches_and_dotfiles_stay_out(tmp_path: Path) -> None:
    unwanted = [
        "test_simple.py", "conftest.py", "thing_test.py", "tests/data.py", "__pycache__/agent.cpython-313.pyc",
        ".env", ".hidden/secret.py",
    ]  # fmt: skip
    write(tmp_path, {f"backend/agents/one/{name}": "" for name in unwanted} | {"backend/.env": "KEY=1"}, "one")
    assert not [name for name in files_of(tmp_path, "one") if any(name.endswith(bad) for bad in unwanted)]


@pytest.mark.parametrize(
    "line",
    [
        "import backend.agents.two.agent",
        "from backend.agents.two import agent",
        "from backend.agents import two",
        "from ..two.agent import x",
        "from .. import two",
        "def later():\n    from backend.agents.two.tools import x",
        "from importlib import import_module\nimport_module('backend.agents.two.agent')",
        "from backend import through",
        "import beside.deep",
    ],
)
def test_another_agents_folder_comes_only_if_it_is_imported(tmp_path: Path, line: str) -> None:
    files = {
        "backend/agents/one/agent.py": line,
        "backend/agents/two/tools.py": "from backend.agents.four import agent",
        "backend/agents/two/data.json": "{}",
        "backend/through.py": "import backend.agents.two.agent",
        "beside/deep.py": "import backend.agents.two.agent",
    }
    write(tmp_path, files, "one", "two", "three", "four")
    folders = {name.split("/")[2] for name in files_of(tmp_path, "one") if name.startswith("backend/agents/")}
    assert folders == {"__init__.py", "one", "two", "four"}
    assert "backend/agents/two/data.json" in files_of(tmp_path, "one")


def test_a_package_beside_backend_comes_whole_if_it_is_imported(tmp_path: Path) -> None:
    files = {"backend/agents/one/agent.py": "import beside.deep", "beside/deep.py": "", "beside/texts/a.txt": "a"}
    write(tmp_path, {**files, "other/thing.py": "", "single.py": ""}, "one", "two")
    assert {"beside/deep.py", "beside/texts/a.txt"} <= files_of(tmp_path, "one").keys()
    assert not {"other/thing.py", "single.py"} & files_of(tmp_path, "one").keys()
    assert not [name for name in files_of(tmp_path, "two") if name.startswith("beside")]


def test_a_provider_of_the_project_comes_with_every_agent(tmp_path: Path) -> None:
    more = "infrastructure: {database: {provider: 'stores.redis:RedisDatabase'}}"
    write(tmp_path, {"stores/redis.py": "import helper", "helper.py": ""}, "one", more=more)
    for agent in ("one", "orchestrator"):
        assert {"stores/redis.py", "helper.py"} <= files_of(tmp_path, agent).keys()


def test_the_module_that_tells_people_of_approvals_comes_with_the_orchestrator(tmp_path: Path) -> None:
    more = "approvals: {on_approval: 'notices.mail:tell'}"
    write(tmp_path, {"notices/mail.py": "import helper", "helper.py": ""}, "one", more=more)
    assert {"notices/mail.py", "helper.py"} <= files_of(tmp_path, "orchestrator").keys()
    assert "notices/mail.py" not in files_of(tmp_path, "one")


def test_the_engines_own_orchestrator_needs_no_agents_code(tmp_path: Path) -> None:
    write(tmp_path, {}, "one", "two")
    files = files_of(tmp_path, "orchestrator")
    assert [name for name in files if name.startswith("backend/agents/")] == [
        "backend/agents/__init__.py",
        "backend/agents/orchestrator/lambda_handler.py",
        "backend/agents/orchestrator/__init__.py",
    ]
    assert files["backend/agents/orchestrator/lambda_handler.py"] == (
        b'"""What Lambda calls for the agent orchestrator."""\n\nfrom agent_framework import orchestrator_handler\n\n'
        b'handler = orchestrator_handler("orchestrator")\n'
    )


def test_the_manifest_names_the_agents_that_have_functions(tmp_path: Path) -> None:
    rules = "orchestration: {selection_rules: [{name: all, agents: [undeclared, nowhere]}]}"
    write(tmp_path, {"backend/agents/undeclared/agent.py": ""}, "one", more=rules)
    manifest = files_of(tmp_path, "one")["agent_framework_package.json"]
    assert isinstance(manifest, bytes)
    assert json.loads(manifest) == {"agent": "one", "role": "worker", "agents": ["one", "orchestrator", "undeclared"]}


def test_a_handler_that_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"backend/agents/one/lambda_handler.py": "handler = print\n"}, "one")
    assert files_of(tmp_path, "one")["backend/agents/one/lambda_handler.py"] == (
        tmp_path / "backend/agents/one/lambda_handler.py"
    )


def test_a_file_that_is_not_python_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"backend/agents/one/lambda_handler.py": "handler = 1\ndef (\n"}, "one", "two")
    with pytest.raises(PackagingError, match=r"^backend/agents/one/lambda_handler\.py:2: is not valid Python"):
        files_of(tmp_path, "one")
    assert files_of(tmp_path, "two")


def test_an_agent_without_code_is_told(tmp_path: Path) -> None:
    write(tmp_path, {}, "one")
    (tmp_path / "backend/agents/one/agent.py").unlink()
    with pytest.raises(PackagingError, match=r"agent one has no code: backend/agents/one/agent\.py is not in"):
        files_of(tmp_path, "one")


def test_a_link_inside_the_project_is_followed_and_one_out_of_it_refused(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "secret.txt"
    outside.write_text("secret")
    write(project, {"backend/real.txt": "text"}, "one")
    (project / "backend/link.txt").symlink_to("real.txt")
    assert "backend/link.txt" in files_of(project, "one")
    (project / "backend/bad.txt").symlink_to(outside)
    with pytest.raises(ForbiddenFileError, match=r"backend/bad\.txt is a link to .*secret\.txt, out of the project"):
        files_of(project, "one")


@pytest.mark.parametrize(("target", "words"), [("..", "link to the folder"), ("nowhere", "which is not there")])
def test_links_to_folders_and_to_nothing_are_refused(tmp_path: Path, target: str, words: str) -> None:
    write(tmp_path, {}, "one")
    (tmp_path / "backend/link").symlink_to(target)
    with pytest.raises(ForbiddenFileError, match=words):
        files_of(tmp_path, "one")


def test_a_pth_file_of_the_project_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"backend/start.pth": "import os"}, "one")
    with pytest.raises(ForbiddenFileError, match=r"start\.pth"):
        files_of(tmp_path, "one")

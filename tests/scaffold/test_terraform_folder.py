"""What ``init`` and ``add-agent`` write for AWS: a terraform/ folder that is complete and valid, and the handlers."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from agent_framework.cli.deployment.tfvars import terraform_config
from agent_framework.cli.scaffolding.project import DATABASES
from agent_framework.cli.scaffolding.terraform import MODULES_DIR
from agent_framework.config.loader import ConfigLoader, load_config
from tests.scaffold.support import shell, tree
from tests.terraform.support import needs_offline_provider, needs_terraform, offline

__all__ = ["offline"]

Generated = Callable[..., Path]


@needs_terraform
@needs_offline_provider
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", list(DATABASES))
def test_every_template_with_every_database_is_valid(
    generated: Generated, offline: dict[str, str], template: str, database: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(generated(template, database), tmp_path / "shop"))
    assert shell(folder, "agent-framework", "validate", "--stage", "dev").returncode == 0
    env = {**offline, "TF_DATA_DIR": str(tmp_path / "data")}
    for command in (["init", "-backend=false"], ["validate"]):
        done = subprocess.run(
            ["terraform", f"-chdir={folder / 'terraform'}", *command], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "The configuration is valid" in done.stdout


@needs_terraform
def test_the_folder_is_formatted(generated: Generated) -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", str(generated() / "terraform")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_agent_starts_where_terraform_says(generated: Generated, template: str) -> None:
    folder = generated(template)
    functions = terraform_config(ConfigLoader(folder, stage="dev")).variables["agents"]
    for name, agent in load_config(folder).config.agents.items():
        module, _, attribute = functions[name]["handler"].rpartition(".")
        code = (folder / f"{module.replace('.', '/')}.py").read_text()
        assert f"import {agent.type}_handler\n" in code
        assert f'\n{attribute} = {agent.type}_handler("{name}")\n' in code


def test_what_deploy_generates_is_no_matter_of_git(generated: Generated) -> None:
    ignored = (generated() / ".gitignore").read_text().splitlines()
    assert {"terraform/*.auto.tfvars.json", "terraform/.terraform/", "*.tfstate"} <= set(ignored)


def test_an_agent_brings_the_folder_to_a_project_that_has_none(run_add: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("project: {name: older, region: eu-west-1}\n")
    assert run_add("first", "--project", tmp_path).exit_code == 0
    assert f"{MODULES_DIR}/agent_lambda/main.tf" in tree(tmp_path)
    assert 'key=older/dev/terraform.tfstate"' in (tmp_path / "terraform" / "backend.tf").read_text()
    assert "worker_handler" in (tmp_path / "backend/agents/first/lambda_handler.py").read_text()


def test_an_agent_leaves_the_folder_that_is_there_alone(shop: Path, run_add: Callable[..., Result]) -> None:
    (shop / "terraform" / "main.tf").write_text("# the project's own\n")
    before = tree(shop / "terraform")
    assert run_add("another", "--project", shop).exit_code == 0
    assert tree(shop / "terraform") == before


def test_an_orchestrator_has_the_orchestrators_handler(shop: Path, run_add: Callable[..., Result]) -> None:
    assert run_add("chief", "--type", "orchestrator", "--project", shop).exit_code == 0
    assert "orchestrator_handler" in (shop / "backend/agents/chief/lambda_handler.py").read_text()

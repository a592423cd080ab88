"""The stack that a project gets: rendered, formatted and valid for each database, with a variable for every field."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.support import (
    MODULES,
    needs_offline_provider,
    needs_terraform,
    render_project,
    resources,
)

pytestmark = pytest.mark.timeout(600)
PROJECT = """
project: {name: shop, region: eu-central-1}
agents:
  chief: {type: orchestrator, runtime: {timeout: 60}}
  writer: {dependencies: {storage: read-only}}
"""
DATABASES = {
    "dynamodb": "",
    "aurora": "infrastructure: {database: {provider: aurora, config: {min_capacity: 0, max_capacity: 2}}}",
    "postgres": "infrastructure: {database: {provider: rds-postgres, config: {pool_max: 3}}}",
}
FOUND = {"dynamodb": "aws_dynamodb_table", "aurora": "aws_rds_cluster", "postgres": "aws_db_instance"}


@pytest.fixture(params=list(DATABASES))
def database(request: pytest.FixtureRequest) -> str:
    """Each database."""
    return request.param


def test_no_placeholder_stays_in_a_rendered_stack(tmp_path: Path) -> None:
    render_project(tmp_path, PROJECT, runnable=False)
    for path in (tmp_path / "terraform").glob("*.tf*"):
        if path.suffix != ".json":
            assert "{{" not in path.read_text(), path.name


def test_the_state_is_locked_and_encrypted_in_a_bucket(tmp_path: Path) -> None:
    render_project(tmp_path, PROJECT, runnable=False)
    backend = (tmp_path / "terraform" / "backend.tf").read_text()
    assert 'backend "s3"' in backend
    assert re.search(r"use_lockfile += true", backend)
    assert re.search(r"encrypt +=+ true", backend)
    assert 'key=shop/dev/terraform.tfstate"' in backend


def test_every_part_of_the_generated_file_is_a_declared_variable(tmp_path: Path, database: str) -> None:
    made = render_project(tmp_path, PROJECT + DATABASES[database])
    text = (tmp_path / "terraform" / "variables.tf").read_text()
    declared = dict(re.findall(r'variable "(\w+)" \{\n(.*?)^\}', text, re.DOTALL | re.MULTILINE))
    assert made.variables.keys() <= declared.keys()
    for name in ("database", "queue", "storage"):
        for field in (*made.variables[name], *made.variables[name]["settings"]):
            assert re.search(rf"^\s+{field}\s+= ", declared[name], re.MULTILINE), f"{name}.{field}"
    for field in made.variables["agents"]["writer"]:
        assert re.search(rf"^\s+{field}\s+= ", declared["agents"], re.MULTILINE), f"agents.{field}"


def test_the_stack_uses_every_module(tmp_path: Path) -> None:
    render_project(tmp_path, PROJECT)
    text = (tmp_path / "terraform" / "main.tf").read_text()
    assert set(re.findall(r'source += "\./modules/(\w+)"', text)) == {path.name for path in MODULES.iterdir()}


@needs_terraform
def test_the_stack_is_formatted(tmp_path: Path) -> None:
    render_project(tmp_path, PROJECT)
    stack = tmp_path / "terraform"
    shutil.copy(stack / "terraform.tfvars.example", stack / "terraform.tfvars")
    done = subprocess.run(["terraform", "fmt", "-check", "-diff", str(stack)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@needs_terraform
@needs_offline_provider
def test_the_stack_is_valid_and_plans_one_database(
    tmp_path: Path, database: str, harness: Any, offline: dict[str, str], aws: Any
) -> None:
    render_project(tmp_path, PROJECT + DATABASES[database])
    workspace = harness.Workspace(tmp_path / "terraform", tmp_path / "work", aws.env)
    workspace.terraform("init")
    assert "The configuration is valid" in workspace.terraform("validate")
    planned = workspace.plan_json()["planned_values"]
    counts = {name: len(resources(planned, kind)) for name, kind in FOUND.items()}
    assert counts == {name: int(name == database) for name in FOUND}
    functions = resources(planned, "aws_lambda_function")
    assert len(functions) == 2
    assert {len(function["values"]["vpc_config"]) for function in functions} == {int(database == "postgres")}


@needs_terraform
@needs_offline_provider
def test_what_is_missing_is_told_before_anything_is_made(tmp_path: Path, harness: Any, aws: Any) -> None:
    agents = PROJECT.replace("writer: {", "writer: {runtime: {environment: [LEVEL, API_KEY]}, ")
    render_project(tmp_path, agents)
    (tmp_path / "terraform" / "packages.auto.tfvars.json").write_text(json.dumps({"packages": {}}))
    workspace = harness.Workspace(tmp_path / "terraform", tmp_path / "work", aws.env)
    workspace.terraform("init")
    told = " ".join(workspace.terraform("plan", expect=(1,)).split())
    assert "Agent writer lacks LEVEL (in environment_values), API_KEY (in secrets)." in told
    assert "Agent chief has no package; run 'agent-framework package' first." in told

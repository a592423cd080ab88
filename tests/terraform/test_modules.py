"""The modules one by one: their form, their own tests, and that no `*` stands without its reason."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_framework.infrastructure.database.dynamodb.schema import INDEXES, TTL_ATTRIBUTE
from agent_framework.observability.redaction import WORDS_OF_SECRETS
from tests.terraform.readmes import attribute, blocks, readme
from tests.terraform.support import MODULE_NAMES, MODULES, ROOT, needs_offline_provider, needs_terraform

pytestmark = pytest.mark.timeout(600)
FILES = {"README.md", "main.tf", "outputs.tf", "variables.tf", "versions.tf"}
WILDCARD = re.compile(r'"[^"]*\*[^"]*"')


@pytest.fixture(params=MODULE_NAMES)
def module(request: pytest.FixtureRequest) -> Path:
    """Each module."""
    return MODULES / request.param


def test_there_are_the_modules_that_projects_use() -> None:
    assert {"agent_lambda", "database", "observability", "orchestrator", "storage"} <= set(MODULE_NAMES)


def test_a_module_has_exactly_the_usual_files(module: Path) -> None:
    assert {path.name for path in module.iterdir() if path.is_file()} == FILES


def test_variables_are_typed_and_described(module: Path) -> None:
    for kind, name, body in blocks(module):
        assert attribute(body, "description"), f"{kind} {name} of {module.name} has no description"
        assert kind == "output" or attribute(body, "type"), f"variable {name} of {module.name} has no type"


def test_a_readme_lists_all_inputs_and_outputs(module: Path) -> None:
    assert (module / "README.md").read_text() == readme(module), "run: python -m tests.terraform.readmes"


def test_every_wildcard_of_a_policy_has_its_reason_beside_it(module: Path) -> None:
    lines = (module / "main.tf").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\s*(values|actions|#)", line) and '"s3:*"' not in line and '"kms:*"' not in line:
            continue  # conditions narrow down; actions are looked at below
        if WILDCARD.search(line.partition("#")[0]):
            whole = '"*"' in line or ':*"]' in line.partition("#")[0]
            told = "Reason for" in lines[number - 1] if whole and "arn}" not in line else "# " in line
            assert told, f"{module.name}/main.tf:{number + 1}: {line.strip()} has no reason"


def test_no_action_is_a_wildcard_but_in_two_statements_that_say_why(module: Path) -> None:
    text = (module / "main.tf").read_text()
    wild = re.findall(r'"([a-z0-9-]+:[A-Za-z*]*\*[A-Za-z*]*)"', text)
    assert wild == {"encryption": ["kms:*", "kms:*"], "storage": ["s3:*", "s3:*"]}.get(module.name, [])


def test_every_exception_from_checkov_has_a_reason(module: Path) -> None:
    for skip in re.findall(r"checkov:skip=(.*)", (module / "main.tf").read_text()):
        assert re.fullmatch(r"CKV2?_AWS_\d+:\S.{20,}", skip), skip


def test_the_modules_refuse_the_same_names_as_the_generator() -> None:
    assert f'regex("{WORDS_OF_SECRETS}"' in (MODULES / "agent_lambda" / "variables.tf").read_text()


def test_the_table_has_the_indexes_that_the_provider_needs() -> None:
    text = (MODULES / "database" / "variables.tf").read_text()
    for name, (partition, sort) in INDEXES.items():
        assert re.search(rf'{name}\s+= {{ partition_key = "{partition}", sort_key = "{sort}"', text), name
    assert f'ttl_attribute          = optional(string, "{TTL_ATTRIBUTE}")' in text


@needs_terraform
def test_everything_is_formatted() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", str(MODULES)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout


@needs_terraform
@needs_offline_provider
def test_a_module_is_valid_and_passes_its_own_tests(
    module: Path, harness: Any, offline: dict[str, str], tmp_path: Path
) -> None:
    workspace = harness.Workspace(module, tmp_path, offline)
    workspace.terraform("init", "-backend=false")
    assert "The configuration is valid" in workspace.terraform("validate")
    assert re.search(r"Success! \d+ passed, 0 failed", workspace.terraform("test"))

"""Projects rendered as Terraform stacks, run offline against a moto server; policies asked as IAM would answer."""

import base64
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent_framework.cli.deployment.tfvars import TFVARS, TerraformConfig, terraform_config, write_tfvars
from agent_framework.cli.scaffolding.templates import render_folder
from agent_framework.config.loader import ConfigLoader
from tests.support.running_provider import running_provider

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "terraform_modules"
MODULE_NAMES = sorted(path.name for path in MODULES.iterdir() if path.is_dir())
OFFLINE = ROOT.parent / "shared" / "offline-terraform"
CANARY = "canary-4b1f0e1c9d2a-value-of-a-secret"
ACCOUNT = "123456789012"

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="needs the program terraform")
needs_offline_provider = pytest.mark.skipif(not OFFLINE.is_dir(), reason="needs the offline AWS provider in ../shared")

NO_BUCKET_POLICY = 'resource "aws_s3_bucket_policy" "this" {\n  count = 0\n}\n'
"""Overrides the bucket's policy: moto does not look at conditions, so a Deny of plain HTTP denies everything."""

PAGES_URL = "https://pages.lambda-url.us-east-1.on.aws/"
A_URL = f'output "url" {{\n  value = "{PAGES_URL}"\n}}\n'
"""Overrides the URL of approvals' pages: the simulator makes none."""


def load_harness() -> ModuleType:
    """The harness of the offline provider, imported by its path."""
    spec = importlib.util.spec_from_file_location("offline_terraform_harness", OFFLINE / "harness.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def offline() -> Iterator[dict[str, str]]:
    """The environment in which terraform finds the offline provider, and no AWS."""
    with running_provider({**load_harness().environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}) as env:
        yield env


def render_project(folder: Path, agents_yaml: str, *, stage: str = "dev", runnable: bool = True) -> TerraformConfig:
    """A project in ``folder`` with its ``terraform`` folder as it would be deployed; the state stays local.

    ``runnable`` leaves out what the simulator cannot do.
    """
    (folder / "agents.yaml").write_text(agents_yaml)
    loader = ConfigLoader(folder, stage=stage)
    made = terraform_config(loader)
    stack = write_tfvars(folder, made).parent
    assert stack == (folder / TFVARS).parent
    project = loader.config.project
    values = {"modules": "./modules", "project": project.name, "region": project.region}
    for path, text in render_folder("terraform", values).items():
        (stack / path).write_text(text)
    shutil.copytree(MODULES, stack / "modules", ignore=shutil.ignore_patterns("tests", ".terraform*"))
    (stack / "packages.auto.tfvars.json").write_text(json.dumps({"packages": dict(_packages(stack, made))}))
    if runnable:
        (stack / "backend.tf").unlink()
        (stack / "modules" / "storage" / "override.tf").write_text(NO_BUCKET_POLICY)
        (stack / "modules" / "approvals_url" / "override.tf").write_text(A_URL)
    return made


def _packages(stack: Path, made: TerraformConfig) -> Iterator[tuple[str, dict[str, str]]]:
    for agent in made.variables["agents"]:
        data = b"PK\x05\x06" + bytes(18)  # an empty zip
        (stack / f"{agent}.zip").write_bytes(data)
        digest = hashlib.sha256(data)
        key = f"packages/{agent}/{digest.hexdigest()}.zip"
        code_hash = base64.b64encode(digest.digest()).decode()
        yield agent, {"s3_key": key, "source_code_hash": code_hash, "path": str(stack / f"{agent}.zip")}


def resources(values: Mapping[str, Any], kind: str = "") -> list[dict[str, Any]]:
    """Resources of a state's or a plan's ``values``, through all modules; those of one type, or all."""
    found: list[dict[str, Any]] = []
    modules = [values["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        found += [item for item in module.get("resources", []) if item["mode"] == "managed"]
    return [item for item in found if kind in ("", item["type"])]


class Policy:
    """The statements that one role has, and what they allow: explicit Deny, then Allow, else nothing."""

    def __init__(self, statements: Sequence[Mapping[str, Any]]) -> None:
        self.statements = list(statements)

    @classmethod
    def of_role(cls, state: Mapping[str, Any], role: str) -> "Policy":
        """All inline policies of ``role``."""
        texts = [
            item["values"]["policy"]
            for item in resources(state["values"], "aws_iam_role_policy")
            if item["values"]["role"] == role
        ]
        assert texts, f"{role} has no policy"
        return cls([statement for text in texts for statement in as_list(json.loads(text)["Statement"])])

    def allows(self, action: str, resource: str, **context: str | list[str]) -> bool:
        """Whether ``action`` on ``resource`` is allowed; ``context`` has condition keys, ``_`` for their ``:``."""
        keys = {name.replace("__", ":"): as_list(value) for name, value in context.items()}
        matching = [item for item in self.statements if _covers(item, action, resource) and _holds(item, keys)]
        effects = {item["Effect"] for item in matching}
        return "Allow" in effects and "Deny" not in effects

    def actions(self) -> set[str]:
        """All actions that are allowed on something."""
        return {action for item in self.statements if item["Effect"] == "Allow" for action in as_list(item["Action"])}


def as_list(value: Any) -> list[Any]:
    """A value that policies write with or without brackets."""
    return value if isinstance(value, list) else [value]


def _covers(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in as_list(statement["Action"])) and any(
        fnmatchcase(resource, pattern) for pattern in as_list(statement["Resource"])
    )


def _holds(statement: Mapping[str, Any], keys: Mapping[str, list[str]]) -> bool:
    return all(
        _matches(operator, keys.get(key), as_list(wanted))
        for operator, conditions in statement.get("Condition", {}).items()
        for key, wanted in conditions.items()
    )


def _matches(operator: str, given: list[str] | None, wanted: list[str]) -> bool:
    if operator == "ForAllValues:StringLike":
        return all(any(fnmatchcase(value, pattern) for pattern in wanted) for value in given or [])
    assert operator in ("StringEquals", "ArnEquals"), f"the test does not know the operator {operator}"
    return given is not None and set(given) <= set(wanted)

"""``package --strategy layer`` and ``image``."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_framework.cli import package as command
from tests.cli.conftest import Ran
from tests.cli.test_package import write_project
from tests.support.wheels import write_wheel

pytestmark = pytest.mark.timeout(600)

BOSS = {"boss": {"type": "orchestrator"}}


def test_a_layer_has_the_dependencies_and_the_function_its_code(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, BOSS)
    ran = af("package", "--strategy", "layer", "--no-bytecode")
    assert ran.code == 0
    folder = tmp_path / ".agent-framework/packages"
    layer = zipfile.ZipFile(folder / "layers/orchestrator-x86_64.zip").namelist()
    assert {"python/pydantic/__init__.py", "python/agent_framework/__init__.py"} <= set(layer)
    assert all(name.startswith("python/") for name in layer)
    function = zipfile.ZipFile(folder / "boss.zip").namelist()
    assert "backend/agents/boss/agent.py" in function
    assert not [name for name in function if name.startswith(("pydantic", "agent_framework/"))]
    assert "layer for boss: " in ran.out
    assert ran.out.splitlines()[-1].startswith("next: aws lambda publish-layer-version")
    assert not (tmp_path / "terraform").exists(), "the modules know no layers, so they are told of none"


def test_an_image_has_everything_in_its_folder_and_no_limit(
    af: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "docker_answers", lambda: False)
    heavy = write_wheel(tmp_path / "wheels", "heavy", {"heavy/data.bin": bytes(262_144_001)})
    write_project(tmp_path, {"boss": {"type": "orchestrator", "requirements": [heavy]}})
    ran = af("package", "--strategy", "image", "--no-bytecode")
    assert ran.code == 0
    context = tmp_path / ".agent-framework/packages/images/boss"
    text = (context / "Dockerfile").read_text("utf-8")
    assert "FROM public.ecr.aws/lambda/python:3.13\n" in text
    assert 'CMD ["backend.agents.boss.lambda_handler.handler"]' in text
    for name in (
        "heavy/data.bin",
        "agent_framework/__init__.py",
        "backend/agents/boss/lambda_handler.py",
        "agents.yaml",
    ):
        assert (context / "task" / name).is_file()
    assert "Docker does not answer here" in ran.out
    command_line = (
        rf"docker build --platform linux/amd64 --provenance=false --tag a-test-boss:\w{{12}} {re.escape(str(context))}"
    )
    assert re.search(command_line, ran.out)
    assert "unchanged, not built again: all of them" in af("package", "--strategy", "image", "--no-bytecode").out

"""``package`` where it cannot work: one clear message, exit 1, nothing half-written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.cli.deployment.packaging import interpreter
from agent_framework.cli.deployment.packaging import uv as uv_module
from tests.cli.conftest import Ran
from tests.cli.test_package import write_project
from tests.support.python313 import python_313
from tests.support.wheels import write_wheel

pytestmark = pytest.mark.timeout(600)


def boss(*requirements: str) -> dict[str, Any]:
    """A project of one small package."""
    return {"boss": {"type": "orchestrator", "requirements": list(requirements)}}


def refused(ran: Ran, folder: Path, *words: str) -> None:
    """One error with these words on standard error, and no package or part of one."""
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("error: ") == 1
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err
    left = [*folder.rglob("*.zip"), *folder.rglob(".new-*"), *folder.rglob("*.auto.tfvars.json")]
    assert not [path for path in left if path.name != "base.zip"]  # what is whole in the cache may stay


def test_an_agent_that_there_is_not(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss())
    refused(af("package", "--agent", "bos"), tmp_path, "no agent 'bos' becomes a function; did you mean 'boss'?")


def test_all_and_one_agent(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss())
    assert af("package", "--all", "--agent", "boss").code == 2


def test_a_requirement_without_a_wheel(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss("docopt==0.6.2"))
    ran = af("package", "--no-bytecode")
    refused(ran, tmp_path, "agent-boss (x86_64)", "only wheels for Lambda's platform are taken", "docopt")
    assert not (tmp_path / "locks").exists()


def test_a_requirement_that_there_is_not(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss("idna>=9999"))
    refused(af("package", "--no-bytecode"), tmp_path, "idna>=9999")


def test_a_pth_file_in_a_dependency(af: Callable[..., Ran], tmp_path: Path) -> None:
    evil = write_wheel(tmp_path / "wheels", "evil", {"evil/__init__.py": "", "evil_init.pth": "import os\n"})
    write_project(tmp_path, boss(evil))
    refused(af("package", "--no-bytecode"), tmp_path, "evil of agent-boss (x86_64) has the file evil_init.pth")


def test_a_changed_file_behind_a_lock(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss(write_wheel(tmp_path / "wheels", "thing", {"thing.py": ""})))
    assert af("package", "--no-bytecode").code == 0
    write_wheel(tmp_path / "wheels", "thing", {"thing.py": "changed = True"})
    (tmp_path / "terraform/packages.auto.tfvars.json").unlink()
    ran = af("package", "--no-bytecode", "--output", tmp_path / "elsewhere")
    refused(ran, tmp_path / "elsewhere", "a file is not the one that was locked")


def test_a_package_above_the_limit(af: Callable[..., Ran], tmp_path: Path) -> None:
    heavy = write_wheel(tmp_path / "wheels", "heavy", {"heavy/data.bin": bytes(262_144_001)})
    write_project(tmp_path, boss(heavy))
    ran = af("package", "--no-bytecode")
    refused(ran, tmp_path, "Lambda takes 250 MiB; the heaviest: heavy 250 MiB", "--agent boss --strategy image")


def test_a_handler_that_is_not_python(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss())
    (tmp_path / "backend/agents/boss/lambda_handler.py").write_text("def handler(:\n", "utf-8")
    refused(af("package"), tmp_path, "backend/agents/boss/lambda_handler.py:1: is not valid Python")


def test_code_that_imports_what_its_package_has_not(af: Callable[..., Ran], tmp_path: Path) -> None:
    python_313()
    write_project(tmp_path, boss())
    (tmp_path / "backend/words.py").write_text("import pandas\nGREETING = ''\n", "utf-8")
    refused(af("package"), tmp_path, "imports 'pandas', which is not in its package", "agents.boss.requirements")


def test_code_that_fails_when_it_is_imported_is_a_note(af: Callable[..., Ran], tmp_path: Path) -> None:
    python_313()
    write_project(tmp_path, boss())
    (tmp_path / "backend/words.py").write_text("import os\nGREETING = os.environ['ONLY_ON_LAMBDA']\n", "utf-8")
    ran = af("package")
    assert ran.code == 0
    assert "note: boss: import not measured: KeyError: 'ONLY_ON_LAMBDA'" in ran.err


def test_no_uv(af: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_module, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    write_project(tmp_path, boss())
    refused(af("package"), tmp_path, "pip install 'serverless-agent-framework[deploy]'")


def test_no_network(af: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    write_project(tmp_path, boss())
    refused(af("package", "--no-bytecode"), tmp_path, "the package index was not reached")
    assert not (tmp_path / "locks").exists()


def test_no_index(af: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    write_project(tmp_path, boss())
    refused(af("package", "--no-bytecode"), tmp_path, "the package index was not reached")


def test_no_python_3_13(af: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "PYTHON", "3.99")
    write_project(tmp_path, boss())
    refused(af("package"), tmp_path, "needs a Python 3.99 on this machine", "--no-bytecode")


def test_a_place_that_cannot_be_written(af: Callable[..., Ran], tmp_path: Path) -> None:
    write_project(tmp_path, boss())
    (tmp_path / "taken").write_text("a file", "utf-8")
    ran = af("package", "--no-bytecode", "--output", tmp_path / "taken" / "below")
    refused(ran, tmp_path, "packages could not be written to")

"""The framework unpacks nothing; what it packs is refused where it leads out, runs by itself, or is a secret.

Packages are zips of the project's files and of what uv installed.
"""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from agent_framework import ConfigLoader
from agent_framework.cli.deployment.agents import deployed_agents
from agent_framework.cli.deployment.packaging.files import write_zip
from agent_framework.cli.deployment.packaging.pruning import refuse_dangerous
from agent_framework.cli.deployment.packaging.sources import ProjectSources
from agent_framework.errors import ForbiddenFileError, PackagingError
from tests.security.corpus.trees import DEPENDENCIES, GOOD_NAMES, PROJECTS, SECRET, VARIABLE, ZIP_NAMES

pytestmark = pytest.mark.timeout(20)


def files_of(project: Path) -> dict[str, Path | bytes]:
    loader = ConfigLoader(project, stage="dev")
    agents = deployed_agents(loader)
    return ProjectSources(loader, agents).of(agents["one"])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good project; a file of somebody else's lies beside it, and this machine knows a secret."""
    monkeypatch.setenv(VARIABLE, SECRET)
    (tmp_path / "outside.txt").write_text("somebody else's")
    folder = tmp_path / "project"
    for name in ("backend/__init__.py", "backend/agents/__init__.py", "backend/agents/one/agent.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "agents.yaml").write_text("project: {name: shop}\nagents: {one: {}}\n")
    return folder


def test_there_are_enough_of_them(record_property: Any) -> None:
    hostile = len({*ZIP_NAMES}) + len(PROJECTS) + len(DEPENDENCIES)
    record_property("fact", f"packages: {hostile} hostile, {len({*GOOD_NAMES})} legitimate names in one")
    assert hostile >= 50
    assert len({*GOOD_NAMES}) >= 300


@pytest.mark.parametrize("name", ZIP_NAMES, ids=ascii)
def test_row_35_a_name_that_leads_out_of_a_zip_is_refused_and_no_zip_is_left(tmp_path: Path, name: str) -> None:
    (tmp_path / "source").write_text("x")
    with pytest.raises(PackagingError, match="leads out of it, or nowhere"):
        write_zip(tmp_path / "a.zip", {"good.py": tmp_path / "source", name: tmp_path / "source"})
    assert not (tmp_path / "a.zip").exists() or zipfile.ZipFile(tmp_path / "a.zip").namelist() == []


@pytest.mark.parametrize("what", PROJECTS)
def test_row_35_a_hostile_project_becomes_no_package(project: Path, what: str) -> None:
    PROJECTS[what](project)
    with pytest.raises(ForbiddenFileError) as refused:
        files_of(project)
    text = str(refused.value)
    assert SECRET not in text
    assert "hunter2" not in text
    assert "somebody else's" not in text


@pytest.mark.parametrize("what", DEPENDENCIES)
def test_row_35_a_hostile_dependency_becomes_no_package(tmp_path: Path, what: str) -> None:
    tree = tmp_path / "deep" / "tree"
    (tree / "thing").mkdir(parents=True)
    DEPENDENCIES[what](tree)
    with pytest.raises(ForbiddenFileError, match="a dependency of shop has the"):
        refuse_dangerous(tree, {}, where="shop")


def test_legitimate_names_are_packed(project: Path, tmp_path: Path) -> None:
    names = sorted({*GOOD_NAMES})
    (project / "backend/shared").mkdir()
    for number, name in enumerate(names):
        (project / f"backend/shared/{number}.txt").write_text(name)
    write_zip(tmp_path / "a.zip", {name: project / f"backend/shared/{n}.txt" for n, name in enumerate(names)})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == names
        assert all(archive.read(name).decode() == name for name in names)
    assert len(files_of(project)) > len(names)


def test_public_certificates_and_words_about_keys_are_packed(project: Path) -> None:
    (project / "backend/ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    (project / "backend/notes.md").write_text(f"set {VARIABLE}; a PRIVATE KEY----- is never committed\n")
    (project / "backend/link.md").symlink_to("notes.md")
    assert {"backend/ca.pem", "backend/notes.md", "backend/link.md"} <= files_of(project).keys()

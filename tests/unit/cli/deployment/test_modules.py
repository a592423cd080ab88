"""``terraform/modules`` of a project, brought up to this version of the package."""

import json
from pathlib import Path

import pytest

from agent_framework.cli.scaffolding.files import write_into
from agent_framework.cli.scaffolding.terraform import MODULES_DIR, STAMP, module_files, refreshed_modules
from agent_framework.errors import ProjectError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the modules of this version."""
    write_into(tmp_path, module_files())
    return tmp_path


def test_modules_of_this_version_are_left_alone(project: Path) -> None:
    (project / MODULES_DIR / "storage" / "main.tf").write_text("# changed by the user")
    assert refreshed_modules(project) is None


def test_a_project_without_modules_has_its_own_way(tmp_path: Path) -> None:
    assert refreshed_modules(tmp_path) is None


def test_older_modules_are_replaced_and_what_is_the_projects_own_stays(project: Path) -> None:
    gone, own = f"{MODULES_DIR}/storage/gone.tf", project / MODULES_DIR / "storage" / "override.tf"
    for path in (project / gone, own):
        path.write_text("# something")
    (project / STAMP).write_text(json.dumps({"version": "0.0.1", "files": [gone, "agents.yaml", "../x"]}))
    (project / "agents.yaml").touch()
    update = refreshed_modules(project)
    assert update is not None
    assert (update.before, update.removed) == ("0.0.1", (gone,))
    update.write(project)
    assert not (project / gone).exists()
    assert own.exists()
    assert (project / "agents.yaml").exists()
    assert refreshed_modules(project) is None


def test_modules_without_a_stamp_are_brought_up_to_this_version(project: Path) -> None:
    (project / STAMP).unlink()
    update = refreshed_modules(project)
    assert update is not None
    assert update.before is None


def test_a_damaged_stamp_is_told(project: Path) -> None:
    (project / STAMP).write_text("[]")
    with pytest.raises(ProjectError, match="remove it, and deploy writes the modules anew"):
        refreshed_modules(project)


def test_the_modules_tests_are_not_the_projects_matter() -> None:
    assert not [path for path in module_files() if "tests/" in path or ".terraform" in path]

"""Generated projects: made once, copied for tests that change them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent_framework.cli.scaffold import add_agent, init
from agent_framework.cli.scaffolding.project import TEMPLATES

Run = Callable[..., Result]


@pytest.fixture
def run_init() -> Run:
    """``init`` in this process; an error of ours is the result's ``exception``."""
    return lambda *arguments: CliRunner().invoke(init, [str(argument) for argument in arguments])


@pytest.fixture
def run_add() -> Run:
    """``add-agent`` in this process."""
    return lambda *arguments: CliRunner().invoke(add_agent, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A project of a template and database, made once for all tests; they must not write into it."""
    made: dict[tuple[str, str], Path] = {}

    def get(template: str = "basic", database: str = "aurora") -> Path:
        if (template, database) not in made:
            folder = tmp_path_factory.mktemp("generated")
            arguments = ["shop", "--template", template, "--database", database, "--directory", str(folder)]
            result = CliRunner().invoke(init, arguments)
            assert result.exit_code == 0, result.output
            made[template, database] = folder / "shop"
        return made[template, database]

    return get


@pytest.fixture
def shop(generated: Callable[..., Path], tmp_path: Path) -> Path:
    """A basic project of the test's own."""
    return Path(shutil.copytree(generated(), tmp_path / "shop"))


@pytest.fixture(params=list(TEMPLATES))
def template(request: pytest.FixtureRequest) -> str:
    """Each template."""
    return request.param

"""Generated projects as products: they run, their tests pass, their code is clean, their README tells the truth."""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_framework.cli.scaffolding.project import DATABASES, TEMPLATES
from tests.scaffold.support import shell

EXPECTED = {
    "basic": ({"researcher", "writer"}, {"writer"}),
    "financial": ({"tagger", "reporter", "charter", "retirement"}, {"tagger", "reporter", "charter"}),
    "analytics": (
        {"data_cleaner", "trend_analyzer", "forecast_agent", "insight_reporter"},
        {"data_cleaner", "trend_analyzer", "insight_reporter"},
    ),
}


@pytest.fixture
def copy(generated: Callable[..., Path], tmp_path: Path, template: str) -> Path:
    """A project of each template, of the test's own."""
    return Path(shutil.copytree(generated(template), tmp_path / "shop"))


COMMANDS = [
    *(["agent-framework", word] for word in ("run", "validate", "plan", "run", "test", "add-agent")),
    ["pytest"],
]
RUN_ALL = """
import asyncio, json, sys
from pathlib import Path
from agent_framework import ModelChoice, Project
from agent_framework.core.project_check import check_project

async def work(folder, name):
    async with Project.open(folder, models=ModelChoice(offline=True)) as project:
        job = await project.run(json.loads((folder / name).read_text("utf-8")))
        problems = [str(problem) for problem in check_project(project.loader).problems]
        return {"status": job.status, "agents": sorted(job.agent_results), "problems": problems}

folders = map(Path, sys.argv[2:])
print(json.dumps([[asyncio.run(work(folder, name)) for name in ("input.json", sys.argv[1])] for folder in folders]))
"""


def test_it_runs_offline_whatever_the_database_of_deployed_stages(
    generated: Callable[..., Path], tmp_path: Path, template: str
):
    folders = [str(shutil.copytree(generated(template, database), tmp_path / database)) for database in DATABASES]
    done = shell(tmp_path, sys.executable, "-c", RUN_ALL, TEMPLATES[template].other_input, *folders)
    assert done.returncode == 0, done.stderr
    expected = [{"status": "completed", "agents": sorted(agents), "problems": []} for agents in EXPECTED[template]]
    assert json.loads(done.stdout) == [expected] * len(DATABASES)


def test_its_own_tests_pass_and_its_code_is_clean(copy: Path):
    done = shell(copy, sys.executable, "-m", "pytest", "-q", "-W", "error")
    assert done.returncode == 0, done.stdout + done.stderr
    for check in (["check"], ["format", "--check"]):
        done = shell(copy, sys.executable, "-m", "ruff", *check, "--no-cache", ".")
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_agent_can_be_tried_as_a_script_and_leaves_no_job_waiting(shop: Path):
    done = shell(shop, sys.executable, "-m", "backend.agents.writer.test_simple")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("offline: no model is called\n")
    assert "18400 visitors" in done.stdout
    done = shell(shop, "agent-framework", "jobs", "list", "--json")
    assert [job["status"] for job in json.loads(done.stdout)] == ["completed"], done.stderr


def test_the_commands_of_the_readme_work(shop: Path):
    blocks = re.findall(r"```bash\n(.*?)```", (shop / "README.md").read_text("utf-8"), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if not line.startswith("pip install")]
    assert [command.split()[:2] for command in commands] == COMMANDS
    for line in commands[:-1]:  # pytest has a test of its own
        done = shell(shop, *shlex.split(line, comments=True))
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_readme_names_every_agent(generated: Callable[..., Path], template: str):
    text = (generated(template) / "README.md").read_text("utf-8")
    assert all(f"| `{agent}` |" in text for agent in EXPECTED[template][0])

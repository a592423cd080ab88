"""The pages' code runs: shell blocks in one shell per page, Python blocks, YAML blocks as agents.yaml."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_framework.config.loader import load_config_text
from tests.support.references import DOCS

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.glob("*.md") if path.name != "cli.md")]
_BLOCK = re.compile(r"(?P<skip><!-- not run: [^>]+ -->\n)?```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)(#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    """One code block of a page."""

    page: str
    line: int
    language: str
    code: str


def _blocks() -> list[Block]:
    blocks: list[Block] = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in _BLOCK.finditer(text):
            if not match["skip"]:
                line = text.count("\n", 0, match.start("code")) + 1
                blocks.append(Block(page.relative_to(ROOT).as_posix(), line, match["language"], match["code"]))
    return blocks


BLOCKS = _blocks()


def _of(language: str) -> list[pytest.param]:
    return [pytest.param(b, id=f"{b.page}:{b.line}") for b in BLOCKS if b.language == language]


def test_every_block_has_a_language_that_is_checked_or_is_plain_text():
    assert {block.language for block in BLOCKS} <= {"bash", "python", "yaml", "text"}


@pytest.mark.parametrize("page", sorted({b.page for b in BLOCKS if b.language == "bash"}))
def test_the_pages_commands_work_one_after_another(page: str, tmp_path: Path):
    script = "set -euo pipefail\n" + "\n".join(b.code for b in BLOCKS if b.page == page and b.language == "bash")
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("block", _of("python"))
def test_python_blocks_run(block: Block, tmp_path: Path):
    if "Project.open" in block.code:
        init = [sys.executable, "-m", "agent_framework.cli.main", "init", "shown"]
        subprocess.run(init, cwd=tmp_path, check=True, capture_output=True)
    folder = tmp_path / "shown" if "Project.open" in block.code else tmp_path
    ran = subprocess.run(
        [sys.executable, "-c", block.code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("block", _of("yaml"))
def test_yaml_blocks_load_as_agents_yaml(block: Block):
    load_config_text(block.code, file=f"{block.page}:{block.line}")


def test_generated_references_are_up_to_date():
    """In a process of its own: click remembers for each command how it was first called."""
    check = [sys.executable, "-m", "tests.support.references", "--check"]
    ran = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path):
    for match in _LINK.finditer(page.read_text("utf-8")):
        assert (page.parent / match[1]).exists(), f"{page.name} links to {match[1]}"

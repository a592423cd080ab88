"""README's table of code sizes, counted from the files."""

import re

from backend.payloads import AGENTS
from backend.trial import PROJECT_DIR


def lines_of(agent: str, file: str) -> int:
    """Lines that are not empty."""
    text = (PROJECT_DIR / "backend" / "agents" / agent / file).read_text("utf-8")
    return sum(1 for line in text.splitlines() if line.strip())


def test_the_readme_s_count_of_the_agents_code_is_that_of_the_files():
    counted = {agent: (lines_of(agent, "agent.py"), lines_of(agent, "templates.py")) for agent in AGENTS}
    readme = (PROJECT_DIR / "README.md").read_text("utf-8")
    rows = {
        name: (int(code), int(words), int(both))
        for name, code, words, both in re.findall(r"^\| `?(\w+)`? \| (\d+) \| (\d+) \| (\d+) \|$", readme, re.MULTILINE)
    }
    expected = {name: (code, words, code + words) for name, (code, words) in counted.items()}
    code, words = (sum(column) for column in zip(*counted.values(), strict=True))
    assert rows == {**expected, "together": (code, words, code + words)}

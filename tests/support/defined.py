"""The names of all tests of this repository, and of the suites that it ships."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=1)
def defined_tests() -> tuple[tuple[str, str], ...]:
    """Each test's name with the name of its file, without the ending."""
    return tuple(_found())


def _found() -> Iterator[tuple[str, str]]:
    places = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "agent_framework/testing/conformance").rglob("*.py")]
    for path in places:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name, path.stem

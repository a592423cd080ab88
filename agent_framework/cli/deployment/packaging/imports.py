"""Following imports in a project without running it: which of its files the code of one agent can reach.

Imports are read from the syntax: ``import``, ``from ... import``, and ``import_module`` with a plain text. What a
program computes is not seen.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent_framework.errors import PackagingError

AGENTS = "backend/agents"
"""The folder of the agents' folders."""

_AGENT_DEPTH = 3
_IMPORTERS = frozenset({"import_module", "__import__"})


class Project:
    """A project's modules. ``files`` are its Python files by path relative to its folder, with forward slashes."""

    def __init__(self, files: Iterable[str], root: Path) -> None:
        self._files = frozenset(files)
        self._root = root

    def files_of(self, module: str) -> Iterator[str]:
        """The files that importing ``module`` runs: its packages' and its own, as far as the project has them."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            place = "/".join(parts[:length])
            yield from (name for name in (f"{place}/__init__.py", f"{place}.py") if name in self._files)
            if place.startswith(AGENTS) and length == _AGENT_DEPTH:  # a folder can be imported without __init__.py
                yield from (name for name in self._files if name.startswith(f"{place}/"))

    def imported_by(self, file: str) -> Iterator[str]:
        """The project's files that ``file`` imports.

        Raises:
            PackagingError: it is not Python.
        """
        tree = parse(self._root / file, shown=file)
        package = file.removesuffix(".py").split("/")[:-1]
        for node in ast.walk(tree):
            for module in _modules(node, package):
                yield from self.files_of(module)


def parse(path: Path, *, shown: str) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        PackagingError: it is not Python, or cannot be read.
    """
    try:
        return ast.parse(path.read_bytes(), filename=shown)
    except (SyntaxError, ValueError) as exc:
        line = getattr(exc, "lineno", None)
        place = f"{shown}:{line}" if line else shown
        raise PackagingError(f"{place}: is not valid Python: {getattr(exc, 'msg', exc)}") from exc
    except OSError as exc:
        raise PackagingError(f"{shown} cannot be read: {exc.strerror or exc}") from exc


def _modules(node: ast.AST, package: list[str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = package[: len(package) - level + 1] if level else []
            start = ".".join([*base, *([module] if module else [])])
            yield start
            yield from (f"{start}.{alias.name}" for alias in names)
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _called(func) in _IMPORTERS:
            yield name
        case _:
            pass


def _called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""

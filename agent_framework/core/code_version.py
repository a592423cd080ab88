"""Which version of an agent's code and model a result came from: a hash over what could change its answer.

The hash covers every Python file of the project's package (``backend/``), all files of the agent's own folder, its
settings and its model. It changes too often rather than too seldom: a result must not outlive the code it came from.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import agent_framework
from agent_framework.config.agent_config import AgentConfig
from agent_framework.infrastructure.llm.base import ModelSpec

_SKIPPED = frozenset({"__pycache__", "node_modules"})


def code_version(target: Any, config: AgentConfig, spec: ModelSpec, project_dir: Path) -> str | None:
    """The version of the agent ``target``; None where its source is in no file, so that no version can be told."""
    source = _source_of(target)
    if source is None:
        return None
    model = (spec.provider, spec.model, spec.region, spec.client, spec.base_url, spec.max_output_tokens)
    settings = config.model_dump_json(exclude={"runtime", "retry", "circuit_breaker", "cache", "fallback"})
    parts = (
        agent_framework.__version__,
        _hash_of_files(source, project_dir),
        repr(model),
        spec.fallback_model,
        settings,
    )
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def _source_of(target: Any) -> Path | None:
    module = target if isinstance(target, ModuleType) else sys.modules.get(getattr(target, "__module__", ""))
    try:
        return Path(inspect.getfile(module)).resolve() if module is not None else None
    except TypeError:
        return None


@lru_cache(maxsize=256)
def _hash_of_files(source: Path, project_dir: Path) -> str:
    """Read once in a process, which has imported the code once, too."""
    digest = hashlib.sha256()
    root = project_dir.resolve()
    for path in sorted(set(_files(source, root))):
        name = path.relative_to(root) if path.is_relative_to(root) else path.name
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(source: Path, root: Path) -> Iterator[Path]:
    yield source
    if not source.is_relative_to(root):
        return
    inside = source.relative_to(root).parts
    if len(inside) > 1:
        yield from _kept((root / inside[0]).rglob("*.py"), root)
        yield from _kept(source.parent.rglob("*"), root)


def _kept(paths: Iterator[Path], root: Path) -> Iterator[Path]:
    for path in paths:
        parts = path.relative_to(root).parts
        hidden = any(part in _SKIPPED or part.startswith(".") for part in parts)
        if not hidden and path.suffix != ".pyc" and path.is_file():
            yield path

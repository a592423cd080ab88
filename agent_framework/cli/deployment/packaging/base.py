"""What agents share: the dependencies of a closure and our own package, installed, pruned, compiled and zipped once.

Kept under ``.agent-framework/packages/.cache`` by what went into it, so a second build takes it as it is.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import agent_framework
from agent_framework.cli.deployment.packaging.closures import Closure
from agent_framework.cli.deployment.packaging.files import tree_files, write_zip
from agent_framework.cli.deployment.packaging.interpreter import Python, compile_tree
from agent_framework.cli.deployment.packaging.locks import PLATFORMS, PYTHON
from agent_framework.cli.deployment.packaging.model import LAYER_ROOT
from agent_framework.cli.deployment.packaging.pruning import (
    LITELLM_SERVER,
    UNUSABLE,
    owners,
    prune,
    prune_bytecode,
    refuse_dangerous,
)
from agent_framework.cli.deployment.packaging.uv import run_uv
from agent_framework.errors import PackagingError

FORMAT = 2
"""Raised whenever the same inputs make another package."""

_OURS = "agent_framework"
_DESCRIPTION = "base.json"
_NOT_DEPLOYED = frozenset({"cli", "testing", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Base:
    """A base in the cache.

    Attributes:
        folder: its place in the cache.
        weights: bytes by distribution, heaviest first.
        bytecode_bytes: how much of it is bytecode.
        prefix: of its names in a zip: ``python/`` in a layer.
    """

    folder: Path
    weights: Mapping[str, int]
    bytecode_bytes: int
    prefix: str

    @property
    def tree(self) -> Path:
        """The files as they lie on Lambda. Links: they may not be changed."""
        return self.folder / "tree"

    @property
    def zip(self) -> Path:
        """The same, zipped, once `make_zip` was called."""
        return self.folder / "base.zip"

    def make_zip(self) -> None:
        """Zip it, unless that was done: it takes the longest, and images need none."""
        if not self.zip.exists():
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                new = Path(folder, self.zip.name)
                write_zip(new, {f"{self.prefix}{name}": path for name, path in tree_files(self.tree).items()})
                os.replace(new, self.zip)

    @property
    def unzipped_bytes(self) -> int:
        """All of it."""
        return sum(self.weights.values())


def framework_files() -> dict[str, Path]:
    """The part of our own package that functions use, from where it is installed."""
    here = Path(agent_framework.__file__).parent
    return {
        f"{_OURS}/{name}": path
        for name, path in tree_files(here).items()
        if not _NOT_DEPLOYED & {name.split("/")[0], path.parent.name} and path.suffix != ".pyc"
    }


def base_key(closure: Closure, lock: str, framework: str, python: Python | None, root: str) -> str:
    """The name in the cache of a base at ``root``; ``framework`` is the digest of `framework_files`."""
    parts = [
        FORMAT,
        UNUSABLE,
        LITELLM_SERVER,
        lock,
        closure.own,
        framework,
        python and [python.version, python.magic],
        root,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def ensure_base(
    uv: str, cache: Path, key: str, *, closure: Closure, lock: str, python: Python | None, root: str, project_dir: Path
) -> Base:
    """The base of this key, from the cache or made now.

    Args:
        uv: path of uv.
        cache: the cache's folder.
        key: what `base_key` said.
        closure: what is installed.
        lock: its lock's text.
        python: compiles the bytecode; None: none is made.
        root: where the files will lie on Lambda.
        project_dir: where uv looks for its configuration.

    Raises:
        PackagingError: it cannot be installed.
        ForbiddenFileError: a dependency has a file that no package may carry.
    """
    folder = cache / key
    known = _cached(folder)
    if known is not None:
        return known
    cache.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        tree = staging / "tree"
        _install(uv, tree, closure, lock, project_dir)
        owner = owners(tree)
        refuse_dangerous(tree, owner, where=closure.label)
        prune(tree, own_requirements=closure.own)
        for name, path in framework_files().items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, tree / name)
        if python is not None:  # some distributions carry templates and old Python that cannot be compiled
            compile_tree(python, tree, root=root)
            prune_bytecode(tree)
        described = {
            "weights": _weights(tree, owner),
            "bytecode_bytes": sum(path.stat().st_size for path in tree.rglob("*.pyc")),
            "prefix": "python/" if root == LAYER_ROOT else "",
        }
        (staging / _DESCRIPTION).write_text(json.dumps(described), "utf-8")
        return _moved(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def forget_bases(cache: Path, used: Iterable[str]) -> None:
    """Remove the bases that no package is made of any more."""
    kept = set(used)
    for folder in cache.iterdir() if cache.is_dir() else ():
        if folder.name not in kept and not folder.name.startswith("."):
            shutil.rmtree(folder, ignore_errors=True)


def _cached(folder: Path) -> Base | None:
    try:
        return Base(folder, **json.loads((folder / _DESCRIPTION).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _moved(staging: Path, folder: Path) -> Base:
    with suppress(OSError):  # another build may have made the same meanwhile
        os.rename(staging, folder)
    made = _cached(folder)
    if made is None:
        raise PackagingError(f"{folder} is damaged; delete it, then try again")
    return made


def _install(uv: str, tree: Path, closure: Closure, lock: str, project_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "lock.txt")
        requirements.write_text(lock, "utf-8")
        run_uv(
            uv, "pip", "install", "--requirements", str(requirements), "--target", str(tree),
            "--python", sys.executable, "--python-version", PYTHON,
            "--python-platform", PLATFORMS[closure.architecture],
            "--only-binary", ":all:", "--require-hashes", "--no-deps", "--no-compile-bytecode",
            cwd=project_dir, what=f"installing {closure.lock}",
        )  # fmt: skip


def _weights(tree: Path, owner: Mapping[str, str]) -> dict[str, int]:
    weights: Counter[str] = Counter()
    for name, path in tree_files(tree).items():
        weights[_owner(name, owner)] += path.stat().st_size
    return dict(sorted(weights.items(), key=lambda item: (-item[1], item[0])))


def _owner(name: str, owner: Mapping[str, str]) -> str:
    """The distribution of a file; bytecode belongs to its source."""
    if name.startswith(f"{_OURS}/"):
        return _OURS
    folder, cached, file = name.rpartition("__pycache__/")
    source = f"{folder}{file.partition('.')[0]}.py" if cached else name
    return owner.get(source, "other")

"""One agent's package: its own files compiled and put on a base, its import measured, its size checked."""

import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_framework.cli.deployment.packaging.base import Base
from agent_framework.cli.deployment.packaging.closures import Closure, has_sdk
from agent_framework.cli.deployment.packaging.files import link_tree, tree_files, write_zip
from agent_framework.cli.deployment.packaging.image import TASK, write_context
from agent_framework.cli.deployment.packaging.interpreter import (
    RUNTIME_MODULES,
    Imported,
    Python,
    can_measure,
    compile_tree,
    measure_import,
)
from agent_framework.cli.deployment.packaging.model import LAMBDA_LIMIT_BYTES, TASK_ROOT, Package
from agent_framework.cli.deployment.packaging.state import content_hash
from agent_framework.config.agent_config import AgentConfig
from agent_framework.errors import PackageTooLargeError, PackagingError

_HEAVIEST = 5
_MIB = 1024 * 1024
_one_at_a_time = threading.Lock()
"""Imports that run beside each other would take each other's time."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one package is made of: ``module`` has the agent's code, ``digest`` stands for all of it."""

    agent: AgentConfig
    closure: Closure
    files: Mapping[str, Path | bytes]
    module: str | None
    base: str
    digest: str


def assemble(
    inputs: Inputs, base: Base, folder: Path, *, python: Python | None, strategy: str
) -> tuple[Package, str | None]:
    """Build the package in ``folder``, and say why its import could not be measured, if so.

    Raises:
        PackageTooLargeError: it is above Lambda's limit.
        PackagingError: its code cannot be compiled, or imports what is not in it.
    """
    agent = inputs.agent
    own = _own_files(inputs, folder / "own", python)
    unzipped = base.unzipped_bytes + sum(path.stat().st_size for path in own.values())
    if strategy != "image" and unzipped > LAMBDA_LIMIT_BYTES:
        raise PackageTooLargeError(_too_large(agent.name, unzipped, base))
    imported = _imported(inputs, (folder / "own", base.tree), python)
    target, layer = folder / "package.zip", None
    if strategy == "image":
        target = folder / "image"
        link_tree(base.tree, target / TASK)
        link_tree(folder / "own", target / TASK)
        write_context(target, agent.name)
    else:
        write_zip(target, own, base=base.zip if strategy == "zip" else None)
        layer = base.zip if strategy == "layer" else None
    package = Package(
        agent=agent.name,
        role=agent.type,
        architecture=inputs.closure.architecture,
        path=target,
        sha256=content_hash(target),
        zipped_bytes=target.stat().st_size if target.is_file() else 0,
        unzipped_bytes=unzipped,
        import_ms=imported.ms,
        heaviest=tuple(base.weights.items())[:_HEAVIEST],
        layer=layer,
    )
    return package, imported.error


def _own_files(inputs: Inputs, folder: Path, python: Python | None) -> dict[str, Path]:
    for name, source in inputs.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            shutil.copy(source, target)
        else:
            target.write_bytes(source)
    if python is not None:
        wrong = compile_tree(python, folder, root=TASK_ROOT)
        if wrong:
            shown = wrong.replace(f"{folder}/", "")
            raise PackagingError(
                f"agent {inputs.agent.name}: Python {python.version} cannot compile its code:\n{shown}"
            )
    return tree_files(folder)


def _imported(inputs: Inputs, folders: Sequence[Path], python: Python | None) -> Imported:
    """Import the handler, and what a function loads after it until its agent can run."""
    if python is None or not can_measure(inputs.closure.architecture):
        return Imported()
    modules = [f"backend.agents.{inputs.agent.name}.lambda_handler", "agent_framework.core.runtime"]
    modules += [*(["agents"] if has_sdk(inputs.closure) else []), *([inputs.module] if inputs.module else [])]
    with _one_at_a_time:
        imported = measure_import(python, folders, modules)
    missing = imported.missing
    if missing is None:
        return imported
    name = inputs.agent.name
    if missing.split(".")[0] in RUNTIME_MODULES:
        return Imported(error=f"{missing}, which Lambda has, is not installed here")
    raise PackagingError(
        f"agent {name}: its code imports {missing!r}, which is not in its package; "
        f"add what brings it under agents.{name}.requirements"
    )


def _too_large(agent: str, unzipped: int, base: Base) -> str:
    heaviest = ", ".join(f"{name} {size / _MIB:.0f} MiB" for name, size in tuple(base.weights.items())[:_HEAVIEST])
    lean = unzipped - base.bytecode_bytes
    without = (
        f" Without bytecode it would have {lean / _MIB:.0f} MiB, and slower cold starts (--no-bytecode)."
        if lean <= LAMBDA_LIMIT_BYTES
        else ""
    )
    return (
        f"the package of {agent} has {unzipped / _MIB:.0f} MiB unzipped, and Lambda takes "
        f"{LAMBDA_LIMIT_BYTES / _MIB:.0f} MiB; the heaviest: {heaviest}. Do without one of them, or deploy an image, "
        f"which may have 10 GB: agent-framework package --agent {agent} --strategy image.{without}"
    )

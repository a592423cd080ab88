"""Locks: the exact versions and hashes of a closure, in the project's ``locks`` folder, to be committed with it.

A lock names the requirements that it was made for. While these are the same it is taken as it is; when they change it
is made anew, and versions that still fit are kept.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent_framework.cli.deployment.packaging.closures import Closure
from agent_framework.cli.deployment.packaging.model import Listener, Progress
from agent_framework.cli.deployment.packaging.uv import run_uv
from agent_framework.cli.scaffolding.files import write_into
from agent_framework.errors import PackagingError

PYTHON = "3.13"
"""Lambda's Python."""

PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Wheels for glibc 2.28 and older; Lambda's Python 3.13 runs on Amazon Linux 2023, which has 2.34."""

_INPUT = "# requires: "
_TITLE = (
    "# Locked by 'agent-framework package' for Lambda; commit it. Newer versions: agent-framework package --upgrade\n"
)
_FOREIGN = re.compile(r"^agent[-_.]framework\b", re.MULTILINE | re.IGNORECASE)


def ensure_locks(
    uv: str, project_dir: Path, closures: Iterable[Closure], *, upgrade: bool, listener: Listener
) -> Mapping[Closure, str]:
    """The locks' texts; those that are missing or were made for other requirements are made, and written together.

    Raises:
        PackagingError: something does not resolve for Lambda's platform; no lock was written.
    """
    texts: dict[Closure, str] = {}
    made: dict[str, str] = {}
    for closure in closures:
        old = _read(project_dir / closure.lock)
        if old.startswith(_header(closure)) and not upgrade:
            texts[closure] = old
            continue
        listener(Progress(f"choosing versions for {closure.label}"))
        texts[closure] = made[closure.lock] = _resolve(uv, project_dir, closure, old, upgrade=upgrade)
        if old:
            reason = "--upgrade" if upgrade else "what it has to bring changed"
            listener(Progress(f"{closure.lock} was made anew: {reason}", note=True))
        else:
            listener(Progress(f"{closure.lock} is new; commit it", note=True))
    if made:
        write_into(project_dir, made)
    return texts


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise PackagingError(f"{path} cannot be read: {exc}; delete it, and it is made anew") from exc


def _header(closure: Closure) -> str:
    left_out = f"# left out: {', '.join(closure.left_out)}\n" if closure.left_out else ""
    return "".join(
        [
            _TITLE,
            f"# Python {PYTHON}, {PLATFORMS[closure.architecture]}\n",
            *(f"{_INPUT}{requirement}\n" for requirement in closure.requirements),
            left_out,
            "\n",
        ]
    )


def _resolve(uv: str, project_dir: Path, closure: Closure, old: str, *, upgrade: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "lock.txt")
        if old:  # what uv finds there it keeps, where it fits
            target.write_text(old, "utf-8")
        run_uv(
            uv, "pip", "compile", "-", "--output-file", str(target),
            "--python", sys.executable, "--python-version", PYTHON,
            "--python-platform", PLATFORMS[closure.architecture],
            "--only-binary", ":all:", "--generate-hashes",
            "--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links",
            *(option for name in closure.left_out for option in ("--no-emit-package", name)),
            *(["--upgrade"] if upgrade else []),
            cwd=project_dir, stdin="\n".join(closure.requirements) + "\n",
            what=f"choosing versions for {closure.label}: {', '.join(closure.requirements)}:",
        )  # fmt: skip
        locked = target.read_text("utf-8")
    if _FOREIGN.search(locked):
        raise PackagingError(
            f"{closure.label}: a requirement brings the distribution 'agent-framework', another project that has the "
            "import name of this one; find out which one wants it, and do without"
        )
    pins = "".join(line for line in locked.splitlines(keepends=True) if not line.startswith("#"))
    return _header(closure) + pins

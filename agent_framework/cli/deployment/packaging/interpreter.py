"""Lambda's Python on this machine: finding it, compiling bytecode for it, measuring an import with it."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from agent_framework.cli.deployment.packaging.locks import PYTHON
from agent_framework.errors import PackagingError

RUNTIME_MODULES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""Modules that Lambda's own Python has (see `closures.RUNTIME_DISTRIBUTIONS`); for measuring, ours stand in."""

_PROBE = Path(__file__).with_name("probe.py")
_PROBE_TIMEOUT_S = 120
_ASK = "import sys, importlib.util as u; print(*sys.version_info[:3], u.MAGIC_NUMBER.hex(), sys.executable)"


@dataclass(frozen=True, slots=True)
class Python:
    """A Python 3.13: where it is, and what decides about its bytecode."""

    path: str
    version: str
    magic: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: its time, or the module that is missing, or another error."""

    ms: float | None = None
    missing: str | None = None
    error: str | None = None


def find_python(uv: str) -> Python:
    """A Python 3.13: this process's own, one on the PATH, one of uv or pyenv.

    Raises:
        PackagingError: there is none.
    """
    for candidate in _candidates(uv):
        answer = _ask(candidate)
        if answer is not None:
            return answer
    raise PackagingError(
        f"bytecode for Lambda needs a Python {PYTHON} on this machine, and none was found; install one with "
        f"'uv python install {PYTHON}', or package with --no-bytecode (a cold start then takes 2 to 5 times as long)"
    )


def _candidates(uv: str) -> Iterator[str]:
    yield sys.executable
    yield from filter(None, [shutil.which(f"python{PYTHON}"), shutil.which("python3")])
    managed = _output([uv, "python", "find", PYTHON, "--managed-python", "--no-python-downloads", "--no-project"])
    yield from filter(None, [managed.strip()])
    pyenv = Path(_output(["pyenv", "root"]).strip() or Path.home() / ".pyenv")
    yield from sorted(map(str, pyenv.glob(f"versions/{PYTHON}.*/bin/python{PYTHON}")), reverse=True)


def _ask(candidate: str) -> Python | None:
    words = _output([candidate, "-I", "-S", "-c", _ASK]).split(maxsplit=4)
    if len(words) < 5 or f"{words[0]}.{words[1]}" != PYTHON:
        return None
    return Python(path=words[4].strip(), version=".".join(words[:3]), magic=words[3])


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def compile_tree(python: Python, tree: Path, *, root: str) -> str:
    """Compile all of ``tree`` as it will lie at ``root``; what could not be compiled, in Python's words.

    The same sources make the same bytes on every machine: the place on Lambda is what the bytecode names, and their
    hash instead of a time is what it is known by (and never compared, which a read-only place does not need).
    """
    command = [python.path, "-I", "-S", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(tree), "-p", root, str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() if done.returncode else ""


def can_measure(architecture: str) -> bool:
    """Whether packages for this architecture run on this machine."""
    here = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return sys.platform == "linux" and here == architecture


def measure_import(python: Python, folders: Sequence[Path], modules: Sequence[str]) -> Imported:
    """Import ``modules`` in a fresh process that sees ``folders`` and what Lambda has, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        for name in RUNTIME_MODULES:
            origin = _place(name)
            if origin is not None:
                Path(folder, origin.name).symlink_to(origin)
        environment = {"HOME": folder, "AWS_EC2_METADATA_DISABLED": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        command = [python.path, "-I", "-S", "-B", str(_PROBE), os.pathsep.join(map(str, folders)), folder, *modules]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_PROBE_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Imported(error=f"it took more than {_PROBE_TIMEOUT_S} seconds")
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Imported(error=f"the process ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return Imported(answer.get("ms"), answer.get("missing"), answer.get("error"))


def _place(module: str) -> Path | None:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin

"""uv as a tool: where it is, running it, its failures as our errors. It resolves and installs for other platforms."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent_framework._optional import DISTRIBUTION, require
from agent_framework.errors import MissingExtraError, PackagingError

_NO_NETWORK = re.compile(
    r"network was disabled|network connectivity is disabled|error sending request|failed to fetch|dns error"
    r"|could not connect|connection refused|timed out|not found in the cache",
    re.IGNORECASE,
)
_LONGEST_ANSWER = 1500


def uv_program() -> str:
    """The path of uv: the one that the extra ``deploy`` installs, or one on the PATH.

    Raises:
        MissingExtraError: there is none.
    """
    if find_spec("uv") is not None:
        module: Any = require("uv", extra="deploy", needed_for="packaging")
        try:
            return str(module.find_uv_bin())
        except FileNotFoundError:  # the module without its binary: a broken installation, perhaps another one is there
            pass
    found = shutil.which("uv")
    if found is None:
        raise MissingExtraError(
            f"packaging needs uv, which is not installed. Install it with: pip install '{DISTRIBUTION}[deploy]'"
        )
    return found


def run_uv(uv: str, *arguments: str, cwd: Path, what: str, stdin: str = "") -> None:
    """Run uv, quietly; ``what`` says in an error what was tried.

    Raises:
        PackagingError: it failed; the message holds uv's own words.
    """
    command = [uv, *arguments, "--quiet", "--no-progress", "--color", "never"]
    try:
        done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, encoding="utf-8")
    except OSError as exc:
        raise PackagingError(f"uv ({uv}) cannot be run: {exc.strerror or exc}") from exc
    if done.returncode:
        raise PackagingError(_explained(what, done.stderr.strip()))


def _explained(what: str, answer: str) -> str:
    answer = answer.removeprefix("error: ")
    shown = "\n  ".join(line.rstrip() for line in answer[:_LONGEST_ANSWER].splitlines() if line.strip())
    if _NO_NETWORK.search(answer):
        remedy = (
            "the package index was not reached: check the network (or UV_OFFLINE, UV_DEFAULT_INDEX), then try again"
        )
    elif "No solution found" in answer:
        remedy = (
            "only wheels for Lambda's platform are taken, never source distributions: choose a version that has one, "
            "or another package, under agents.<name>.requirements"
        )
    elif "hash" in answer.lower():
        remedy = "a file is not the one that was locked; if you trust it, lock anew with --upgrade"
    else:
        remedy = "see uv's own words"
    return f"{what} failed; {remedy}:\n  {shown}"

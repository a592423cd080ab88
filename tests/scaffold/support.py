"""Commands in other processes, as a user types them, and pictures of folders."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def shell(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in another process, as from a terminal in ``folder``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    programs = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    environment |= {"PATH": programs, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=100, check=False, env=environment
    )


def run_offline(folder: Path, input_file: str = "input.json") -> dict[str, Any]:
    """A job of the project through the command; what it printed as JSON."""
    command = [sys.executable, "-m", "agent_framework.cli.main", "run", "--input", input_file, "--offline", "--json"]
    done = shell(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, by path; folders have None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }

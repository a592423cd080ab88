"""A Python 3.13 with what Lambda's has beside a package: AWS's runtime client and boto3, from the lock."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agent_framework.cli.deployment.packaging import find_python, uv_program
from agent_framework.errors import PackagingError

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "lambda.txt"
PLACE = ROOT / ".venvs" / "lambda"


def lambda_python() -> str:
    """The interpreter, made on first use and kept; skips the test where this machine has no Python 3.13."""
    python, stamp = PLACE / "bin" / "python", PLACE / ".installed"
    if stamp.is_file() and stamp.read_bytes() == LOCK.read_bytes():
        return str(python)
    try:
        base = find_python(uv_program()).path
    except PackagingError as exc:
        pytest.skip(f"Python 3.13 is needed: {exc}")
    shutil.rmtree(PLACE, ignore_errors=True)
    subprocess.run([base, "-m", "venv", str(PLACE)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*install, "-r", str(LOCK)], check=True)
    stamp.write_bytes(LOCK.read_bytes())
    return str(python)

"""Terraform's offline AWS provider as a process that stays: a command connects to it instead of starting its own.

Starting it takes a second of CPU, several times in each command. The test from an empty folder to a destroyed stage
deploys first with a provider that Terraform starts by itself.
"""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

REATTACH = "TF_REATTACH_PROVIDERS"
PROGRAMS = "mirror/registry.terraform.io/hashicorp/aws/*/linux_amd64/terraform-provider-aws_*"


@contextmanager
def running_provider(env: Mapping[str, str], folder: Path | None = None) -> Iterator[dict[str, str]]:
    """``env`` with a provider that has it too and stands in ``folder``, where relative paths begin.

    One that is asked to stop, as by Ctrl-C, is gone for all.
    """
    [program] = Path(env["OFFLINE_TF_HOME"]).glob(PROGRAMS)
    with tempfile.TemporaryDirectory() as sockets:
        process = subprocess.Popen(
            [program, "--dev"],
            cwd=folder,
            env={**env, "TMPDIR": sockets, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                told = next(line for line in process.stdout if REATTACH in line)
                yield {**env, REATTACH: shlex.split(told)[1].removeprefix(f"{REATTACH}=")}
            finally:
                process.terminate()


def detached(env: Mapping[str, str]) -> dict[str, str]:
    """The environment in which Terraform starts its provider by itself."""
    return {name: value for name, value in env.items() if name != REATTACH}

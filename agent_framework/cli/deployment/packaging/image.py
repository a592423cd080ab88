"""The strategy ``image``: a folder with a Dockerfile for each agent, and building it where Docker answers."""

import shutil
import subprocess
from pathlib import Path

from agent_framework.cli.deployment.packaging.locks import PYTHON
from agent_framework.cli.deployment.packaging.model import Package
from agent_framework.errors import PackagingError

DOCKERFILE = "Dockerfile"
TASK = "task"

_TEXT = """\
# {agent}: everything is in {task}/ already, installed by hash and compiled; building this image needs no network but
# for its base.
FROM public.ecr.aws/lambda/python:{python}
COPY {task}/ ${{LAMBDA_TASK_ROOT}}/
CMD ["{handler}"]
"""
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


def dockerfile(agent: str) -> str:
    """The Dockerfile's text."""
    handler = f"backend.agents.{agent}.lambda_handler.handler"
    return _TEXT.format(agent=agent, task=TASK, python=PYTHON, handler=handler)


def build_command(package: Package, tag: str) -> list[str]:
    """The command that builds the image: one platform, no attestations, the form that Lambda takes."""
    platform = _PLATFORMS[package.architecture]
    return ["docker", "build", "--platform", platform, "--provenance=false", "--tag", tag, str(package.path)]


def docker_answers() -> bool:
    """Whether Docker is installed and its daemon runs."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def build_image(package: Package, tag: str) -> None:
    """Build the image.

    Raises:
        PackagingError: Docker failed; the message holds the end of what it said.
    """
    done = subprocess.run(build_command(package, tag), capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"the image of {package.agent} was not built; Docker says:\n{done.stderr.strip()[-1500:]}")


def write_context(folder: Path, agent: str) -> None:
    """The Dockerfile, in a folder that has the files below ``task`` already."""
    (folder / DOCKERFILE).write_text(dockerfile(agent), "utf-8", newline="")

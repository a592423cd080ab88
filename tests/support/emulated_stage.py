"""A project that can be deployed to the emulated AWS, and the command on it, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.support.projects import write_agent_file
from tests.support.running_provider import detached
from tests.terraform.support import NO_BUCKET_POLICY, ROOT

ACCOUNT = "123456789012"
REGION = "us-east-1"
AGENTS = """
project: {name: shop, region: us-east-1}
agents:
  chief: {type: orchestrator}
  reader: {}
  writer: {runtime: {timeout: 60}}
orchestration:
  selection_rules:
    - {name: both, condition: always, agents: [reader, writer]}
"""
CODE = """
from agent_framework import agent

@agent("{name}")
async def work(job, context):
    return {{"by": "{name}"}}
"""


@dataclass
class Stage:
    """A project in ``folder`` and the environment in which its commands reach the emulated AWS."""

    folder: Path
    env: Mapping[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, agents_yaml: str = AGENTS) -> None:
        """Write the project, as ``generate-config`` completes it."""
        (self.folder / "agents.yaml").write_text(agents_yaml)
        for name in ("reader", "writer"):
            write_agent_file(self.folder, name, CODE.format(name=name))
        write_agent_file(self.folder, "chief", "from agent_framework import BaseAgent, agent\n\n\n@agent('chief')\n"
                         "class Chief(BaseAgent):\n    instructions = 'Coordinate.'\n")  # fmt: skip
        done = self.run("generate-config")
        assert done.returncode == 0, done.stderr
        (self.folder / "terraform" / "modules" / "storage" / "override.tf").write_text(NO_BUCKET_POLICY)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        return subprocess.run(self._command(*arguments), **self._options(env), capture_output=True, timeout=300)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command whose output is read while it runs, and that may be interrupted."""
        options = self._options({})
        options["env"] = detached(options["env"])
        process = subprocess.Popen(
            self._command(*arguments), **options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.running.append(process)
        return process

    def client(self, service: str) -> Any:
        """A client of the emulated AWS."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def read_stage(self, stage: str = "dev") -> dict[str, Any]:
        """What the folder knows of a stage."""
        return json.loads((self.folder / ".agent-framework" / "stages" / f"{stage}.json").read_text())

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.support.deploying", *arguments]

    def _options(self, env: Mapping[str, str]) -> dict[str, Any]:
        return {
            "cwd": self.folder,
            "env": {**self.env, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **env},
            "stdin": subprocess.DEVNULL,
            "text": True,
        }


def without_aws(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that says where AWS is or who asks."""
    kept = {name: value for name, value in env.items() if not name.startswith("AWS_")}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull}  # fmt: skip

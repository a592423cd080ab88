"""Running the command inside the test's process."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_framework.cli.main import main
from tests.support.dynamodb import dynamodb_server, dynamodb_session, dynamodb_table
from tests.support.moto_server import aws
from tests.support.projects import write_agent_file, yaml_of
from tests.support.running_provider import running_provider
from tests.terraform.support import load_harness

__all__ = ["aws", "dynamodb_server", "dynamodb_session", "dynamodb_table"]


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def af(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """``af("run", "--offline")`` in the temporary folder."""
    monkeypatch.chdir(tmp_path)
    for variable in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Ran(int(ended.value.code or 0), shown.out, shown.err)

    return run


FUNCTION_AGENT = """
from agent_framework import SkipAgent, agent

@agent("{name}")
async def work(job, context):
    {body}
"""


@pytest.fixture
def write_project(tmp_path: Path) -> Callable[..., Path]:
    """Write a project whose agents are functions with the given bodies."""

    def write(agents: Mapping[str, str], orchestration: str = "", **more: Any) -> Path:
        (tmp_path / "agents.yaml").write_text(yaml_of({name: {} for name in agents}, orchestration, **more), "utf-8")
        for name, body in agents.items():
            write_agent_file(tmp_path, name, FUNCTION_AGENT.format(name=name, body=body))
        return tmp_path

    return write


@pytest.fixture(scope="session")
def emulated() -> Iterator[Any]:
    """A moto server in which other accounts' buckets are closed, with terraform's offline provider in ``env``."""
    harness = load_harness()
    env = {**harness.environment(), "MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS": "false", "AWS_EC2_METADATA_DISABLED": "true"}
    with harness.MotoServer(env) as server, running_provider(server.env) as server.env:
        yield server

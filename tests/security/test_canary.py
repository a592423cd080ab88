"""Canaries: secrets with known values in every place where one may be, and a look into everything that was written.

One real process runs a project whose agents do with their secrets what they should not, against a model server that
repeats the key it was given. Nothing that the process printed, logged, sent as traces, told a model or stored holds a
canary. The other tests do the same for the command, functions on Lambda, approvals and databases.
"""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Project, orchestrator_handler, worker_handler
from agent_framework.core import base_handler
from agent_framework.core.approval_server import ApprovalServer
from agent_framework.errors import AgentFrameworkError, ConfigError
from agent_framework.infrastructure.secrets import read_secrets
from tests.support.collector import Collector, collecting
from tests.support.model_servers import ModelServer, Reply, calls, fails, says
from tests.support.projects import write_agent_file, yaml_of

MODEL_KEY = "canary-model-0f2b64d1"
TOKEN = 'canary"token/with\\signs+7c35'
TRACES_KEY = "canary-traces-5e0c11"
PASSWORD = "canary-password%20-81af"
CANARIES = {
    "MODEL_ACCESS": MODEL_KEY,
    "PAYMENTS_TOKEN": TOKEN,
    "LANGFUSE_SECRET_KEY": TRACES_KEY,
    "DATABASE_URL": f"postgresql://shop:{PASSWORD}@127.0.0.1:9/shop",
}
SPELLINGS = {
    spelling
    for value in (MODEL_KEY, TOKEN, TRACES_KEY, PASSWORD)
    for spelling in (value, json.dumps(value)[1:-1], repr(value)[1:-1])
} | {"canary-", "with\\signs"}
"""What is looked for: any canary, in any spelling, or a part of one."""

AGENTS = {
    "asker": """
        from agent_framework import BaseAgent, agent

        @agent("asker")
        class Asker(BaseAgent):
            instructions = "Ask."
    """,
    "thrower": """
        import os
        from agent_framework import agent

        @agent("thrower")
        def throw(job):
            try:
                raise KeyError(os.environ["PAYMENTS_TOKEN"])
            except KeyError as exc:
                raise RuntimeError(f"cannot log in with {os.environ['PAYMENTS_TOKEN']!r}") from exc
    """,
    "skipper": """
        import os
        from agent_framework import SkipAgent, agent

        @agent("skipper")
        def skip(job):
            raise SkipAgent(f"{os.environ['DATABASE_URL']} does not answer")
    """,
    "teller": """
        import logging, os
        from agent_framework import agent

        @agent("teller")
        def tell(job):
            token = os.environ["PAYMENTS_TOKEN"]
            logging.getLogger("shop").warning("logged in with %s", token)
            return {"config": [{"token": token, token: 1}], "said": f"the token is {token}."}
    """,
    "worker": """
        import os
        from agent_framework import BaseAgent, agent, tool

        @tool
        def look_up(name: str) -> dict:
            "Look something up."
            return {"token": os.environ["PAYMENTS_TOKEN"], "key": os.environ["MODEL_ACCESS"]}

        @tool
        def pay(amount: int) -> str:
            "Pay."
            raise ValueError(f"the service refuses {os.environ['PAYMENTS_TOKEN']}")

        @agent("worker")
        class Worker(BaseAgent):
            instructions = "Work."
            tools = [look_up, pay]
    """,
}
RULES = """
    on_error: continue
    selection_rules:
      - {name: all, agents: [thrower, skipper, teller, worker, asker]}
"""


def canaries_in(text: str | bytes) -> list[str]:
    """The canaries that turn up in ``text``; a name of a variable is none."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return sorted(spelling for spelling in SPELLINGS if spelling in text)


def files_with_canaries(folder: Path) -> dict[str, list[str]]:
    """Every file below ``folder`` but .env that holds one, in its bytes: databases with their logs included."""
    found = {path: canaries_in(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
    return {str(path): spellings for path, spellings in found.items() if spellings and path.name != ".env"}


def write_project(folder: Path, model_url: str, *names: str, more: str = "") -> None:
    """A project whose agents misuse their secrets; all of those are in its .env file."""
    session = {"session": True} if "worker" in names else {}
    settings: dict[str, dict[str, Any]] = {name: {"retry": {"max_attempts": 1}} for name in names}
    settings |= {"worker": settings["worker"] | session} if "worker" in names else {}
    model = {"provider": "openai", "client": "chat", "model": "m", "base_url": f"{model_url}/v1"}
    llm = {"llm": {**model, "api_key_env": "MODEL_ACCESS"}}
    rules = RULES if len(names) > 1 else ""
    (folder / "agents.yaml").write_text(yaml_of(settings, rules, more=f"{json.dumps(llm)[1:-1]}\n{more}"), "utf-8")
    for name in names:
        write_agent_file(folder, name, AGENTS[name])
    lines = [f"{name}='{value}'" for name, value in CANARIES.items()]
    (folder / ".env").write_text("\n".join([*lines, "LANGFUSE_PUBLIC_KEY=public", ""]).replace("\\", "\\\\"), "utf-8")


@dataclass
class Watched:
    """A run that was watched: its project, what it printed, what it sent."""

    folder: Path
    ran: subprocess.CompletedProcess[str]
    model: ModelServer
    traces: Collector


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    unauthorized = fails(401, f"Incorrect API key provided: {MODEL_KEY}. Also {TOKEN}")
    replies: tuple[Reply, ...] = (calls("look_up", name="x"), calls("pay", amount=1), says("done"), unauthorized)
    with ModelServer(*replies) as model, collecting() as traces:
        write_project(folder, model.url, *sorted(AGENTS, reverse=True))
        environ = {name: value for name, value in os.environ.items() if name not in CANARIES}
        command = [sys.executable, "-m", "agent_framework.cli.main"]
        ran = subprocess.run(
            [*command, "--debug", "run", "--json", "--record", "recorded.json"],
            cwd=folder, env=environ | {"LANGFUSE_HOST": traces.url}, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        yield Watched(folder, ran, model, traces)


def test_row_37_the_run_that_is_watched_used_every_secret(watched: Watched) -> None:
    """Without this, the tests below would find nothing because nothing happened."""
    told = json.loads(watched.ran.stdout)
    assert {request.headers["authorization"] for request in watched.model.requests} == {f"Bearer {MODEL_KEY}"}
    assert len(watched.model.requests) == 4
    assert watched.traces.sent
    whole = json.dumps(told)
    assert "cannot log in with" in whole
    assert "does not answer" in whole
    assert "Incorrect API key provided: [redacted]" in whole
    assert told["results"]["teller"]["said"] == "the token is [redacted]."
    assert "logged in with [redacted]" in watched.ran.stderr
    assert "Traceback" in watched.ran.stderr, "the log of --debug shows the agent's traceback"


def test_row_37_nothing_that_a_run_prints_or_logs_holds_a_secret(watched: Watched) -> None:
    assert canaries_in(watched.ran.stdout) == []
    assert canaries_in(watched.ran.stderr) == []


def test_row_37_no_file_of_a_run_holds_a_secret(watched: Watched) -> None:
    written = [path for path in (watched.folder / ".agent-framework").rglob("*") if path.is_file()]
    assert any(path.read_bytes().startswith(b"SQLite format 3") for path in written)
    assert "the service refuses [redacted]" in (watched.folder / "recorded.json").read_text("utf-8")
    assert files_with_canaries(watched.folder) == {}


def test_row_37_no_trace_holds_a_secret(watched: Watched) -> None:
    assert b"gen_ai.agent.name" in watched.traces.bodies
    assert canaries_in(watched.traces.bodies) == []


def test_row_37_no_model_is_told_a_secret_by_a_tool(watched: Watched) -> None:
    bodies = [json.dumps(request.body) for request in watched.model.requests]
    assert "the service refuses [redacted]" in bodies[2]
    assert [canaries_in(body) for body in bodies] == [[], [], [], []]


def test_row_37_one_agent_that_is_tried_alone_shows_and_stores_no_secret(
    af: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, "http://127.0.0.1:9", "teller", "thrower")
    monkeypatch.delenv("LANGFUSE_PUBLIC_KEY", raising=False)
    told, thrown = af("test", "teller"), af("--debug", "test", "thrower")
    assert "the token is [redacted]." in told.out
    assert "cannot log in with '[redacted]'" in thrown.err
    assert canaries_in(told.out + told.err + thrown.out + thrown.err) == []
    assert files_with_canaries(tmp_path) == {}


def test_row_37_without_the_redaction_a_canary_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the search finds what is there: the same agent, with the line switched off that hides its secret."""
    monkeypatch.setenv("PAYMENTS_TOKEN", TOKEN)
    write_project(tmp_path, "http://127.0.0.1:9", "thrower")

    async def run() -> None:
        async with Project.open(tmp_path, environ={**os.environ, "MODEL_ACCESS": MODEL_KEY}) as project:
            await project.run({})

    monkeypatch.setattr("agent_framework.core.execution.redact", lambda text: text)
    asyncio.run(run())
    assert files_with_canaries(tmp_path)


@pytest.mark.parametrize(
    "command", [("jobs", "list", "--json"), ("sessions", "list", "--json"), ("run", "--replay", "x")]
)
def test_row_37_later_looks_at_it_hold_no_secret(
    watched: Watched, af: Callable[..., Any], command: tuple[str, ...]
) -> None:
    ran = af(*command, "--project", watched.folder)
    assert ran.out or ran.err
    assert canaries_in(ran.out + ran.err) == []


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize("error", [ValueError, ConfigError, AgentFrameworkError])
def test_row_37_whatever_ends_the_command_is_told_without_secrets(
    af: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    debug: tuple[str, ...],
) -> None:
    write_project(tmp_path, "http://127.0.0.1:9", "thrower")
    for name in ("PAYMENTS_TOKEN", "DATABASE_URL"):
        monkeypatch.setenv(name, CANARIES[name])

    def fail(*_: Any, **__: Any) -> None:
        raise error(f"{TOKEN} and {CANARIES['DATABASE_URL']}")

    monkeypatch.setattr("agent_framework.cli.check.check_project", fail)
    ran = af(*debug, "validate")
    assert ran.code == 1
    assert "[redacted] and [redacted]" in ran.err
    assert ("Traceback" in ran.err) is bool(debug)
    assert canaries_in(ran.out + ran.err) == []


# -- databases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        f"dsn: 'postgresql://shop:{PASSWORD}@127.0.0.1:9/shop'",
        f"dsn: 'host=127.0.0.1 port=9 user=shop password={PASSWORD}'",
        f"dsn: 'host=127.0.0.1 port=9 nonsense password={PASSWORD}'",
        f"host: 127.0.0.1, port: 9, user: shop, database: shop, password: '{PASSWORD}'",
        "host: 127.0.0.1, port: 9, user: shop, database: shop, password_env: PAYMENTS_TOKEN",
        f"host: 127.0.0.1, password: ['{PASSWORD}']",
        f"host: 127.0.0.1, pasword: '{PASSWORD}'",
    ],
)
def test_row_37_a_database_that_cannot_be_reached_is_told_without_its_password(
    af: Callable[..., Any], tmp_path: Path, config: str
) -> None:
    local = f"database: {{provider: postgres, config: {{{config}, retry_seconds: 0}}}}"
    more = f"stages: {{local: {{infrastructure: {{{local}}}}}}}"
    write_project(tmp_path, "http://127.0.0.1:9", "thrower", more=more)
    for command in (("--debug", "jobs", "list"), ("validate",), ("db", "status")):
        ran = af(*command)
        assert ran.out or ran.err
        assert canaries_in(ran.out + ran.err) == []


# -- functions on Lambda ---------------------------------------------------------------------------------------------


class _Secrets:
    """Secrets Manager with one secret."""

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": TOKEN}


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project as a function finds it; its secret comes from Secrets Manager."""
    places = "{database: {provider: sqlite}, queue: {provider: local}, storage: {provider: local}}"
    more = f"stages: {{dev: {{infrastructure: {places}}}}}"
    write_project(tmp_path, "http://127.0.0.1:9", "thrower", more=more)
    (tmp_path / ".env").unlink()
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pay-AbCdEf"
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    monkeypatch.setenv("AGENT_FRAMEWORK_STAGE", "dev")
    monkeypatch.setenv("AGENT_FRAMEWORK_SECRETS", json.dumps({"PAYMENTS_TOKEN": arn}))
    monkeypatch.setenv("PAYMENTS_TOKEN", "")
    monkeypatch.setenv("MODEL_ACCESS", MODEL_KEY)

    async def read(references: dict[str, str]) -> dict[str, str]:
        return await read_secrets(references, client=_Secrets())

    monkeypatch.setattr("agent_framework.core.lambda_process.read_secrets", read)

    async def migrate() -> None:
        async with Project.open(tmp_path, stage="dev", environ={}) as project:
            await project.db.migrate()

    asyncio.run(migrate())
    yield tmp_path
    base_handler.end_process()


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    """What a handler of the root logger wrote, as Lambda's does."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Handler()
    level = root.level
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    root.addHandler(handler)
    yield lambda: "\n".join(lines)
    root.removeHandler(handler)
    root.setLevel(level)


def test_row_37_a_function_answers_logs_and_stores_no_secret(function: Path, log: Callable[[], str]) -> None:
    answer = worker_handler("thrower")({"payload": {}}, None)
    assert answer["statusCode"] == 500
    assert "cannot log in with '[redacted]'" in answer["error"]["error"]
    assert "cannot log in with" in log()
    assert "Traceback" in log()
    assert canaries_in(json.dumps(answer) + log()) == []
    assert files_with_canaries(function) == {}


def test_row_37_an_error_that_leaves_a_function_leaves_without_the_secret(function: Path) -> None:
    def before(event: Any, context: Any) -> None:
        raise ValueError(f"no entry with {os.environ['PAYMENTS_TOKEN']}")

    worker_handler("thrower")({"payload": {}}, None)  # opens the project, and so reads the secret
    handler = orchestrator_handler("orchestrator", before=before)
    with pytest.raises(AgentFrameworkError, match=r"^ValueError: no entry with \[redacted\]$") as raised:
        handler({"type": "sweep"}, None)
    assert raised.value.__cause__ is None
    assert canaries_in(repr(raised.value)) == []


def test_row_37_what_lambda_says_of_a_lost_attempt_is_stored_without_the_secret(function: Path) -> None:
    worker_handler("thrower")({"payload": {}}, None)

    async def lost() -> str:
        async with Project.open(function, stage="dev") as project:
            job_id = await project.jobs.submit({})
            await project.jobs.fail_job(job_id, f"its function failed: {TOKEN}")
            return str((await project.jobs.get(job_id)).error_message)

    assert asyncio.run(lost()) == "its function failed: [redacted]"
    assert files_with_canaries(function) == {}


# -- approvals -------------------------------------------------------------------------------------------------------


def test_row_37_the_token_of_an_approval_is_stored_logged_and_refused_without_being_told(
    tmp_path: Path, log: Callable[[], str]
) -> None:
    from tests.support.shop import APPROVED, Shop

    shop = Shop(tmp_path, f"{APPROVED}, preview=lambda order_id, amount: {{'pays_with': os.environ['SHOP_TOKEN']}}")
    environ = {"SHOP_TOKEN": TOKEN}

    async def work() -> str:
        async with Project.open(tmp_path, environ=environ) as project:
            await project.run({})
            server = ApprovalServer(project.approvals)
            try:
                [(approval, link)] = await server.new_links()
                token = re.split("token=", link)[1]
                page = server.answer
                shown = await asyncio.to_thread(page, "GET", approval.id, {"token": token})
                fields = {"decision": "approve", "shown": approval.arguments_hash}
                for wrong in (f"{token}x", token[:-1]):
                    refused = await asyncio.to_thread(page, "POST", approval.id, {**fields, "token": wrong})
                    assert refused.status == 404
                    assert token not in refused.html
                assert "[redacted]" in shown.html
                assert canaries_in(shown.html) == []
                decided = await asyncio.to_thread(page, "POST", approval.id, {**fields, "token": token})
                assert decided.status == 200
                assert token not in decided.html
            finally:
                await server.close()
            logging.getLogger("agent_framework").error("could not send %s", link)
            return token

    from agent_framework.observability import redact_logs

    redact_logs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_TOKEN", TOKEN)
        token = asyncio.run(work())
    assert len(shop.job().id) > 0
    assert "could not send http://" in log()
    assert token not in log()
    stored = [path for path in tmp_path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert stored == []
    assert files_with_canaries(tmp_path) == {}

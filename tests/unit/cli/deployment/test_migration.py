"""The database of a stage in a VPC: the orchestrator's function migrates it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent_framework.cli.deployment.migration import migrate_stage
from agent_framework.core.deployed import DeployedStage
from agent_framework.errors import DeploymentError

STAGE = DeployedStage(
    stage="dev",
    project="shop",
    account="123456789012",
    region="us-east-1",
    orchestrator="chief",
    infrastructure={"database": {"provider": "rds-postgres", "config": {"host": "db.internal"}}},
    functions={"chief": "shop-dev-chief"},
)


class Function(BaseHTTPRequestHandler):
    """Lambda's own address, at which one function answers ``answer``."""

    answer: ClassVar[tuple[int, bytes, str | None]]
    asked: ClassVar[list[tuple[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, json.loads(body)))
        code, answer, error = self.answer
        self.send_response(code)
        if error:
            self.send_header("X-Amz-Function-Error", error)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Function]]:
    """The function; what it answers is set by the test."""
    Function.asked = []
    server = HTTPServer(("127.0.0.1", 0), Function)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    yield Function
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_orchestrator_is_asked_once(function: type[Function], tmp_path: Path) -> None:
    function.answer = (200, b'{"ok": true, "result": {"schema_version": 3}}', None)
    assert migrate_stage(tmp_path, STAGE) == "migrated by the function shop-dev-chief"
    assert function.asked == [("/2015-03-31/functions/shop-dev-chief/invocations", {"type": "migrate"})]


@pytest.mark.parametrize(
    "answer",
    [
        (200, b'{"ok": false, "error": "no route to the database"}', None),
        (200, b'{"errorMessage": "no route to the database"}', "Unhandled"),
        (200, b'"no route to the database"', None),
    ],
)
def test_a_function_that_fails_is_told_with_the_way_to_its_logs(
    function: type[Function], tmp_path: Path, answer: tuple[int, bytes, str | None]
) -> None:
    function.answer = answer
    with pytest.raises(
        DeploymentError, match=r"no route to the database.*agent-framework logs --stage dev --agent chief"
    ):
        migrate_stage(tmp_path, STAGE)


def test_lambda_refusing_the_call_is_told_and_not_tried_again(function: type[Function], tmp_path: Path) -> None:
    function.answer = (500, b'{"Message": "internal"}', None)
    with pytest.raises(DeploymentError, match=r"the database was not migrated: .*invoke shop-dev-chief failed: 500"):
        migrate_stage(tmp_path, STAGE)
    assert len(function.asked) == 1

"""Invoking a function and waiting: one try, whatever happens, and an answer that is taken out of its envelope."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agent_framework.errors import AgentError, ProviderError
from agent_framework.infrastructure.compute import aws_lambda
from agent_framework.infrastructure.compute.aws_lambda import LambdaInvoker, unwrap


class SlowFunction:
    """A Lambda that takes ``seconds`` and counts how often it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.runs = 0
        self.status = 200
        self.answer: Any = {"ok": True, "statusCode": 200, "result": {"a": 1}}
        function = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                pass

            def do_POST(self) -> None:
                function.runs += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(function.seconds)
                body = json.dumps(function.answer).encode()
                self.send_response(function.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowFunction]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    slow = SlowFunction()
    yield slow
    slow.close()


def invoke(function: SlowFunction, payload: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        invoker = LambdaInvoker(timeout_s=timeout_s, region="us-east-1", endpoint_url=function.url)
        try:
            return await invoker.invoke("a-function", payload)
        finally:
            await invoker.close()

    return asyncio.run(work())


def test_row_17_a_function_that_takes_longer_than_its_limit_is_waited_for_and_runs_once(function: SlowFunction) -> None:
    function.seconds = 1.0
    assert invoke(function, {"job_id": "j"}, timeout_s=0.5) == {"a": 1}
    assert function.runs == 1


def test_a_function_that_never_answers_is_given_up_and_was_run_once(
    function: SlowFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_lambda, "READ_MARGIN_S", 0.2)
    function.seconds = 1.5
    failed = "compute provider lambda: invoke a-function failed: ReadTimeoutError"
    with pytest.raises(ProviderError, match=failed) as info:
        invoke(function, {"job_id": "j"}, timeout_s=0.3)
    assert function.runs == 1
    assert not info.value.retryable, "it may have run"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_row_18_a_refusal_is_not_repeated(function: SlowFunction, status: int) -> None:
    function.status, function.answer = status, {"Type": "User", "message": "busy"}
    with pytest.raises(ProviderError) as info:
        invoke(function, {"job_id": "j"}, timeout_s=5)
    assert function.runs == 1
    assert info.value.retryable is (status == 429), "of the others nobody knows whether they ran"


def test_a_payload_over_lambdas_limit_is_refused_before_it_is_sent(function: SlowFunction) -> None:
    with pytest.raises(ProviderError, match=r"has 7,000,\d\d\d bytes, Lambda takes 6,291,456; submit a job"):
        invoke(function, {"x": "x" * 7_000_000}, timeout_s=5)
    assert function.runs == 0


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"statusCode": 200, "ok": True, "result": {"a": 1}}, {"a": 1}),
        ({"statusCode": 200, "body": json.dumps({"a": 1})}, {"a": 1, "statusCode": 200}),
        ({"statusCode": 200, "body": json.dumps({"statusCode": 200, "ok": True, "result": {"a": 1}})}, {"a": 1}),
        ({"answer": 42}, {"answer": 42}),
    ],
)
def test_what_a_function_answers_is_taken_out_of_its_envelope(answer: dict[str, Any], result: dict[str, Any]) -> None:
    assert unwrap("f", json.dumps(answer).encode(), failed=False) == result


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        ({"errorType": "ValueError", "errorMessage": "no ink"}, True, "function f failed: ValueError: no ink"),
        ({"statusCode": 500, "body": '{"error": "no ink"}'}, False, "function f answered 500: no ink"),
        ({"statusCode": 500, "ok": False, "error": {"error": "no ink"}}, False, "function f answered 500: no ink"),
        ({"statusCode": 200, "ok": False, "message": "half done"}, False, "function f answered 200: half done"),
        ([1], False, "function f answered JSON, but list"),
    ],
)
def test_row_19_a_failure_in_any_envelope_is_an_error(answer: Any, failed: bool, words: str) -> None:
    with pytest.raises(AgentError) as raised:
        unwrap("f", json.dumps(answer).encode(), failed=failed)
    assert words in str(raised.value)

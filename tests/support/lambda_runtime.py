"""One instance of a Lambda function: AWS's own runtime client in a process, and the Runtime API that it speaks to.

An instance runs one event at a time, is killed where it runs into its time limit, and stays warm until it is closed.
"""

import json
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.lambda_starts import Starter

INIT_LIMIT_S = 60.0
_PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Answer:
    """What an invocation ended with: ``error`` is None, "Handled" or "Unhandled", as Lambda's X-Amz-Function-Error."""

    request_id: str
    payload: Any
    error: str | None = None


@dataclass
class _Pending:
    request_id: str
    event: bytes
    deadline: float
    done: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None


class LambdaInstance:
    """``python -m awslambdaric handler`` in ``task_root``.

    Args:
        starter: starts the process.
        task_root: the unpacked deployment package.
        handler: ``package.module.function``.
        environ: the function's variables and nothing of this process.
        timeout_s: the function's time limit.
        log: the file for what the process prints.
    """

    def __init__(
        self,
        starter: Starter,
        task_root: Path,
        handler: str,
        environ: Mapping[str, str],
        *,
        function: str,
        timeout_s: float,
        log: Path,
    ) -> None:
        self.function = function
        self._timeout_s = timeout_s
        self._queue: queue.Queue[_Pending] = queue.Queue()
        self._pending: dict[str, _Pending] = {}
        self._arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        self._ready = threading.Event()
        self.init_error: Any = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_class(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/tmp",
            "LANG": "en_US.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "LAMBDA_TASK_ROOT": str(task_root),
            "PYTHONPATH": str(task_root),
            "_HANDLER": handler,
            **environ,
        }
        self.process = starter.start(handler, task_root, variables, log)

    def invoke(self, event: bytes) -> Answer:
        """Run one event; an instance that failed in a way that Lambda does not forgive is dead afterwards."""
        begun = time.monotonic()
        while not self._ready.wait(0.02):
            if not self.process.is_alive() or time.monotonic() - begun > INIT_LIMIT_S:
                break
        request_id = str(uuid.uuid4())
        if self.init_error is not None or not self._ready.is_set():
            self.kill()
            return Answer(request_id, self.init_error or {"errorMessage": "init failed"}, "Unhandled")
        pending = _Pending(request_id, event, time.time() + self._timeout_s)
        self._pending[request_id] = pending
        self._queue.put(pending)
        return self._wait(pending)

    def _wait(self, pending: _Pending) -> Answer:
        until = time.monotonic() + self._timeout_s
        while not pending.done.wait(0.01):
            if not self.process.is_alive():
                words = f"RequestId: {pending.request_id} Error: Runtime exited"
                return Answer(
                    pending.request_id, {"errorType": "Runtime.ExitError", "errorMessage": words}, "Unhandled"
                )
            if time.monotonic() > until:
                self.kill()
                words = f"RequestId: {pending.request_id} Task timed out after {self._timeout_s:.2f} seconds"
                return Answer(pending.request_id, {"errorType": "Sandbox.Timedout", "errorMessage": words}, "Unhandled")
        assert pending.answer is not None
        return pending.answer

    @property
    def is_alive(self) -> bool:
        """It can take another event."""
        return self.process.is_alive()

    def kill(self) -> None:
        """End it at once, as Lambda ends an instance."""
        self.process.kill()

    def close(self) -> None:
        """End the process and the Runtime API."""
        self.kill()
        self._server.shutdown()
        self._server.server_close()

    # -- for the Runtime API ---------------------------------------------------------------------------------------

    def next_event(self) -> tuple[bytes, dict[str, str]]:
        """The next event, when there is one, with the headers that go with it."""
        self._ready.set()
        pending = self._queue.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": pending.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(pending.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._arn,
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            "Content-Type": "application/json",
        }
        return pending.event, headers

    def answered(self, path: str, body: bytes) -> None:
        """A response or an error of the runtime."""
        value = json.loads(body or b"null")
        if path == f"{_PREFIX}/init/error":
            self.init_error = value
            self._ready.set()
            return
        request_id, kind = path.removeprefix(f"{_PREFIX}/invocation/").split("/")
        pending = self._pending.pop(request_id)
        pending.answer = Answer(request_id, value, "Unhandled" if kind == "error" else None)
        pending.done.set()


def _handler_class(instance: LambdaInstance) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # header and body in one packet
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # the instance was killed
                super().handle()

        def do_GET(self) -> None:
            body, headers = instance.next_event()
            self._send(200, body, headers)

        def do_POST(self) -> None:
            instance.answered(self.path, self._body())
            self._send(202, b'{"status":"OK"}', {})

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            return b"".join(chunks)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    return RuntimeApi

"""A local HTTP server that speaks the model protocols: OpenAI Responses and Chat Completions, Anthropic, Bedrock.

Bedrock's Converse is streamed too, in AWS's own event encoding.

A test queues what the "model" shall answer and the server renders each reply in the protocol of the path that was
asked. Every request is kept, so a test can say what was sent, and how often.

    with ModelServer(calls("add", a=2, b=3), says("5")) as server:
        ...
        assert len(server.requests) == 2
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.aws_events import aws_events

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One scripted answer; build it with the functions below.

    For Bedrock alone: ``stop_reason``, ``reasoning`` (a ``reasoningText``), ``cached_tokens`` (read, written), and of a
    stream the error it ends with (code, message), the number of events it breaks off after, the pause between them.
    """

    text: str | None = None
    tool_calls: tuple[tuple[str, Json], ...] = ()
    status: int = 200
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    delay_s: float = 0.0
    drop: bool = False
    cut_off: bool = False
    input_tokens: int = 11
    output_tokens: int = 7
    stop_reason: str | None = None
    reasoning: Json | None = None
    cached_tokens: tuple[int, int] | None = None
    stream_error: tuple[str, str] | None = None
    stream_events: int | None = None
    pause_s: float = 0.0


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: Json


def says(text: str, **options: Any) -> Reply:
    """A plain text answer."""
    return Reply(text=text, **options)


def calls(tool: str, /, **arguments: Any) -> Reply:
    """An answer that calls one tool."""
    return Reply(tool_calls=((tool, arguments),))


def fails(status: int, message: str = "no", **headers: str) -> Reply:
    """An error status with the protocol's error body; header names are written with underscores."""
    return Reply(status=status, message=message, headers={k.replace("_", "-"): v for k, v in headers.items()})


def garbage(body: bytes = b'{"choices": [tru', content_type: str = "application/json") -> Reply:
    """A success status with a body that is not what the protocol says."""
    return Reply(raw=body, headers={"content-type": content_type})


def slow(seconds: float) -> Reply:
    """An answer that comes too late."""
    return Reply(text="too late", delay_s=seconds)


def drops() -> Reply:
    """The connection closes after the request was read, before anything was answered."""
    return Reply(drop=True)


def cut_off(text: str = "half an ans") -> Reply:
    """An answer that ran into the output limit."""
    return Reply(text=text, cut_off=True)


class _Http(ThreadingHTTPServer):
    """Takes many connections at once; by default only five may wait."""

    daemon_threads = True
    request_queue_size = 128


class ModelServer:
    """Serves scripted replies on 127.0.0.1 until the ``with`` block ends."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = deque(replies)
        self.requests: list[Received] = []
        self.hung_up = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _next(self, received: Received) -> Reply:
        with self._lock:
            self.requests.append(received)
            return self.replies.popleft() if self.replies else fails(418, "the script has no more replies")

    def _stream(self, handler: BaseHTTPRequestHandler, reply: Reply, answer: Json) -> None:
        """Send AWS's events as one chunk each; a stream that breaks off has no last chunk."""
        handler.close_connection = True
        headers = {"content-type": "application/vnd.amazon.eventstream", **reply.headers}
        headers |= {"transfer-encoding": "chunked", "connection": "close"}
        try:
            handler.send_response(200)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            for event in aws_events(answer, stop_after=reply.stream_events, error=reply.stream_error):
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                handler.wfile.flush()
                self._stop.wait(reply.pause_s)
            if reply.stream_events is None or reply.stream_error:
                handler.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            self.hung_up += 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                reply = server._next(Received(self.path, dict(self.headers.items()), body))
                if reply.delay_s:
                    server._stop.wait(reply.delay_s)
                if reply.drop:
                    self.close_connection = True
                    return
                answer = _body(self.path, body, reply, number=len(server.requests))
                streamed = reply.status == 200 and reply.raw is None
                if streamed and self.path.endswith("/converse-stream"):
                    server._stream(self, reply, json.loads(answer))
                    return
                streamed = streamed and body.get("stream") is True
                self._send(reply, _events(self.path, answer) if streamed else answer, streamed)

            def _send(self, reply: Reply, body: bytes, streamed: bool) -> None:
                kind = "text/event-stream" if streamed else "application/json"
                try:
                    self.send_response(reply.status)
                    for name, value in {"content-type": kind, **reply.headers}.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler


def _body(path: str, request: Json, reply: Reply, *, number: int) -> bytes:
    if reply.raw is not None:
        return reply.raw
    if reply.status >= 400:
        return json.dumps(_error(path, reply)).encode()
    for ending, render in _PROTOCOLS.items():
        if path.endswith(ending):
            return json.dumps(render(request, reply, number)).encode()
    raise AssertionError(f"no protocol for path {path}")


def _events(path: str, answer: bytes) -> bytes:
    """The answer as server-sent events, for the two OpenAI protocols: one event, or a chunk and one with the usage."""
    body = json.loads(answer)
    if path.endswith("/responses"):
        event = {"type": "response.completed", "sequence_number": 0, "response": body}
        return f"event: response.completed\ndata: {json.dumps(event)}\n\n".encode()
    choice = body["choices"][0]
    delta = {**choice["message"], "tool_calls": _numbered(choice["message"].get("tool_calls", ()))}
    head = {key: body[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": choice["finish_reason"]}]},
        {**head, "choices": [], "usage": body["usage"]},
    ]
    return "".join(f"data: {text}\n\n" for text in [*map(json.dumps, chunks), "[DONE]"]).encode()


def _numbered(tool_calls: Iterable[Json]) -> list[Json]:
    return [{"index": index, **call} for index, call in enumerate(tool_calls)]


def _error(path: str, reply: Reply) -> Json:
    if path.endswith(("/converse", "/converse-stream")):
        return {"message": reply.message}
    if path.endswith("/messages"):
        return {"type": "error", "error": {"type": "api_error", "message": reply.message}}
    return {"error": {"message": reply.message, "type": "api_error", "code": None, "param": None}}


def _responses(request: Json, reply: Reply, number: int) -> Json:
    output: list[Json] = []
    if reply.text is not None:
        content = [{"type": "output_text", "text": reply.text, "annotations": []}]
        output.append(
            {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content}
        )
    for index, (name, arguments) in enumerate(reply.tool_calls):
        output.append(
            {
                "type": "function_call",
                "id": f"fc_{number}_{index}",
                "call_id": f"call_{number}_{index}",
                "name": name,
                "arguments": json.dumps(arguments),
                "status": "completed",
            }
        )
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "model": request["model"],
        "status": "incomplete" if reply.cut_off else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if reply.cut_off else None,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": reply.input_tokens,
            "output_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _chat(request: Json, reply: Reply, number: int) -> Json:
    message: Json = {"role": "assistant", "content": reply.text}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for index, (name, arguments) in enumerate(reply.tool_calls)
        ]
    finish = "length" if reply.cut_off else "tool_calls" if reply.tool_calls else "stop"
    return {
        "id": f"chatcmpl_{number}",
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
        },
    }


def _anthropic(request: Json, reply: Reply, number: int) -> Json:
    content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text is not None else []
    for index, (name, arguments) in enumerate(reply.tool_calls):
        content.append({"type": "tool_use", "id": f"toolu_{number}_{index}", "name": name, "input": arguments})
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": content,
        "stop_reason": "max_tokens" if reply.cut_off else "tool_use" if reply.tool_calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    }


def _converse(request: Json, reply: Reply, number: int) -> Json:
    content: list[Json] = [{"reasoningContent": {"reasoningText": reply.reasoning}}] if reply.reasoning else []
    content += [{"text": reply.text}] if reply.text is not None else []
    for index, (name, arguments) in enumerate(reply.tool_calls):
        tool_use = {"toolUseId": f"tooluse_{number}_{index}", "name": name, "input": arguments}
        content.append({"toolUse": tool_use})
    stop = "max_tokens" if reply.cut_off else "tool_use" if reply.tool_calls else "end_turn"
    read, written = reply.cached_tokens or (0, 0)
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reply.stop_reason or stop,
        "usage": {
            "inputTokens": reply.input_tokens,
            "outputTokens": reply.output_tokens,
            "totalTokens": reply.input_tokens + reply.output_tokens + read + written,
            **({"cacheReadInputTokens": read, "cacheWriteInputTokens": written} if reply.cached_tokens else {}),
        },
        "metrics": {"latencyMs": 1},
    }


_PROTOCOLS: Mapping[str, Callable[[Json, Reply, int], Json]] = {
    "/responses": _responses,
    "/chat/completions": _chat,
    "/messages": _anthropic,
    "/converse": _converse,
    "/converse-stream": _converse,
}

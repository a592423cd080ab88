"""The Agents SDK's spans as OpenTelemetry spans, exported to Langfuse by OTLP over HTTP.

The only module outside ``infrastructure.llm`` that knows the SDK, loaded by `observe` when tracing is configured.
Attribute names are OpenTelemetry's ``gen_ai`` conventions; prompts and answers are not exported.
"""

import base64
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from agents.tracing import set_trace_processors
from agents.tracing.processor_interface import TracingProcessor
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agent_framework.observability.redaction import redact

DEFAULT_HOST = "https://cloud.langfuse.com"
EXPORT_TIMEOUT_S = 5


def langfuse_provider(environ: Mapping[str, str]) -> TracerProvider:
    """A tracer provider that sends to the Langfuse of ``LANGFUSE_HOST`` (or ``LANGFUSE_BASE_URL``)."""
    host = environ.get("LANGFUSE_HOST") or environ.get("LANGFUSE_BASE_URL") or DEFAULT_HOST
    keys = f"{environ['LANGFUSE_PUBLIC_KEY']}:{environ['LANGFUSE_SECRET_KEY']}"
    exporter = OTLPSpanExporter(
        endpoint=f"{host.rstrip('/')}/api/public/otel/v1/traces",
        headers={"Authorization": f"Basic {base64.b64encode(keys.encode()).decode()}"},
        timeout=EXPORT_TIMEOUT_S,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "agent-framework"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@contextmanager
def exporting(environ: Mapping[str, str], *, flush_timeout_ms: int | None) -> Generator[None]:
    """Send the SDK's spans to Langfuse while inside; afterwards nothing listens to the SDK any more."""
    provider = langfuse_provider(environ)
    set_trace_processors([OtelBridge(provider)])
    try:
        yield
    finally:
        set_trace_processors([])
        if flush_timeout_ms is not None:
            provider.force_flush(flush_timeout_ms)
        provider.shutdown()


class OtelBridge(TracingProcessor):
    """Starts and ends one OpenTelemetry span per span of the SDK."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("agent_framework")
        self._open: dict[str, otel.Span] = {}
        self._lock = threading.Lock()

    def on_trace_start(self, trace: Any) -> None:
        self._start(trace.trace_id, None, trace.name)

    def on_trace_end(self, trace: Any) -> None:
        self._end(trace.trace_id, {})

    def on_span_start(self, span: Any) -> None:
        data = span.span_data
        name = getattr(data, "name", None) or data.type
        self._start(span.span_id, span.parent_id or span.trace_id, f"{data.type} {name}")

    def on_span_end(self, span: Any) -> None:
        self._end(span.span_id, attributes_of(span.span_data), error=span.error)

    def force_flush(self) -> None:
        """Nothing is held back here; the provider's processor batches."""

    def shutdown(self) -> None:
        """End what is still open."""
        for key in list(self._open):
            self._end(key, {})

    def _start(self, key: str, parent: str | None, name: str) -> None:
        with self._lock:
            above = self._open.get(parent or "")
            context = otel.set_span_in_context(above) if above is not None else None
            self._open[key] = self._tracer.start_span(name, context=context)

    def _end(self, key: str, attributes: Mapping[str, Any], error: Any = None) -> None:
        with self._lock:
            span = self._open.pop(key, None)
        if span is None:
            return
        span.set_attributes({name: value for name, value in attributes.items() if value is not None})
        if error is not None:
            span.set_status(otel.Status(otel.StatusCode.ERROR, redact(str(error.get("message", "")))[:200]))
        span.end()


def attributes_of(data: Any) -> dict[str, Any]:
    """The ``gen_ai`` attributes of a span's data, without prompts, answers or tool arguments."""
    operation = {"agent": "invoke_agent", "function": "execute_tool", "generation": "chat", "response": "chat"}
    usage: dict[str, Any] = getattr(data, "usage", None) or {}
    return {
        "gen_ai.operation.name": operation.get(data.type, data.type),
        "gen_ai.agent.name": data.name if data.type == "agent" else None,
        "gen_ai.tool.name": data.name if data.type == "function" else None,
        "gen_ai.request.model": getattr(data, "model", None),
        "gen_ai.usage.input_tokens": usage.get("input_tokens"),
        "gen_ai.usage.output_tokens": usage.get("output_tokens"),
    }

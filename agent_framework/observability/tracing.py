"""Tracing of agents' runs through OpenTelemetry, off unless it is configured.

`observe` is what handlers and scripts wrap their work in. With Langfuse's keys in the environment (and the extra
``langfuse``) the Agents SDK's spans go there as OpenTelemetry spans with ``gen_ai.*`` attributes; without keys nothing
is loaded, sent or printed. The SDK's own upload to OpenAI is never used.
"""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from agent_framework._optional import require

LANGFUSE_KEYS = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")
FLUSH_TIMEOUT_MS = 5_000


def is_configured(environ: Mapping[str, str]) -> bool:
    """Whether ``environ`` says where traces go."""
    return all(environ.get(key) for key in LANGFUSE_KEYS)


@contextmanager
def observe(environ: Mapping[str, str] | None = None, *, flush: bool = False) -> Generator[bool]:
    """Trace what runs inside, if tracing is configured; yields whether it is.

    Args:
        environ: where to look for ``LANGFUSE_PUBLIC_KEY`` and ``LANGFUSE_SECRET_KEY``; default: the environment.
        flush: wait (at most 5 seconds) until everything was sent; only where the process may freeze afterwards.

    Raises:
        MissingExtraError: the keys are set and the extra ``langfuse`` is not installed.
    """
    environ = os.environ if environ is None else environ
    if not is_configured(environ):
        yield False
        return
    require("langfuse", extra="langfuse", needed_for="tracing to Langfuse (LANGFUSE_PUBLIC_KEY is set)")
    from agent_framework.observability.bridge import exporting

    with exporting(environ, flush_timeout_ms=FLUSH_TIMEOUT_MS if flush else None):
        yield True

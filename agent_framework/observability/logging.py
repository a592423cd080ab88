"""What this package does to logging: secrets are taken out of every line on its way to a handler.

The command and Lambda's handlers call `redact_logs`; whoever uses the package inside a program of their own may too.
"""

import logging

from agent_framework.observability.redaction import redact


class RedactingFormatter(logging.Formatter):
    """Formats as ``inner`` does, the traceback included, and hides secrets in what comes out."""

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return redact(self._inner.format(record))


def redact_logs(logger: logging.Logger | None = None) -> None:
    """Hide secrets in what the handlers of ``logger`` (default: the root logger) write. Again is harmless."""
    for handler in (logger or logging.getLogger()).handlers:
        if not isinstance(handler.formatter, RedactingFormatter):
            handler.setFormatter(RedactingFormatter(handler.formatter))

"""What is seen of running agents: tracing, and logs without secrets."""

from agent_framework.observability.logging import redact_logs
from agent_framework.observability.tracing import observe

__all__ = ["observe", "redact_logs"]

"""What is seen of running agents: tracing."""

from agent_framework.observability.tracing import observe

__all__ = ["observe"]

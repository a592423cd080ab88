"""Queues: the contract and its providers, loaded when they are first used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_framework.infrastructure._providers import ProviderTable
from agent_framework.infrastructure.queue.base import (
    DeadLetter,
    DeadReason,
    Delivery,
    Message,
    QueueDepth,
    QueueProvider,
)

__all__ = [
    "PROVIDERS",
    "DeadLetter",
    "DeadReason",
    "Delivery",
    "Message",
    "QueueDepth",
    "QueueFactory",
    "QueueProvider",
]

PROVIDERS = ProviderTable(
    kind="queue",
    targets={
        "local": "agent_framework.infrastructure.queue.local:LocalQueue",
        "sqs": "agent_framework.infrastructure.queue.sqs:SqsQueue",
        "eventbridge": "agent_framework.infrastructure.queue.eventbridge:EventBridgeQueue",
    },
)


class QueueFactory:
    """Makes providers from names and configurations."""

    @staticmethod
    def create(name: str, config: Mapping[str, Any] | None = None, *, root: Path | None = None) -> QueueProvider:
        """The provider ``name`` (a name or dotted path) with ``config``; relative paths start at ``root``.

        Raises:
            ConfigError: unknown provider or wrong configuration.
        """
        return PROVIDERS.target(name).from_config(dict(config or {}), root or Path.cwd())

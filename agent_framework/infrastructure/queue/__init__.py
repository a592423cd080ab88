"""Queues: the names that agents.yaml may use. Jobs of stage ``local`` run in one process and need none."""

from agent_framework.infrastructure._providers import ProviderTable

__all__ = ["PROVIDERS"]

_DEPLOYED = "this version runs jobs in one process (stage 'local'), without a queue"

PROVIDERS = ProviderTable(
    kind="queue", targets={}, planned={"local": _DEPLOYED, "sqs": _DEPLOYED, "eventbridge": _DEPLOYED}
)

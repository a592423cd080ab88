"""Storages: the contract and its providers, loaded when they are first used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_framework.infrastructure._providers import ProviderTable
from agent_framework.infrastructure.storage.base import StorageProvider, StoredObject, check_key
from agent_framework.infrastructure.storage.claim_check import ClaimCheck, is_stub

__all__ = [
    "PROVIDERS",
    "ClaimCheck",
    "StorageFactory",
    "StorageProvider",
    "StoredObject",
    "check_key",
    "is_stub",
]

PROVIDERS = ProviderTable(
    kind="storage",
    targets={
        "local": "agent_framework.infrastructure.storage.local:LocalStorage",
        "s3": "agent_framework.infrastructure.storage.s3:S3Storage",
        "efs": "agent_framework.infrastructure.storage.efs:EfsStorage",
    },
)


class StorageFactory:
    """Makes providers from names and configurations."""

    @staticmethod
    def create(name: str, config: Mapping[str, Any] | None = None, *, root: Path | None = None) -> StorageProvider:
        """The provider ``name`` (a name or dotted path) with ``config``; relative paths start at ``root``.

        Raises:
            ConfigError: unknown provider or wrong configuration.
        """
        return PROVIDERS.target(name).from_config(dict(config or {}), root or Path.cwd())

"""Storages: the contract and its providers, loaded when they are first used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_framework.infrastructure._providers import ProviderTable
from agent_framework.infrastructure.storage.base import StorageProvider, StoredObject, check_key

__all__ = ["PROVIDERS", "StorageFactory", "StorageProvider", "StoredObject", "check_key"]

_DEPLOYED = "this version stores files in a folder (stage 'local')"

PROVIDERS = ProviderTable(
    kind="storage",
    targets={"local": "agent_framework.infrastructure.storage.local:LocalStorage"},
    planned={"s3": _DEPLOYED, "efs": _DEPLOYED},
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

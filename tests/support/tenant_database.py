"""A database of somebody else's: one SQLite file per tenant, with a configuration model of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.database import SqliteDatabase


class TenantConfig(BaseModel):
    """``infrastructure.database.config``: whose jobs, and where the files of all tenants lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: str = Field(pattern="^[a-z]+$")
    folder: str = "tenants"


class TenantDatabase(SqliteDatabase):
    """The jobs of one tenant."""

    name = "tenants"

    def __init__(self, folder: Path, tenant: str, **options: Callable[[], float]) -> None:
        super().__init__(folder / f"{tenant}.sqlite", **options)
        self.tenant = tenant

    @classmethod
    def from_config(cls, config: dict[str, Any], root: Path) -> "TenantDatabase":
        settings: TenantConfig = validated(TenantConfig, config, what="database provider tenants")
        return cls(root / settings.folder, settings.tenant)

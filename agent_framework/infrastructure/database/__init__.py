"""Databases: the contract and its providers, loaded when they are first used."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_framework._lazy import lazy
from agent_framework.infrastructure._providers import ProviderTable
from agent_framework.infrastructure.database.base import (
    Changes,
    DatabaseProvider,
    SchemaStatus,
)

if TYPE_CHECKING:
    from agent_framework.infrastructure.database._sql_database import SqlDatabase
    from agent_framework.infrastructure.database.aurora import AuroraDatabase
    from agent_framework.infrastructure.database.postgres import PostgresDatabase
    from agent_framework.infrastructure.database.sqlite import SqliteDatabase

__all__ = [
    "PROVIDERS",
    "AuroraDatabase",
    "Changes",
    "DatabaseFactory",
    "DatabaseProvider",
    "DatabaseType",
    "PostgresDatabase",
    "SchemaStatus",
    "SqlDatabase",
    "SqliteDatabase",
]

_HERE = "agent_framework.infrastructure.database"
__getattr__ = lazy(
    __name__,
    {
        "AuroraDatabase": f"{_HERE}.aurora",
        "DynamoDBDatabase": f"{_HERE}.dynamodb",
        "PostgresDatabase": f"{_HERE}.postgres",
        "SqlDatabase": f"{_HERE}._sql_database",
        "SqliteDatabase": f"{_HERE}.sqlite",
    },
)

PROVIDERS = ProviderTable(
    kind="database",
    targets={
        "sqlite": f"{_HERE}.sqlite:SqliteDatabase",
        "rds-postgres": f"{_HERE}.postgres:PostgresDatabase",
        "aurora-serverless-v2": f"{_HERE}.aurora:AuroraDatabase",
        "dynamodb": f"{_HERE}.dynamodb:DynamoDBDatabase",
    },
    aliases={"aurora": "aurora-serverless-v2", "postgres": "rds-postgres", "postgresql": "rds-postgres"},
)


class DatabaseType(Enum):
    """Names of databases; ``DatabaseType("aurora")`` and ``DatabaseType("postgres")`` read the short forms."""

    SQLITE = "sqlite"
    AURORA = "aurora-serverless-v2"
    RDS_POSTGRES = "rds-postgres"
    DYNAMODB = "dynamodb"

    @classmethod
    def _missing_(cls, value: object) -> "DatabaseType | None":
        name = PROVIDERS.aliases.get(str(value))
        return cls(name) if name else None


class DatabaseFactory:
    """Makes providers from names and configurations."""

    @staticmethod
    def create(
        db_type: DatabaseType | str, config: Mapping[str, Any] | None = None, *, root: Path | None = None
    ) -> DatabaseProvider:
        """The provider ``db_type`` (a name, alias or dotted path) with ``config``; relative paths start at ``root``.

        Raises:
            ConfigError: unknown provider or wrong configuration.
        """
        name = db_type.value if isinstance(db_type, DatabaseType) else db_type
        return PROVIDERS.target(name).from_config(dict(config or {}), root or Path.cwd())

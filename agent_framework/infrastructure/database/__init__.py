"""Databases: the contract and its providers, loaded when they are first used."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_framework.infrastructure._providers import ProviderTable
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider

if TYPE_CHECKING:
    from agent_framework.infrastructure.database.sqlite import SqliteDatabase

__all__ = ["PROVIDERS", "Changes", "DatabaseFactory", "DatabaseProvider", "DatabaseType", "SqliteDatabase"]

_DEPLOYED = "this version runs jobs on SQLite (stage 'local')"

PROVIDERS = ProviderTable(
    kind="database",
    targets={"sqlite": "agent_framework.infrastructure.database.sqlite:SqliteDatabase"},
    aliases={"aurora": "aurora-serverless-v2", "postgres": "rds-postgres", "postgresql": "rds-postgres"},
    planned={"aurora-serverless-v2": _DEPLOYED, "rds-postgres": _DEPLOYED, "dynamodb": _DEPLOYED},
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


def __getattr__(name: str) -> Any:
    if name == "SqliteDatabase":
        from agent_framework.infrastructure.database.sqlite import SqliteDatabase

        return SqliteDatabase
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

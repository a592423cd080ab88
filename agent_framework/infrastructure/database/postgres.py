"""PostgreSQL over a pool of connections (psycopg 3): provider ``rds-postgres``, for any PostgreSQL from version 13.

A transaction that certainly did not happen (connection lost before the commit, deadlock, serialization failure) is run
again, for a bounded time. Where the answer to a commit was lost, the server is asked how that transaction ended, so
nothing is written twice.
"""

import asyncio
import os
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from agent_framework._optional import require
from agent_framework.errors import ConfigError, ProviderError
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.database._gathering import Gathering
from agent_framework.infrastructure.database._migrations import PostgresMigrations
from agent_framework.infrastructure.database._postgres_dialect import DIALECT
from agent_framework.infrastructure.database._postgres_scripts import PostgresScripts
from agent_framework.infrastructure.database._secret import DatabaseSecret
from agent_framework.infrastructure.database._sql_database import Access, Carry, MakeScript, SqlDatabase
from agent_framework.observability.redaction import remember
from agent_framework.types import JSONDict

if TYPE_CHECKING:
    from agent_framework.infrastructure.database._postgres_driver import Driver

R = TypeVar("R")
T = TypeVar("T")


class PostgresConfig(BaseModel):
    """``infrastructure.database.config`` of provider ``rds-postgres``.

    Either ``dsn`` or the single fields. The password comes from ``password_env`` (the name of an environment variable),
    ``secret`` (name or ARN in Secrets Manager, as RDS writes them, which may also hold user, host, port and dbname) or
    ``password``. The last five fields are for deploying the instance; nothing here reads them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dsn: SecretStr | None = None
    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    database: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    password_env: str | None = None
    secret: str | None = None
    region: str | None = None
    sslmode: str | None = Field(default=None, pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$")
    sslrootcert: str | None = None
    pool_min: int = Field(default=0, ge=0, le=1000)
    pool_max: int = Field(default=10, ge=1, le=1000)
    connect_timeout: int = Field(default=10, ge=1, le=300)
    retry_seconds: float = Field(default=20.0, ge=0.0, le=600.0)
    engine: Literal["postgresql", "postgres"] = "postgresql"
    engine_version: str | None = None
    instance_class: str | None = None
    allocated_storage: int | None = None
    multi_az: bool | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "PostgresConfig":
        if self.dsn is None and self.host is None and self.secret is None:
            raise ValueError("give host (and database, user, ...), dsn, or secret")
        if self.dsn is not None and (self.host or self.port or self.database or self.user):
            raise ValueError("dsn excludes host, port, database and user")
        if sum(way is not None for way in (self.password, self.password_env, self.secret)) > 1:
            raise ValueError("give one of password, password_env and secret")
        if self.pool_min > self.pool_max:
            raise ValueError("pool_min is above pool_max")
        return self


class PostgresDatabase(SqlDatabase):
    """Jobs in a PostgreSQL database; belongs to the event loop that first uses it.

    ``environ`` is where ``password_env`` is looked up, ``secrets`` an own Secrets Manager client.
    """

    name = "rds-postgres"

    def __init__(
        self, config: PostgresConfig, *, environ: Mapping[str, str] | None = None, secrets: Any = None
    ) -> None:
        require("psycopg", extra="postgres", needed_for=f"database provider {self.name}")
        require("psycopg_pool", extra="postgres", needed_for=f"database provider {self.name}")
        self._config = config
        self._environ = os.environ if environ is None else environ
        self._secret = DatabaseSecret(config.secret, config.region, client=secrets) if config.secret else None
        self._driver: Driver | None = None
        self._gatherings: dict[Any, Gathering[Any, Any]] = {}
        super().__init__(PostgresScripts(DIALECT), PostgresMigrations(), f"database {self.name} ({_place(config)})")

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "PostgresDatabase":
        """Make it from ``infrastructure.database.config``; a relative ``sslrootcert`` starts at ``root``."""
        settings: PostgresConfig = validated(PostgresConfig, config, what="database provider rds-postgres")
        if settings.sslrootcert and settings.sslrootcert != "system":
            settings = settings.model_copy(update={"sslrootcert": str(root / settings.sslrootcert)})
        return cls(settings)

    async def _run(self, make: MakeScript[T], access: Access) -> T:
        if self._driver is None:
            from agent_framework.infrastructure.database._postgres_driver import Driver

            self._driver = Driver(
                self._parameters,
                place=self.place,
                pool=(self._config.pool_min, self._config.pool_max),
                connect_timeout_s=self._config.connect_timeout,
                retry_s=self._config.retry_seconds,
            )
        return await self._driver.run(make, access)

    def _together(self, carry: Carry[R, T], request: R, *, last: bool = False) -> Awaitable[T]:
        loop = asyncio.get_running_loop()
        gathering = self._gatherings.get((carry, loop))
        if gathering is None:
            gathering = self._gatherings[carry, loop] = Gathering(
                lambda requests: self._step(lambda: carry(requests)), drops_cancelled=last
            )
        return gathering.ask(request)

    async def close(self) -> None:
        for gathering in self._gatherings.values():
            gathering.close(ProviderError(f"{self.place} was closed"))
        if self._driver is not None:
            driver, self._driver = self._driver, None
            await driver.close()

    def _parameters(self, fresh: bool) -> dict[str, Any]:
        """Connection parameters for libpq; ``fresh`` reads the secret again, because it may have been rotated."""
        config = self._config
        chosen: dict[str, Any] = {
            "host": config.host,
            "port": config.port,
            "dbname": config.database,
            "user": config.user,
            "sslmode": config.sslmode,
            "sslrootcert": config.sslrootcert,
            "password": self._password(),
        }
        if config.dsn is not None:
            chosen["conninfo"] = config.dsn.get_secret_value()
            remember(_password_in(chosen["conninfo"]))
        if self._secret is not None:
            stored = self._secret.read(fresh=fresh)
            for ours, theirs in (("host", "host"), ("port", "port"), ("dbname", "dbname"), ("user", "username")):
                chosen[ours] = chosen[ours] or stored.get(theirs)
            chosen["password"] = stored.get("password")
        remember(chosen["password"])
        return {name: value for name, value in chosen.items() if value is not None}

    def _password(self) -> str | None:
        if self._config.password_env is None:
            return self._config.password.get_secret_value() if self._config.password else None
        password = self._environ.get(self._config.password_env)
        if not password:
            raise ConfigError(
                f"{self.place} needs the environment variable {self._config.password_env} (password_env), which is "
                "not set"
            )
        return password


def _password_in(dsn: str) -> str | None:
    """The password of a connection string in either form; None where it has none or is malformed."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        password = conninfo_to_dict(dsn).get("password")
    except ProgrammingError:
        return None
    return None if password is None else str(password)


def _place(config: PostgresConfig) -> str:
    """Where the database is, without secrets."""
    if config.dsn is not None:
        return "dsn"
    host = config.host or f"secret {config.secret}"
    return f"{host}:{config.port or 5432}/{config.database or ''}"

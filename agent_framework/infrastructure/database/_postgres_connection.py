"""Connections to PostgreSQL that know how our values travel: times as seconds since the epoch, JSON as text."""

from collections.abc import Awaitable, Callable
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.string import TextLoader

SOCKET = {
    "application_name": "agent-framework",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Parameters of libpq: a connection whose other end is gone is found out."""


class _Moment(TimestamptzLoader):
    """Times as seconds since the epoch."""

    def load(self, data: Any) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().load(data).timestamp()


class PoolConnection(AsyncConnection[DictRow]):
    """A connection of the pool; ``fetch`` gives the parameters when it is made, because secrets change."""

    @classmethod
    async def connect(cls, conninfo: str = "", **parameters: Any) -> "PoolConnection":  # pyright: ignore[reportIncompatibleMethodOverride]
        fetch: Callable[[], Awaitable[dict[str, Any]]] = parameters.pop("fetch")
        made = await super().connect(**{**parameters, **await fetch()})
        made.adapters.register_loader("timestamptz", _Moment)
        made.adapters.register_loader("json", TextLoader)
        return made

"""Which database holds the portfolios: ``ALEX_DATABASE``, an address or the path of a SQLite file.

Addresses are ``postgresql://...`` and ``aurora://DATABASE?cluster=ARN&secret=ARN`` (the RDS Data API).

Without it a file in the project's own working folder. The framework puts the variables of the project's ``.env`` file
into the environment before agents run.
"""

import os
from pathlib import Path

from .aurora import SCHEME, AuroraDriver
from .drivers import Driver, PostgresDriver, SqliteDriver
from .store import Store

VARIABLE = "ALEX_DATABASE"
PROJECT_DIR = Path(__file__).resolve().parents[2]
DEFAULT = ".agent-framework/alex.sqlite"


def open_store(place: str | None = None) -> Store:
    """The store at ``place``, or at the one that the environment names; nothing is connected yet."""
    return Store(driver_for(place or os.environ.get(VARIABLE) or DEFAULT))


def driver_for(place: str) -> Driver:
    """The driver of an address."""
    if place.startswith(("postgresql://", "postgres://")):
        return PostgresDriver(place)
    if place.startswith(SCHEME):
        return AuroraDriver(place)
    return SqliteDriver(PROJECT_DIR / place)

"""Errors of psycopg: which pass by waiting, which do not, and what to tell; messages hold no values."""

import psycopg

from agent_framework.infrastructure.database._postgres_dialect import CONNECTION_LOST, REMEDIES, REPEATABLE

_LASTING = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password",
    "resolve host",
    "invalid",
    "does not support SSL",
)
"""Words of reasons that do not pass by waiting, where libpq gives no SQLSTATE."""


def is_lost(error: Exception) -> bool:
    """Whether the connection is gone or could not be made."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is not None:
        return error.sqlstate in CONNECTION_LOST
    return isinstance(error, psycopg.OperationalError) and not any(words in str(error) for words in _LASTING)


def passes(error: Exception) -> bool:
    """Whether the same transaction may succeed a little later; it certainly did not happen."""
    return is_lost(error) or (isinstance(error, psycopg.Error) and error.sqlstate in REPEATABLE)


def text_of(error: Exception) -> str:
    """What the server or libpq said."""
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return "the connection's parameters are malformed"  # libpq would quote them, with the password
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return " ".join(str(error).split())


def remedy_of(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return REMEDIES.get(error.sqlstate, f" (SQLSTATE {error.sqlstate})")
    text = str(error)
    if "authentication failed" in text or "no password" in text:
        return REMEDIES["28P01"]
    if "database" in text and text.rstrip().endswith("does not exist"):
        return REMEDIES["3D000"]
    if isinstance(error, psycopg.OperationalError):
        return "; check host, port, network and that the server runs"
    if isinstance(error, psycopg.ProgrammingError):
        return "; check dsn"
    return ""

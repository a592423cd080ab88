"""One entry of the document store that several processes change: read, change, compare and set, again on a conflict.

Every body carries ``format``. One that a newer version of the package wrote is never interpreted and never overwritten.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agent_framework.errors import EntryVersionError, ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import AgentOutcome, JSONDict

_MAX_CONFLICTS = 200


def check_format(body: JSONDict, known: int, what: str) -> None:
    """Refuse a body of another format than ``known``.

    Raises:
        EntryVersionError
    """
    found = body.get("format")
    if found != known:
        raise EntryVersionError(
            f"{what} is stored in format {found!r}, this version of the package knows format {known}; it is left as "
            "it is: upgrade the package here too"
        )


def went_without(outcome: AgentOutcome, problem: str | None) -> AgentOutcome:
    """The outcome with what its attempt had to do without, for the record."""
    if problem is None:
        return outcome
    return replace(outcome, detail={**outcome.detail, "without": [*outcome.detail.get("without", ()), problem]})


async def change_entry(
    db: DatabaseProvider,
    namespace: str,
    key: str,
    change: Callable[[JSONDict | None], JSONDict | None],
    *,
    ttl_s: float | None = None,
) -> JSONDict | None:
    """Replace the entry by what ``change`` makes of it, and return that; None from ``change`` leaves it as it is.

    ``change`` gets None for a missing entry, and may be called several times.

    Raises:
        ProviderError: the entry was changed by others all the time.
    """
    for attempt in range(_MAX_CONFLICTS):
        document = await db.get_document(namespace, key)
        body = change(document.body if document else None)
        if body is None:
            return None
        version = document.version if document else 0
        if await db.put_document(namespace, key, body, expected_version=version, ttl_s=ttl_s):
            return body
        await asyncio.sleep(min(0.001 * attempt, 0.05))
    raise ProviderError(f"the entry {namespace}/{key} could not be changed: too many writers at once", retryable=True)

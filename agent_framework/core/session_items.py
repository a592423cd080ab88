"""The items of one conversation: a row for each run, numbered, so that writers at the same time lose nothing.

A row that an attempt wrote counts once that attempt is known to have succeeded: who reads it first looks, and writes it
down. So a run that failed, crashed or was given up leaves nothing behind, and its retry adds nothing twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agent_framework.core.session_state import FORMAT, SessionInfo
from agent_framework.core.shared_entry import check_format
from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import AttemptKey, AttemptState, Document, JSONDict, Snapshot

PAGE = 10
_MAX_WRITERS = 10_000
_COUNTS, _NEVER = True, False

Writer = tuple[str, int, int, str, int]
"""An attempt as a row names it: job, run, seq, agent, number."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row that counts: the items of one run, in order."""

    document: Document
    items: list[JSONDict]


def writer_of(key: AttemptKey) -> Writer:
    """The attempt as rows name it."""
    return (key.job_id, key.run, key.seq, key.agent, key.number)


class SessionItems:
    """Rows of one session. ``agent`` sees its own rows only, and those that nobody's are; ``by`` is the attempt."""

    def __init__(self, db: DatabaseProvider, namespace: str, *, agent: str | None, by: Writer | None) -> None:
        self._db = db
        self._namespace = namespace
        self._agent = agent
        self._by = by
        self._jobs: dict[str, Snapshot | None] = {}

    async def append(self, info: SessionInfo, items: Sequence[JSONDict]) -> int:
        """Write one row behind all others; its position."""
        body: JSONDict = {
            "format": FORMAT,
            "agent": self._agent,
            "by": list(self._by) if self._by else None,
            "counts": self._by is None,
            "items": list(items),
        }
        for position in range(info.next, info.next + _MAX_WRITERS):
            if await self._db.put_document(
                self._namespace, _key(position), body, expected_version=0, ttl_s=2 * info.ttl_s
            ):
                return position
        raise ProviderError(f"session {info.session_id!r} has too many writers at once", retryable=True)

    async def read(self, info: SessionInfo, now: float, limit: int | None = None) -> list[Row]:
        """The newest rows that have ``limit`` items together (None: all rows), oldest first."""
        self._jobs.clear()
        found = await self._tail(info, now)
        page = info.next // PAGE - 1
        while page >= info.first // PAGE and (limit is None or sum(len(row.items) for row in found) < limit):
            found = [*await self._counting(info, await self._page(page), now), *found]
            page -= 1
        return found

    async def _tail(self, info: SessionInfo, now: float) -> list[Row]:
        """The page of the next position and those behind it: others may have written more than ``info`` knows."""
        found: list[Row] = []
        page, full = info.next // PAGE, True
        while full:
            rows = await self._page(page)
            found += await self._counting(info, rows, now)
            page += 1
            full = any(row.key == _key(page * PAGE - 1) for row in rows)
        return found

    async def _page(self, page: int) -> list[Document]:
        return await self._db.list_documents(self._namespace, prefix=f"{page:07d}", limit=PAGE)

    async def _counting(self, info: SessionInfo, rows: Sequence[Document], now: float) -> list[Row]:
        found: list[Row] = []
        for row in rows:
            check_format(row.body, FORMAT, "an item of the session")
            theirs = self._agent is not None and row.body["agent"] not in (None, self._agent)
            if int(row.key) >= info.first and not theirs and await self._counts(row):
                found.append(Row(await self._kept(info, row, now), list(row.body["items"])))
        return found

    async def _counts(self, row: Document) -> bool:
        if row.body["counts"]:
            return True
        job_id, run, seq, agent, number = writer = tuple(row.body["by"])
        if writer == self._by:
            return True
        if job_id not in self._jobs:
            self._jobs[job_id] = await self._db.load(job_id)
        snapshot = self._jobs[job_id]
        states = {
            a.key.number: a.state
            for a in (snapshot.attempts if snapshot else ())
            if (a.key.run, a.key.seq, a.key.agent) == (run, seq, agent)
        }
        own = self._by is not None and self._by[:4] == writer[:4]
        if own and states.get(number) is AttemptState.WAITING:
            return True  # what this attempt goes on with
        verdict = _verdict(states, number)
        if verdict is _COUNTS:
            body = {**row.body, "counts": True}
            await self._put(row, body)
        elif verdict is _NEVER:
            await self._db.delete_document(self._namespace, row.key, expected_version=row.version)
        return verdict is _COUNTS

    async def _kept(self, info: SessionInfo, row: Document, now: float) -> Document:
        """The row with enough time left to outlive the session's next use."""
        if row.expires_at is None or row.expires_at - now >= 1.5 * info.ttl_s:
            return row
        body = {**row.body, "counts": True} if row.body["counts"] else row.body
        renewed = await self._db.put_document(
            self._namespace, row.key, body, expected_version=row.version, ttl_s=2 * info.ttl_s
        )
        return renewed or row

    async def _put(self, row: Document, body: JSONDict) -> Document | None:
        ttl_s = None if row.expires_at is None else max(1.0, row.expires_at - await self._db.now())
        return await self._db.put_document(self._namespace, row.key, body, expected_version=row.version, ttl_s=ttl_s)

    async def pop(self, info: SessionInfo, now: float) -> JSONDict | None:
        """Take the newest item away."""
        while rows := await self.read(info, now, 1):
            row = rows[-1].document
            *rest, last = row.body["items"]
            if not rest:
                if await self._db.delete_document(self._namespace, row.key, expected_version=row.version):
                    return last
            elif await self._put(row, {**row.body, "items": rest}):
                return last
        return None

    async def delete(self, keep: Callable[[int], bool]) -> None:
        """Delete the rows whose position is not kept."""
        while True:
            rows = await self._db.list_documents(self._namespace, limit=100)
            gone = [row for row in rows if not keep(int(row.key))]
            for row in gone:
                await self._db.delete_document(self._namespace, row.key)
            if not gone:
                return


def _key(position: int) -> str:
    return f"{position:08d}"


def _verdict(states: dict[int, AttemptState], number: int) -> bool | None:
    """Whether a row of the attempt counts; None while nobody knows.

    What an attempt wrote before it waited for a person counts with the attempt that went on.
    """
    state = states.get(number)
    if state is AttemptState.WAITING:
        later: Any = [states[other] for other in states if other > number]
        return _COUNTS if AttemptState.SUCCEEDED in later else None
    if state is AttemptState.SUCCEEDED:
        return _COUNTS
    return None if state is not None and state.is_open else _NEVER

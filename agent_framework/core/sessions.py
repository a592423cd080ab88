"""Conversations: what an agent and its user said before, kept in the document store of any database.

A session belongs to one user. Its id means nothing in another user's name: an unknown id and another's get the same
answer. `Session` has the methods of the Agents SDK's session protocol, so it can be given to ``Runner.run`` too.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic_core import to_jsonable_python

from agent_framework.config.agent_config import SessionSettings
from agent_framework.core.session_items import SessionItems, Writer, writer_of
from agent_framework.core.session_state import SessionInfo, SessionState, check_id
from agent_framework.core.shared_entry import change_entry
from agent_framework.errors import SessionError, SessionNotFoundError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import SESSION_ID, AttemptKey, Job, JSONDict

NAMESPACE = "sessions"
SHOWN_S = 7 * 86_400.0
"""How long an expired session is still listed."""

_LONG = 200


class Session:
    """One conversation as one agent sees it; made by `Sessions`, never shared between attempts."""

    def __init__(self, sessions: "Sessions", info: SessionInfo, items: SessionItems, max_items: int | None) -> None:
        self.session_id = info.session_id
        self.session_settings: Any = None
        self.user_id = info.user_id
        self._sessions = sessions
        self._items = items
        self._max_items = max_items

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """The newest ``limit`` items, oldest first; at most as many as the agent remembers."""
        limits = [number for number in (limit, self._max_items) if number is not None]
        wanted = min(limits, default=None)
        info = await self._sessions.info(self.user_id, self.session_id)
        rows = await self._items.read(info, await self._sessions.now(), wanted)
        items = [item for row in rows for item in row.items]
        return items if wanted is None else items[max(0, len(items) - wanted) :]

    async def add_items(self, items: Sequence[Any]) -> None:
        """Add items behind all others. Those of an attempt count once it has succeeded.

        Raises:
            SessionExpiredError, SessionNotFoundError
        """
        if not items:
            return
        info = await self._sessions.info(self.user_id, self.session_id)
        info.moved(SessionState.ACTIVE)
        position = await self._items.append(info, to_jsonable_python(list(items)))
        await self._sessions.reached(self.user_id, self.session_id, position + 1)

    async def pop_item(self) -> Any | None:
        """Take the newest item away; None if there is none."""
        info = await self._sessions.info(self.user_id, self.session_id)
        return await self._items.pop(info, await self._sessions.now())

    async def clear_session(self) -> None:
        """Forget all items."""
        await self._sessions.clear(self.user_id, self.session_id)


class Sessions:
    """All sessions of a database."""

    def __init__(self, db: DatabaseProvider) -> None:
        self._db = db

    async def now(self) -> float:
        """The database's clock."""
        return await self._db.now()

    # -- for people and programs -----------------------------------------------------------------------------

    async def start(
        self, user_id: str, session_id: str | None = None, *, ttl_s: float = SessionSettings().ttl_seconds
    ) -> SessionInfo:
        """Begin a session.

        Raises:
            SessionError: the user has one of this id already, or it is no id.
        """
        session_id = uuid.uuid4().hex if session_id is None else check_id(session_id)
        if not await self._begin(user_id, session_id, ttl_s):
            raise SessionError(f"user {user_id} has a session {session_id!r} already")
        return await self.info(user_id, session_id)

    async def open(self, user_id: str, session_id: str, *, agent: str | None = None) -> Session:
        """A user's session, with the items of ``agent`` alone, or of all.

        Raises:
            SessionNotFoundError: the user has none of this id.
            SessionExpiredError: it is over.
        """
        info = await self.info(user_id, session_id)
        info.moved(SessionState.ACTIVE)
        return self._session(info, agent=agent)

    async def info(self, user_id: str, session_id: str) -> SessionInfo:
        """How a session stands.

        Raises:
            SessionNotFoundError: the user has none of this id.
            EntryVersionError: a newer version of the package wrote it.
        """
        document = await self._db.get_document(NAMESPACE, _head(user_id, check_id(session_id)))
        if document is None:
            raise _unknown(user_id, session_id)
        return await self._as_it_stands(SessionInfo.from_dict(document.body))

    async def list_sessions(self, user_id: str | None = None, *, limit: int = 100) -> list[SessionInfo]:
        """Sessions of one user or of all, those that expired within the last week too; the newest use first."""
        prefix = "" if user_id is None else f"{_part(user_id)}/"
        found = await self._db.list_documents(NAMESPACE, prefix=prefix, limit=limit)
        infos = [await self._as_it_stands(SessionInfo.from_dict(document.body)) for document in found]
        return sorted(infos, key=lambda info: -info.used_at)

    async def items(self, user_id: str, session_id: str) -> list[JSONDict]:
        """Everything that was said, by all agents, also of a session that is over but still there."""
        info = await self.info(user_id, session_id)
        return await self._session(info, agent=None).get_items()

    async def clear(self, user_id: str, session_id: str, *, end: bool = False) -> SessionInfo:
        """Forget all items of a session, and with ``end`` let it expire now.

        Raises:
            SessionNotFoundError
        """
        known = await self.info(user_id, session_id)
        if known.state is SessionState.EXPIRED:
            await self._items(known).delete(lambda position: False)
            return known

        def change(info: SessionInfo) -> SessionInfo:
            cleared = replace(info, first=info.next)
            return cleared.moved(SessionState.EXPIRED) if end else cleared

        info = await self._change(user_id, session_id, change)
        await self._items(info).delete(lambda position: position >= info.first)
        return await self._as_it_stands(info)

    # -- for attempts ----------------------------------------------------------------------------------------

    async def of_attempt(self, job: Job, key: AttemptKey, settings: SessionSettings) -> Session:
        """The session that an attempt of ``key.agent`` works in: the one that the job's input names, or its own.

        Raises:
            SessionNotFoundError: the job's user has no session of that id.
            SessionExpiredError: it is over.
        """
        session_id = session_of(job)
        if SESSION_ID not in job.request_payload:
            await self._begin(job.user_id, session_id, settings.ttl_seconds)

        def use(info: SessionInfo) -> SessionInfo:
            return replace(info.moved(SessionState.ACTIVE), job_id=job.id)

        info = await self._change(job.user_id, session_id, use)
        return self._session(info, agent=key.agent, by=writer_of(key), max_items=settings.max_items)

    async def reached(self, user_id: str, session_id: str, position: int) -> None:
        """Note that the next item goes to ``position`` or behind it."""
        await self._change(user_id, session_id, lambda info: replace(info, next=max(info.next, position)))

    # ---------------------------------------------------------------------------------------------------------

    async def _begin(self, user_id: str, session_id: str, ttl_s: float) -> bool:
        now = await self._db.now()
        info = SessionInfo(session_id, user_id, SessionState.CREATED, now, now, ttl_s)
        key = _head(user_id, session_id)
        stored = await self._db.put_document(NAMESPACE, key, info.to_dict(), expected_version=0, ttl_s=ttl_s + SHOWN_S)
        return stored is not None

    async def _as_it_stands(self, info: SessionInfo) -> SessionInfo:
        job = await self._db.get_job(info.job_id) if info.job_id and info.state is SessionState.ACTIVE else None
        return info.at(await self._db.now(), job.status if job else None)

    async def _change(self, user_id: str, session_id: str, make: Callable[[SessionInfo], SessionInfo]) -> SessionInfo:
        """Change what is stored of a session that lives, which counts as a use of it."""
        known = await self.info(user_id, session_id)
        now = await self._db.now()

        def change(body: JSONDict | None) -> JSONDict:
            if body is None:
                raise _unknown(user_id, session_id)
            stored = SessionInfo.from_dict(body)
            stands = replace(stored, state=SessionState.EXPIRED) if now >= stored.expires_at else stored
            if stands.state is SessionState.EXPIRED:
                stands.moved(SessionState.ACTIVE)  # which says why not
            changed = make(stands)
            return replace(changed, used_at=max(now, changed.used_at)).to_dict()

        body = await change_entry(self._db, NAMESPACE, _head(user_id, session_id), change, ttl_s=known.ttl_s + SHOWN_S)
        assert body is not None
        return SessionInfo.from_dict(body)

    def _session(
        self, info: SessionInfo, *, agent: str | None, by: Writer | None = None, max_items: int | None = None
    ) -> Session:
        return Session(self, info, self._items(info, agent=agent, by=by), max_items)

    def _items(self, info: SessionInfo, *, agent: str | None = None, by: Writer | None = None) -> SessionItems:
        return SessionItems(self._db, f"session/{_head(info.user_id, info.session_id)}", agent=agent, by=by)


def session_of(job: Job) -> str:
    """The id of the session that a job belongs to: the one its input names, else the job's own id.

    Raises:
        SessionError: ``session_id`` of the input is no id.
    """
    return check_id(job.request_payload[SESSION_ID]) if SESSION_ID in job.request_payload else job.id


def _unknown(user_id: str, session_id: str) -> SessionNotFoundError:
    """The same words for an id that nobody has and for another user's."""
    return SessionNotFoundError(
        f"user {user_id} has no session {session_id!r}; leave session_id out, and one is begun, or begin one with: "
        f"agent-framework sessions start --user {user_id}"
    )


def _head(user_id: str, session_id: str) -> str:
    return f"{_part(user_id)}/{_part(session_id)}"


def _part(text: str) -> str:
    """Any text as a part of a key, of bounded length."""
    quoted = quote(text, safe="")
    return quoted if len(quoted) <= _LONG else f"~{hashlib.sha256(text.encode()).hexdigest()}"

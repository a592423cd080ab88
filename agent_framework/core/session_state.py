"""A conversation as a value: whose it is, where it stands, when it ends. Pure; the time is passed in.

The five states are the seed's: created, active (a job works with it), completed or failed (as its last job ended), and
expired (its time is over, or somebody ended it), which is final.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from agent_framework.core.shared_entry import check_format
from agent_framework.errors import EntryVersionError, SessionError, SessionExpiredError
from agent_framework.types import JobStatus, JSONDict

FORMAT = 1
MAX_ID = 128


class SessionState(StrEnum):
    """Where a session stands."""

    CREATED = "created"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


TRANSITIONS: Mapping[SessionState, frozenset[SessionState]] = {
    SessionState.CREATED: frozenset({SessionState.ACTIVE, SessionState.EXPIRED}),
    SessionState.ACTIVE: frozenset(
        {SessionState.ACTIVE, SessionState.COMPLETED, SessionState.FAILED, SessionState.EXPIRED}
    ),
    SessionState.COMPLETED: frozenset({SessionState.ACTIVE, SessionState.EXPIRED}),
    SessionState.FAILED: frozenset({SessionState.ACTIVE, SessionState.EXPIRED}),
    SessionState.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One session. ``job_id`` is the last job that used it; its rows have the numbers ``first`` to ``next - 1``."""

    session_id: str
    user_id: str
    state: SessionState
    created_at: float
    used_at: float
    ttl_s: float
    job_id: str | None = None
    first: int = 0
    next: int = 0

    @property
    def expires_at(self) -> float:
        """When it expires unless it is used before."""
        return self.used_at + self.ttl_s

    def moved(self, state: SessionState) -> "SessionInfo":
        """The session in another state.

        Raises:
            SessionExpiredError: it is over.
            SessionError: the states have no such transition.
        """
        if self.state is SessionState.EXPIRED:
            raise SessionExpiredError(
                f"session {self.session_id!r} is over: it was not used for {self.ttl_s:g} seconds, or somebody ended "
                "it; leave session_id out, and a new one is begun"
            )
        if state not in TRANSITIONS[self.state]:
            raise SessionError(f"session {self.session_id!r} is {self.state} and cannot become {state}")
        return replace(self, state=state)

    def at(self, now: float, job_status: JobStatus | None) -> "SessionInfo":
        """The session as it stands at ``now``; ``job_status`` is its last job's, None if that job is gone."""
        if self.state is SessionState.EXPIRED:
            return self
        if now >= self.expires_at:
            return self.moved(SessionState.EXPIRED)
        if self.state is not SessionState.ACTIVE or (job_status is not None and not job_status.is_final):
            return self
        completed = job_status is JobStatus.COMPLETED
        return self.moved(SessionState.COMPLETED if completed else SessionState.FAILED)

    def to_dict(self) -> JSONDict:
        """The stored form."""
        return {
            "format": FORMAT,
            "session_id": self.session_id,
            "user_id": self.user_id,
            "state": self.state.value,
            "created_at": self.created_at,
            "used_at": self.used_at,
            "ttl_s": self.ttl_s,
            "job_id": self.job_id,
            "first": self.first,
            "next": self.next,
        }

    @classmethod
    def from_dict(cls, body: JSONDict) -> "SessionInfo":
        """Read the stored form.

        Raises:
            EntryVersionError: another version wrote it.
        """
        check_format(body, FORMAT, "the session")
        try:
            fields = {name: value for name, value in body.items() if name not in ("format", "state")}
            return cls(state=SessionState(body["state"]), **fields)
        except (KeyError, TypeError, ValueError) as exc:
            raise EntryVersionError(f"the session cannot be read, and is left as it is: {exc!r}") from exc


def check_id(session_id: object) -> str:
    """The id, if it is one.

    Raises:
        SessionError
    """
    if not isinstance(session_id, str) or not 0 < len(session_id) <= MAX_ID or not session_id.isprintable():
        raise SessionError(f"session_id must be a text of 1 to {MAX_ID} printable characters, not {session_id!r:.60}")
    return session_id

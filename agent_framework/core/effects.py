"""The effect ledger: every write of a job is recorded before it is made and after, so that it is made once.

A write's identity is its job, agent, tool and business fields (or the how-manieth call of the tool it is), and the
how-manieth result of the agent in this job it belongs to: the same when an attempt is repeated, when a failed job is
retried, and when a fallback stands in. `Effects` guards the writes of one attempt.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agent_framework.core.crash import crash_point
from agent_framework.errors import NeedsReviewError, NotWritten, ProviderError, WriteRefusedError
from agent_framework.infrastructure._json import canonical_json, hash_of
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.infrastructure.llm.writes import Write
from agent_framework.observability.redaction import redact
from agent_framework.types import AttemptKey, AttemptState, Document, JSONDict

NAMESPACE = "effects"
STARTED, DONE, NOT_DONE, DISPUTED = "started", "done", "not_done", "disputed"
_SHOWN_CHARACTERS = 500
_KEPT_CHARACTERS = 200_000

logger = logging.getLogger(__name__)


class Effects:
    """The `WriteGuard` of one attempt.

    Args:
        db: Where the ledger is.
        key: The attempt.
        owner: Who runs it; None where no attempt is stored (an agent that is run by name).
        occurrence: The how-manieth result of the agent this attempt is for.
        counts: Calls of each tool before this attempt, where it resumes a run.
    """

    def __init__(
        self,
        db: DatabaseProvider,
        key: AttemptKey,
        *,
        owner: str | None,
        occurrence: int = 1,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self._db = db
        self._key = key
        self._owner = owner
        self._occurrence = occurrence
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.counts: dict[str, int] = dict(counts or {})

    async def perform(self, write: Write, call: Callable[[str], Awaitable[Any]]) -> Any:
        """Make the write unless it is recorded; see `WriteGuard.perform`.

        Raises:
            NeedsReviewError: nobody knows whether it took effect, or it was made with other arguments.
            WriteRefusedError: the job is being cancelled, or the attempt was given up.
        """
        effect = self._identity(write)
        async with self._locks[effect]:
            recorded = await self._db.get_document(NAMESPACE, document_key(self._key.job_id, effect))
            if recorded is None or recorded.body["state"] == NOT_DONE:
                begun = await self._begin(effect, write, recorded.version if recorded else 0)
            else:
                if recorded.body["state"] == DONE and self._is_same(recorded, write):
                    return recorded.body["result"]
                begun = await self._again(effect, write, recorded)
            return await self._call(effect, write, begun, call)

    def _identity(self, write: Write) -> str:
        """The effect's id: 32 hexadecimal digits, which are the idempotency key too."""
        which: Any = {field: write.arguments.get(field) for field in write.key}
        if not write.key:
            which = self.counts[write.tool] = self.counts.get(write.tool, 0) + 1
        parts = {"job": self._key.job_id, "agent": self._key.agent, "nth": self._occurrence, "tool": write.tool}
        return hash_of({**parts, "which": which})[:32]

    async def _begin(self, effect: str, write: Write, version: int) -> Document:
        """Record that the write is about to be made."""
        await self._must_be_ours()
        body: JSONDict = {
            "state": STARTED,
            "tool": write.tool,
            "agent": self._key.agent,
            "attempt": str(self._key),
            "arguments": shown(write.arguments),
            "arguments_hash": _compared(write),
            "accepts_key": write.accepts_key,
            "started_at": await self._db.now(),
        }
        begun = await self._put(effect, body, version)
        if begun is None:
            raise WriteRefusedError(f"another attempt is making the write {write.tool}({shown(write.arguments)})")
        crash_point("effect_started")
        return begun

    async def _again(self, effect: str, write: Write, recorded: Document) -> Document:
        """A write that is recorded and was not finished, or is asked for with other arguments."""
        job_id, body = self._key.job_id, recorded.body
        if body["state"] == DISPUTED or not self._is_same(recorded, write):
            await self._put(effect, {**body, "state": DISPUTED, "asked": shown(write.arguments)}, recorded.version)
            raise NeedsReviewError(
                f"{write.tool} was asked to write ({shown(write.arguments)}) what is recorded with other arguments "
                f"({body['arguments']}); {how_to_resolve(job_id, effect)}"
            )
        if not write.accepts_key:
            raise NeedsReviewError(_unknown(job_id, effect, body, "it was interrupted"))
        return await self._begin(effect, write, recorded.version)

    async def _call(self, effect: str, write: Write, begun: Document, call: Callable[[str], Awaitable[Any]]) -> Any:
        try:
            result = await call(effect)
        except NotWritten:
            await self._db.delete_document(NAMESPACE, begun.key, expected_version=begun.version)
            raise
        except Exception as exc:
            if write.accepts_key:
                raise
            reason = f"it failed with {type(exc).__name__}: {redact(str(exc))[:_SHOWN_CHARACTERS]}"
            raise NeedsReviewError(_unknown(self._key.job_id, effect, begun.body, reason)) from exc
        crash_point("effect_made")
        result = _kept(result)
        done = {**begun.body, "state": DONE, "result": result, "done_at": await self._db.now()}
        if await self._put(effect, done, begun.version) is None:
            logger.warning("the write %s of attempt %s was recorded by somebody else meanwhile", effect, self._key)
        crash_point("effect_recorded")
        return result

    async def _put(self, effect: str, body: JSONDict, version: int) -> Document | None:
        key = document_key(self._key.job_id, effect)
        return await self._db.put_document(NAMESPACE, key, body, expected_version=version)

    @staticmethod
    def _is_same(recorded: Document, write: Write) -> bool:
        return recorded.body.get("settled_by") is not None or recorded.body["arguments_hash"] == _compared(write)

    async def _must_be_ours(self) -> None:
        """Refuse where the job is cancelled or over, or the attempt is not this process's any more."""
        snapshot = await self._db.load(self._key.job_id)
        if snapshot is None:
            raise ProviderError(f"job {self._key.job_id} is gone, so no write of it is started")
        if snapshot.job.cancel_requested or snapshot.job.status.is_final:
            raise WriteRefusedError("the job is cancelled or over: the write was not started")
        ours = (AttemptState.STARTED, self._owner)
        if self._owner is not None and (self._key, ours) not in [
            (attempt.key, (attempt.state, attempt.owner)) for attempt in snapshot.attempts
        ]:
            raise WriteRefusedError(f"attempt {self._key} was given up: the write was not started")


def document_key(job_id: str, effect: str) -> str:
    """Where a write is recorded."""
    return f"{job_id}/{effect}"


def shown(arguments: Mapping[str, Any]) -> str:
    """Arguments for people: without what looks like a secret, and not too long."""
    text = redact(", ".join(f"{name}={canonical_json(value)}" for name, value in arguments.items()))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def how_to_resolve(job_id: str, effect: str) -> str:
    """The command that settles a write."""
    return f"find out, then: agent-framework jobs resolve {job_id} --effect {effect} --done (or --not-done)"


def _unknown(job_id: str, effect: str, body: JSONDict, why: str) -> str:
    words = f"it is not known whether {body['tool']}({body['arguments']}) took effect: {why}, and the tool accepts no "
    return f"{words}idempotency key, so it is not called again; {how_to_resolve(job_id, effect)}"


def _compared(write: Write) -> str:
    """The hash of what must be the same when the write is asked for again."""
    return hash_of({name: value for name, value in write.arguments.items() if name not in write.wording})


def _kept(result: Any) -> Any:
    """The result as the ledger keeps it, and as the model gets it now and whenever it asks again."""
    if result is None or isinstance(result, (bool, int)):
        return result
    text = str(result)
    return text if len(text) <= _KEPT_CHARACTERS else f"{text[:_KEPT_CHARACTERS]}... ({len(text)} characters)"

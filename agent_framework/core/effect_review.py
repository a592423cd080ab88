"""Settling writes about which nobody knows whether they took effect: a person finds out and says so."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_framework.core.effects import DISPUTED, DONE, NAMESPACE, NOT_DONE, STARTED, document_key
from agent_framework.core.job_manager import JobManager
from agent_framework.errors import EffectError
from agent_framework.types import Document, JobStatus, JSONDict

_MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Effect:
    """One recorded write of a job. ``asked``: the other arguments that it was asked for with."""

    id: str
    state: str
    agent: str
    tool: str
    arguments: str
    asked: str | None = None
    settled_by: str | None = None
    accepts_key: bool = False

    @property
    def is_unsettled(self) -> bool:
        """Nobody knows whether it took effect, or with which arguments it should have."""
        return self.state == DISPUTED or (self.state == STARTED and not self.accepts_key)

    def to_dict(self) -> JSONDict:
        """As JSON."""
        return {name: getattr(self, name) for name in Effect.__dataclass_fields__}


class EffectReview:
    """The recorded writes of jobs, and their settling."""

    def __init__(self, jobs: JobManager) -> None:
        self._jobs = jobs

    async def list(self, job_id: str) -> Sequence[Effect]:
        """All recorded writes of a job.

        Raises:
            JobNotFoundError
        """
        await self._jobs.get(job_id)
        return [_effect(document) for document in await self._documents(job_id)]

    async def resolve(
        self, job_id: str, effect: str, *, done: bool, by: str, result: str | None = None
    ) -> tuple[Effect, bool]:
        """Say whether a write took effect; whether the job is pending again, which it is after the last one.

        Args:
            job_id: a job that needs review.
            effect: the write's id.
            done: it took effect, so it is not made any more; otherwise the next attempt makes it.
            by: who says so.
            result: what the model is told that the tool answered, if it was done.

        Raises:
            JobNotFoundError, EffectError: there is nothing to settle.
        """
        job = await self._jobs.get(job_id)
        if job.status is not JobStatus.NEEDS_REVIEW:
            raise EffectError(f"job {job_id} is {job.status}; only the writes of a job that needs_review are settled")
        document = await self._jobs.db.get_document(NAMESPACE, document_key(job_id, effect))
        if document is None or not _effect(document).is_unsettled:
            known = [item.id for item in await self.list(job_id) if item.is_unsettled]
            raise EffectError(
                f"job {job_id} has no unsettled write {effect!r}; unsettled: {', '.join(known) or 'none'}"
            )
        told = result or document.body.get("result") or f"done (a person has looked: {by})"
        settled: JSONDict = {**document.body, "state": DONE if done else NOT_DONE, "settled_by": by}
        settled |= {"settled_at": await self._jobs.db.now(), "result": told if done else None}
        key = document.key
        stored = await self._jobs.db.put_document(NAMESPACE, key, settled, expected_version=document.version)
        if stored is None:
            raise EffectError(f"somebody else settled write {effect} at the same moment; look at the job again")
        open_ = [item for item in await self.list(job_id) if item.is_unsettled]
        if not open_:
            await self._jobs.retry(job_id)
        return _effect(stored), not open_

    async def _documents(self, job_id: str) -> Sequence[Document]:
        return await self._jobs.db.list_documents(NAMESPACE, prefix=document_key(job_id, ""), limit=_MOST_SHOWN)


def _effect(document: Document) -> Effect:
    body = document.body
    known = {name: body[name] for name in Effect.__dataclass_fields__ if name in body}
    return Effect(id=document.key.rpartition("/")[2], **known)

"""Approvals as documents: stored once, changed by compare-and-set, and every decision and refusal on record."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from agent_framework.core.approval import NAMESPACE, Approval, ApprovalState
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import JSONDict

AUDIT = "approvals.audit"
DAY_S = 86_400.0
KEEP_DECIDED_S = 90 * DAY_S
KEEP_AUDIT_S = 365 * DAY_S
_PAGE = 500
_MOST_TOKENS = 10
_SYSTEM = "the clock"


def _by_age(approval: Approval) -> tuple[float, str]:
    return -approval.created_at, approval.id


class ApprovalStore:
    """Reads and changes approvals of one database; it knows no rules about who may decide."""

    def __init__(self, db: DatabaseProvider) -> None:
        self._db = db

    async def add(self, approval: Approval) -> bool:
        """Store a new approval; False if it is there already."""
        stored = await self._db.put_document(NAMESPACE, approval.id, approval.to_body(), expected_version=0)
        return stored is not None

    async def get(self, approval_id: str) -> Approval | None:
        """The approval as it is stored."""
        document = await self._db.get_document(NAMESPACE, approval_id)
        return Approval.of(document) if document else None

    async def change(self, approval: Approval, **changes: Any) -> Approval | None:
        """Change the approval unless somebody changed it since it was read; None then."""
        changed = replace(approval, **changes)
        ttl_s = None if changed.is_pending else KEEP_DECIDED_S
        document = await self._db.put_document(
            NAMESPACE, approval.id, changed.to_body(), expected_version=approval.version, ttl_s=ttl_s
        )
        return Approval.of(document) if document else None

    async def newest(
        self, wanted: Callable[[Approval], bool], *, limit: int, after: Approval | None = None
    ) -> list[Approval]:
        """Up to ``limit`` approvals that are ``wanted``, the newest first; ``after`` is the last of the page before.

        They are stored by id, so all of them are read, a page at a time; decided ones stay for `KEEP_DECIDED_S`.
        """
        found: list[Approval] = []
        key: str | None = None
        while documents := await self._db.list_documents(NAMESPACE, limit=_PAGE, after=key):
            key = documents[-1].key
            page = [approval for approval in map(Approval.of, documents) if wanted(approval)]
            page = [approval for approval in page if after is None or _by_age(approval) > _by_age(after)]
            found = sorted([*found, *page], key=_by_age)[:limit]
        return found

    async def current(self, ids: Iterable[str], now: float) -> dict[str, Approval]:
        """Approvals by id; one that is overdue is expired first, unless it is decided at that moment."""
        found: dict[str, Approval] = {}
        for approval_id in ids:
            approval = await self.get(approval_id)
            if approval is not None:
                found[approval_id] = await self.expired(approval, now)
        return found

    async def expired(self, approval: Approval, now: float) -> Approval:
        """The approval, expired if its time is over."""
        while approval.is_pending and now >= approval.expires_at:
            reason = f"nobody decided within {approval.expires_at - approval.created_at:g} seconds"
            changed = await self.change(
                approval, state=ApprovalState.EXPIRED, decided_by=_SYSTEM, decided_at=now, reason=reason
            )
            if changed is not None:
                await self.audit(approval.id, "expire", by=_SYSTEM)
            approval = changed or await self.get(approval.id) or replace(approval, state=ApprovalState.EXPIRED)
        return approval

    async def open_link(self, approval: Approval, token_hash: str) -> Approval | None:
        """Let a token open the approval; the oldest are forgotten. None if it was decided meanwhile."""
        current: Approval | None = approval
        while current is not None and current.is_pending:
            tokens = (*current.tokens, token_hash)[-_MOST_TOKENS:]
            changed = await self.change(current, tokens=tokens)
            if changed is not None:
                return changed
            current = await self.get(approval.id)
        return None

    # -- the record of what was done and refused -------------------------------------------------------------

    async def audit(
        self,
        approval_id: str,
        action: str,
        *,
        by: str,
        refused: str | None = None,
        at: float | None = None,
        **more: Any,
    ) -> None:
        """Keep a record of a decision, or of an attempt at one."""
        at = await self._db.now() if at is None else at
        body: JSONDict = {"approval": approval_id, "action": action, "by": by, "at": at, "refused": refused, **more}
        key = f"{approval_id}/{round(at * 1_000_000):018d}-{uuid.uuid4().hex[:8]}"
        await self._db.put_document(AUDIT, key, body, expected_version=0, ttl_s=KEEP_AUDIT_S)

    async def audited(self, approval_id: str) -> list[JSONDict]:
        """The records of one approval, in order."""
        return [document.body for document in await self._db.list_documents(AUDIT, prefix=f"{approval_id}/")]

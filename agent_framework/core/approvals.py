"""Deciding about approvals: who may, once, in time, and about exactly what was shown.

    await project.approvals.approve("1f0c...", by="kim")
    await project.approvals.reject("1f0c...", by="kim", reason="wrong customer")

A decision is one compare-and-set on the approval; then the job is signalled, and goes on wherever its jobs run. Every
decision and every refusal leaves a record.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Collection, Sequence

from agent_framework.core.approval import Approval, ApprovalState
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.crash import crash_point
from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.state import fold
from agent_framework.errors import (
    ApprovalChangedError,
    ApprovalError,
    ApprovalExpiredError,
    ApprovalForbiddenError,
    ApprovalNotFoundError,
    ApprovalUsedError,
    ApprovalVoidError,
    ConfigError,
)
from agent_framework.infrastructure._json import hash_of
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import JSONDict

logger = logging.getLogger(__name__)

TOKEN_BYTES = 32
MOST_REASON = 1000
MOST_REFUSALS = 100
"""Records of refusals of one approval, and of all that do not exist together; more are only logged."""
_ID = re.compile(r"[0-9a-f]{20}")
_UNKNOWN = "unknown"


class Approvals:
    """Shows and decides the approvals of one stage."""

    def __init__(self, db: DatabaseProvider) -> None:
        self._db = db
        self._store = ApprovalStore(db)

    # -- looking ---------------------------------------------------------------------------------------------

    async def list(
        self, *, pending: bool = True, user_id: str | None = None, limit: int = 1000, after: str | None = None
    ) -> Sequence[Approval]:
        """Approvals, newest first: those that wait, or all; of one user if given.

        ``after`` is the id of the last approval of the page before.

        Raises:
            ApprovalNotFoundError: there is none with the id ``after``.
        """
        now = await self._db.now()

        def wanted(approval: Approval) -> bool:
            waits = approval.is_pending and approval.expires_at > now
            return user_id in (None, approval.user_id) and (waits or not pending)

        last = None if after is None else await self._known(after)
        return await self._store.newest(wanted, limit=limit, after=last)

    async def get(self, approval_id: str, *, user_id: str | None = None) -> Approval:
        """One approval; ``user_id`` restricts it to that user's.

        Raises:
            ApprovalNotFoundError, ApprovalForbiddenError
        """
        approval = await self._known(approval_id)
        if user_id is not None and approval.user_id != user_id:
            raise ApprovalForbiddenError(f"approval {approval_id} belongs to a job of another user")
        return await self._store.expired(approval, await self._db.now())

    async def of_job(self, job_id: str) -> Sequence[Approval]:
        """What a job waits for."""
        ids = await self._awaited_by(job_id)
        return tuple((await self._store.current(ids, await self._db.now())).values())

    async def _awaited_by(self, job_id: str) -> Collection[str]:
        snapshot = await self._db.load(job_id)
        if snapshot is None or snapshot.job.plan is None or snapshot.job.status.is_final:
            return ()
        return () if snapshot.job.cancel_requested else fold(PinnedPlan.from_dict(snapshot.job.plan), snapshot).asks()

    async def history(self, approval_id: str) -> Sequence[JSONDict]:
        """Everything that was done, or refused, about an approval."""
        return await self._store.audited(_checked(approval_id))

    # -- deciding --------------------------------------------------------------------------------------------

    async def approve(
        self,
        approval_id: str,
        *,
        by: str,
        reason: str | None = None,
        user_id: str | None = None,
        token: str | None = None,
        shown: str | None = None,
    ) -> Approval:
        """Allow it, once, with exactly the arguments that are stored.

        Args:
            approval_id: its id.
            by: who decides, for the record.
            reason: why.
            user_id: only if the job is this user's.
            token: only if this token opens it; for whoever comes by a link.
            shown: only if the arguments still have this hash; for whoever shows them before asking.

        Raises:
            ApprovalError: nothing was decided; the class and the message say why.
        """
        checks = {"user_id": user_id, "token": token, "shown": shown}
        return await self._decide(approval_id, ApprovalState.APPROVED, by=by, reason=reason, **checks)

    async def reject(
        self,
        approval_id: str,
        *,
        by: str,
        reason: str | None = None,
        user_id: str | None = None,
        token: str | None = None,
        shown: str | None = None,
    ) -> Approval:
        """Refuse it; the model is told the reason and the job goes on. Arguments as for `approve`."""
        checks = {"user_id": user_id, "token": token, "shown": shown}
        return await self._decide(approval_id, ApprovalState.REJECTED, by=by, reason=reason, **checks)

    async def issue_token(self, approval_id: str) -> str:
        """A new token that opens the approval by link; only its hash is stored.

        Raises:
            ApprovalNotFoundError, ApprovalUsedError
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        approval = await self._known(approval_id)
        if await self._store.open_link(approval, hashed(token)) is None:
            raise ApprovalUsedError(f"approval {approval_id} was decided before")
        return token

    async def opened(self, approval_id: str, token: str) -> Approval:
        """The approval that a link leads to; a wrong token is on record and learns nothing.

        Raises:
            ApprovalNotFoundError
        """
        try:
            return await self._store.expired(await self._with_token(approval_id, token), await self._db.now())
        except ApprovalError as exc:
            await self._refused(approval_id, "open", "a link", exc)
            raise

    async def _decide(
        self,
        approval_id: str,
        state: ApprovalState,
        *,
        by: str,
        reason: str | None,
        user_id: str | None,
        token: str | None,
        shown: str | None,
    ) -> Approval:
        if not by or len(reason or "") > MOST_REASON:
            raise ConfigError(f"a decision needs a name (by), and a reason of at most {MOST_REASON} characters")
        action = "approve" if state is ApprovalState.APPROVED else "reject"
        try:
            approval = await (self._known(approval_id) if token is None else self._with_token(approval_id, token))
            decided = await self._settle(approval, state, by=by, reason=reason, user_id=user_id, shown=shown)
        except ApprovalError as exc:
            await self._refused(approval_id, action, by, exc)
            raise
        crash_point("approval_decided")
        at, shown = decided.decided_at, decided.arguments_hash
        await self._store.audit(decided.id, action, by=by, at=at, reason=reason, arguments_hash=shown)
        await self._db.signal_job(decided.job_id)
        return decided

    async def _settle(
        self,
        approval: Approval,
        state: ApprovalState,
        *,
        by: str,
        reason: str | None,
        user_id: str | None,
        shown: str | None,
    ) -> Approval:
        if user_id is not None and approval.user_id != user_id:
            raise ApprovalForbiddenError(f"approval {approval.id} belongs to a job of another user")
        now = await self._db.now()
        approval = await self._store.expired(approval, now)
        _must_be_pending(approval)
        if hash_of(approval.arguments) != approval.arguments_hash or shown not in (None, approval.arguments_hash):
            raise ApprovalChangedError(
                f"the arguments of approval {approval.id} are not the ones that were shown; look at it again"
            )
        if approval.id not in await self._awaited_by(approval.job_id):
            raise ApprovalVoidError(f"job {approval.job_id} does not wait for approval {approval.id} (any more)")
        decided: Approval | None = None
        while decided is None:  # a new link may have come in between
            changes = {"state": state, "decided_by": by, "decided_at": now, "reason": reason}
            decided = await self._store.change(approval, **changes)
            if decided is None:
                approval = await self._known(approval.id)
                _must_be_pending(approval)
        return decided

    async def _known(self, approval_id: str) -> Approval:
        approval = await self._store.get(_checked(approval_id))
        if approval is None:
            raise _not_found(approval_id)
        return approval

    async def _with_token(self, approval_id: str, token: str) -> Approval:
        approval = await self._known(approval_id)
        if not any(hmac.compare_digest(hashed(token), known) for known in approval.tokens):
            raise _not_found(approval_id)
        return approval

    async def _refused(self, approval_id: str, action: str, by: str, error: ApprovalError) -> None:
        """Keep a record, but only so many: whoever finds the address of a link can be refused for ever."""
        exists = not isinstance(error, ApprovalNotFoundError) or (
            _ID.fullmatch(approval_id) and await self._store.get(approval_id) is not None
        )
        known = approval_id if exists else _UNKNOWN
        if len(await self._store.audited(known)) < MOST_REFUSALS:
            await self._store.audit(known, action, by=by[:200], refused=type(error).__name__)
        else:
            logger.warning("approval %s: refused to %s: %s", known, action, type(error).__name__)


def hashed(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _checked(approval_id: str) -> str:
    if not _ID.fullmatch(approval_id):
        raise _not_found(approval_id)
    return approval_id


def _not_found(approval_id: str) -> ApprovalNotFoundError:
    return ApprovalNotFoundError(
        f"there is no approval {approval_id[:40]!r}, or the token does not open it; "
        "'agent-framework approvals list' shows the ones that wait"
    )


def _must_be_pending(approval: Approval) -> None:
    if approval.state is ApprovalState.EXPIRED:
        raise ApprovalExpiredError(f"approval {approval.id} is expired: {approval.reason}; it counts as rejected")
    if not approval.is_pending:
        raise ApprovalUsedError(f"approval {approval.id} was {approval.state} before by {approval.decided_by}")

"""From a run that wants something approved to stored questions, and from decisions back to what resumes the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_framework.core.approval import Approval, ApprovalState, call_approval_id, rejection
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.attempts import ASKED
from agent_framework.errors import AgentError, ApprovalNeeded
from agent_framework.infrastructure._json import canonical_json, hash_of
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.infrastructure.llm.base import Verdict
from agent_framework.types import JSONDict

if TYPE_CHECKING:
    from agent_framework.core.work import Work

MOST_SHOWN_BYTES = 50_000
"""What a person can be shown of one call, its preview included."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that waited for people: its saved state, and what they decided about each call.

    ``answers`` are those of earlier questions, for an agent whose ``run`` asks its model several times.
    """

    saved: str
    verdicts: Mapping[str, Verdict]
    answers: Sequence[Any] = ()


async def ask(store: ApprovalStore, db: DatabaseProvider, work: "Work", needed: ApprovalNeeded) -> JSONDict:
    """Store the questions of a run, and what its next attempt resumes from: the detail of the waiting attempt.

    Raises:
        AgentError: a call is too large to be shown.
    """
    now = await db.now()
    asked: list[JSONDict] = []
    for question in needed.detail["questions"]:
        approval = _approval(work, question, now)
        size = len(canonical_json([approval.arguments, approval.preview]).encode("utf-8", "replace"))
        if size > MOST_SHOWN_BYTES:
            raise AgentError(
                f"the call of {question.tool} has {size:,} bytes of arguments and preview; a person can be shown "
                f"{MOST_SHOWN_BYTES:,}: pass large values by reference"
            )
        await store.add(approval)
        asked.append({"id": approval.id, "tool": question.tool, "ref": question.ref})
    kept = {name: needed.detail[name] for name in ("saved", "answers", "writes")}
    return {**kept, ASKED: asked}


def _approval(work: "Work", question: Any, now: float) -> Approval:
    hashed = hash_of(question.arguments)
    key = work.key
    return Approval(
        id=call_approval_id(key, work.waits, question.ref, hashed),
        job_id=key.job_id,
        run=key.run,
        seq=key.seq,
        agent=key.agent,
        user_id=work.user_id,
        created_at=now,
        expires_at=now + work.plan.approvals_expire_s,
        tool=question.tool,
        arguments=question.arguments,
        arguments_hash=hashed,
        preview=question.preview,
    )


def resume(work: "Work") -> Resumed | None:
    """What the attempt carries on from, if an earlier one waited; a verdict holds for the arguments that were shown."""
    if work.waited is None or work.decisions is None:
        return None
    verdicts: dict[str, Verdict] = {}
    for asked in work.waited[ASKED]:
        decision = work.decisions[asked["id"]]
        refused = None if decision["decision"] == ApprovalState.APPROVED else rejection(decision)
        verdicts[asked["ref"]] = Verdict(decision["arguments_hash"], refused)
    return Resumed(work.waited["saved"], verdicts, work.waited["answers"])

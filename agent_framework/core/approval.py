"""An approval as a value: what is asked, its identity, its arguments in one canonical form. Pure.

An approval stands for one call of a tool with exactly the arguments shown, or for one start of an agent. Its id follows
from what it stands for, so asking again asks the same thing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from agent_framework.errors import SchemaVersionError
from agent_framework.types import AttemptKey, Document, JSONDict

NAMESPACE = "approvals"


class ApprovalState(StrEnum):
    """Where an approval stands; all but the first are final."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """One question and its answer.

    ``tool`` is None where the agent as a whole must be approved. ``user_id`` is whose job it is. ``preview`` is what
    the tool tells of the call's effect. ``tokens`` are hashes of the tokens that open it by link.
    """

    id: str
    job_id: str
    run: int
    seq: int
    agent: str
    user_id: str
    created_at: float
    expires_at: float
    tool: str | None = None
    arguments: JSONDict = field(default_factory=dict[str, Any])
    arguments_hash: str = ""
    preview: Any = None
    state: ApprovalState = ApprovalState.PENDING
    decided_by: str | None = None
    decided_at: float | None = None
    reason: str | None = None
    notified: bool = False
    tokens: tuple[str, ...] = ()
    version: int = 0

    @property
    def is_pending(self) -> bool:
        """Nobody has decided yet."""
        return self.state is ApprovalState.PENDING

    @property
    def subject(self) -> str:
        """What would be allowed, in a few words."""
        return f"start of agent {self.agent}" if self.tool is None else f"{self.tool} by agent {self.agent}"

    def to_body(self) -> JSONDict:
        """The document's body."""
        return {name: getattr(self, name) for name in _STORED} | {
            "tokens": list(self.tokens),
            "state": self.state.value,
        }

    @classmethod
    def of(cls, document: Document) -> Self:
        """Read a document; fields of newer versions are left alone.

        Raises:
            SchemaVersionError: it is in a state that this version does not know.
        """
        known = {name: document.body[name] for name in _STORED if name in document.body}
        try:
            known |= {"state": ApprovalState(document.body["state"]), "tokens": tuple(document.body["tokens"])}
            return cls(**known, version=document.version)
        except (KeyError, TypeError, ValueError) as exc:
            raise SchemaVersionError(
                f"approval {document.key} was written by another version of the package, which this one cannot read"
            ) from exc

    def to_dict(self) -> JSONDict:
        """What is shown of it: everything but tokens."""
        return {name: value for name, value in self.to_body().items() if name not in ("tokens", "notified")}

    def record(self) -> JSONDict:
        """The decision as the job's trace keeps it."""
        return {
            "approval": self.id,
            "step": self.seq,
            "agent": self.agent,
            "tool": self.tool,
            "decision": self.state.value,
            "by": self.decided_by,
            "reason": self.reason,
            "arguments_hash": self.arguments_hash,
        }


_STORED = tuple(name for name in Approval.__dataclass_fields__ if name not in ("version", "tokens"))


@lru_cache(maxsize=4096)
def gate_id(job_id: str, run: int, seq: int, agent: str) -> str:
    """The id of the approval for one start of an agent."""
    return _digest(job_id, run, seq, agent)


def call_approval_id(key: AttemptKey, waits: int, ref: str, hashed: str) -> str:
    """The id of the approval for one call; the same when an attempt that was lost asks again.

    ``waits`` counts the times its run has waited before, ``ref`` names the call within the run.
    """
    return _digest(key.job_id, key.run, key.seq, key.agent, waits, ref, hashed)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def rejection(decision: Mapping[str, Any]) -> str:
    """Why something may not happen, in words for a model and a trace."""
    if decision["decision"] == ApprovalState.EXPIRED:
        return f"not approved: {decision['reason']}"
    why = f": {decision['reason']}" if decision["reason"] else ""
    return f"rejected by {decision['by']}{why}"


def gone(approval_id: str, seq: int, agent: str) -> JSONDict:
    """The record for an approval that a run waits for and the database does not have (any more): it is over."""
    reason = "the question is not in the database any more"
    known: JSONDict = {"approval": approval_id, "step": seq, "agent": agent, "tool": "?", "by": None, "reason": reason}
    return {**known, "decision": ApprovalState.EXPIRED.value, "arguments_hash": ""}

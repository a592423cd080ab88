"""A plan in few words: what is added, changed, replaced and destroyed, and which of that holds data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_framework.types import JSONDict

STATEFUL: Mapping[str, str] = {
    "aws_cloudwatch_log_group": "the logs in it",
    "aws_db_instance": "the database and all jobs in it",
    "aws_dynamodb_table": "the table and all jobs in it",
    "aws_kms_key": "the key, without which what it encrypted cannot be read again",
    "aws_rds_cluster": "the database and all jobs in it",
    "aws_s3_bucket": "the bucket and all files in it",
    "aws_sqs_queue": "the queue and the messages in it",
}
"""Types of resources whose destruction loses something, and what that is."""

PRECIOUS = frozenset(STATEFUL) - {"aws_cloudwatch_log_group", "aws_sqs_queue"}
"""Those of them that are called out before anything happens."""

_ACTIONS: Mapping[tuple[str, ...], str] = {
    ("create",): "add",
    ("update",): "change",
    ("delete",): "destroy",
    ("create", "delete"): "replace",
    ("delete", "create"): "replace",
}
WORDS: Mapping[str, str] = {"add": "added", "change": "changed", "replace": "replaced", "destroy": "destroyed"}
SIGNS: Mapping[str, str] = {"add": "+", "change": "~", "replace": "-/+", "destroy": "-"}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that will not stay as it is. ``action``: add, change, replace or destroy."""

    address: str
    type: str
    action: str
    before: JSONDict

    @property
    def loses(self) -> str | None:
        """What is lost with it, where it is something that cannot be made again."""
        gone = self.action in ("destroy", "replace") and self.type in PRECIOUS
        return STATEFUL[self.type] if gone else None


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """All of a plan's changes, in the order of their addresses."""

    changes: tuple[Change, ...]

    @classmethod
    def of(cls, plan: JSONDict) -> "PlannedChanges":
        """Read from ``terraform show -json``."""
        found = [_change(item) for item in plan.get("resource_changes", ())]
        return cls(tuple(sorted((item for item in found if item), key=lambda item: item.address)))

    def counts(self) -> dict[str, int]:
        """How many of each action."""
        return {action: sum(item.action == action for item in self.changes) for action in WORDS}

    @property
    def summary(self) -> str:
        """``12 added, 1 changed``."""
        counted = [f"{count} {WORDS[action]}" for action, count in self.counts().items() if count]
        return ", ".join(counted) or "only outputs change"

    @property
    def losses(self) -> tuple[Change, ...]:
        """Changes that lose data."""
        return tuple(item for item in self.changes if item.loses)


def _change(item: Mapping[str, Any]) -> Change | None:
    action = _ACTIONS.get(tuple(item["change"]["actions"]))
    if action is None or item.get("mode") == "data":
        return None
    return Change(item["address"], item["type"], action, item["change"].get("before") or {})

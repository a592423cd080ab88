"""The harness's own proof: the product with one of its protections taken out. Each must be found out.

They are subclasses that only tests know; the product has no switch for any of this.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agent_framework.core.job_manager import JobManager
from agent_framework.infrastructure.database._requests import Write
from agent_framework.infrastructure.database._script import Script, Statement
from agent_framework.infrastructure.database._sqlite_scripts import SqliteScripts
from agent_framework.infrastructure.database.sqlite import DIALECT
from agent_framework.types import AttemptKey
from tests.faults.harness.backends import Backend, InlineSqlite, SqliteBackend
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.simulated import Parts


class UnfencedScripts(SqliteScripts):
    """A decision is written whoever has claimed the job since: its epoch is made the present one."""

    def move(self, decisions: Sequence[Write]) -> Script[list[float | None]]:
        for job in (decision.job for decision in decisions if decision.is_claimed):
            yield Statement(
                "UPDATE jobs SET epoch = :epoch, lease_owner = 'me' WHERE id = :id", {"epoch": job.epoch, "id": job.id}
            )
        return (yield from super().move(decisions))


class UnfencedSqlite(InlineSqlite):
    """SQLite without the epoch check."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._scripts = UnfencedScripts(DIALECT)


class UnfencedBackend(SqliteBackend):
    """SQLite without the epoch check."""

    provider = UnfencedSqlite


class KeylessLedger(Ledger):
    """A target that is given another key by each call."""

    _calls = itertools.count()

    @classmethod
    def key_of(cls, key: AttemptKey) -> str:
        return f"{key}/{next(cls._calls)}"


class UnsweptJobs(JobManager):
    """Nobody looks at what nobody woke."""

    async def due(self, limit: int = 100) -> list[str]:
        return []


@dataclass(frozen=True)
class Mutation:
    """What is taken out, and the kinds of findings that must come of it."""

    parts: Parts
    finds: frozenset[str]
    backend: Callable[[], Backend] = SqliteBackend


MUTATIONS = {
    "no epoch check": Mutation(Parts(), frozenset({"stale"}), UnfencedBackend),
    "no effect key": Mutation(Parts(ledger=KeylessLedger), frozenset({"duplicated"})),
    "no sweeper": Mutation(Parts(jobs=UnsweptJobs), frozenset({"stuck"})),
}

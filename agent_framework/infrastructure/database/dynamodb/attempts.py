"""Attempts: started once, ended once. And results, which an outcome or an agent itself stores.

A start reads META and then changes the attempt alone, without a transaction: parallel agents that start together do
not collide. A start that overlaps a cancellation counts as having come before it; a start that begins after the
cancellation was stored is refused. An outcome is one transaction over attempt, result and META.
"""

import uuid

from agent_framework.errors import JobNotFoundError, ProviderError
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.items import attempt_from, outcome_text, result_put
from agent_framework.infrastructure.database.dynamodb.jobs import ACTIVE, FINAL_VALUES, due
from agent_framework.infrastructure.database.dynamodb.journal import settled_meta
from agent_framework.infrastructure.database.dynamodb.refusals import Refused
from agent_framework.infrastructure.database.dynamodb.table import Table
from agent_framework.infrastructure.database.dynamodb.writes import Item, Update, Write
from agent_framework.types import (
    AgentOutcome,
    AgentResult,
    Attempt,
    AttemptKey,
    AttemptState,
    JobStatus,
    JSONDict,
)

_TRIES = 10


class Attempts:
    """Attempts and results of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def start(self, key: AttemptKey, owner: str, run_for_s: float) -> Attempt | None:
        """Start a pending attempt; see `DatabaseProvider.start_attempt`."""
        meta = await settled_meta(self._table, key.job_id)
        if meta is None or not _runs(meta, key) or meta["cancel_requested"]:
            return None
        now = self._table.now()
        item = await self._table.update(
            Update(
                keys.attempt(key),
                set={
                    "state": AttemptState.STARTED.value,
                    "owner": owner,
                    "started_at": now,
                    "not_after": now + run_for_s,
                },
                stamp=("start_id", uuid.uuid4().hex),
                condition="#state = :pending",
                values={"pending": AttemptState.PENDING.value},
            )
        )
        attempt = None if item is None else attempt_from(item)
        return attempt if attempt is not None and attempt.state is AttemptState.STARTED else None

    async def commit_outcome(self, key: AttemptKey, owner: str, outcome: AgentOutcome, produced_by: str) -> bool:
        """Store an outcome; see `DatabaseProvider.commit_outcome`."""
        end_id = uuid.uuid4().hex
        for _ in range(_TRIES):
            try:
                await self._table.transact(self._outcome(key, owner, outcome, produced_by, end_id), turn=key.job_id)
            except Refused:
                if not await self._in_the_way(key):
                    attempt = await self._table.get(keys.attempt(key))
                    return attempt is not None and attempt.get("end_id") == end_id
            else:
                return True
        raise ProviderError(f"the outcome of {key} could not be stored: large commits of its job were in the way")

    async def _in_the_way(self, key: AttemptKey) -> bool:
        """Whether the outcome was refused only because a large commit was being applied, which is done now."""
        meta = await self._table.get(keys.meta(key.job_id))
        if meta is None or "journal" not in meta:
            return False
        await settled_meta(self._table, key.job_id)
        return True

    def _outcome(
        self, key: AttemptKey, owner: str, outcome: AgentOutcome, produced_by: str, end_id: str
    ) -> list[Write]:
        now = self._table.now()
        ended = {"state": outcome.state.value, "outcome": outcome_text(outcome), "ended_at": now}
        writes: list[Write] = [
            Update(
                keys.attempt(key),
                set=ended,
                stamp=("end_id", end_id),
                condition="#state = :started AND #owner = :owner",
                values={"started": AttemptState.STARTED.value, "owner": owner},
            ),
            Update(
                keys.meta(key.job_id),
                set={"updated_at": now, **due(key.job_id, now)},
                add={"signals": 1},
                condition=f"{ACTIVE} AND #run = :run AND attribute_not_exists(#journal)",
                values={**FINAL_VALUES, "run": key.run},
            ),
        ]
        if outcome.state is AttemptState.SUCCEEDED:
            result = AgentResult(
                agent=key.agent,
                payload=outcome.output or {},
                seq=key.seq,
                execution_time_ms=outcome.execution_time_ms,
                usage=outcome.usage,
                produced_by=produced_by if produced_by != key.agent else None,
                created_at=now,
            )
            writes.append(result_put(key.job_id, result))
        return writes

    async def store_output(self, job_id: str, agent: str, payload: JSONDict, execution_time_ms: int | None) -> None:
        """Store an agent's result directly. Jobs are never deleted, so that it exists can be asked before."""
        result = AgentResult(agent, payload, execution_time_ms=execution_time_ms, created_at=self._table.now())
        write = result_put(job_id, result)
        if await self._table.get(keys.meta(job_id)) is None:
            raise JobNotFoundError(job_id)
        await self._table.put(write)

    async def output(self, job_id: str, agent: str) -> JSONDict | None:
        """The newest result of one agent."""
        item = await self._table.get(keys.result(job_id, agent))
        return None if item is None else loads(item["payload"])


def _runs(meta: Item, key: AttemptKey) -> bool:
    """Whether the job is active and in the attempt's run."""
    return not JobStatus(meta["status"]).is_final and meta["run"] == key.run

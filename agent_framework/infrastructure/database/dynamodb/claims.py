"""Claims: a job taken for a moment, everything it was decided from, and the commit of that decision.

META is read before the other items, so what a snapshot holds is at least as new as its ``epoch`` and ``signals``. Who
changes an attempt's outcome, a status or a run also changes ``signals`` in the same transaction, so a decision made
from anything that is not the present state is refused by the condition on META.
"""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress

from agent_framework.errors import ProviderError, StaleClaimError
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.items import (
    attempt_put,
    event_put,
    outcome_text,
    snapshot_from,
)
from agent_framework.infrastructure.database.dynamodb.jobs import ACTIVE, FINAL_VALUES, due, times
from agent_framework.infrastructure.database.dynamodb.journal import parts, roll_forward, settled_meta
from agent_framework.infrastructure.database.dynamodb.refusals import Refused
from agent_framework.infrastructure.database.dynamodb.table import MAX_WRITES, Table
from agent_framework.infrastructure.database.dynamodb.writes import Item, Put, Update, Write
from agent_framework.types import TRANSITIONS, Job, Snapshot, check_transition

_LOAD_TRIES = 4
_WATCHED = ("epoch", "signals", "last_commit")

logger = logging.getLogger(__name__)


class Claims:
    """Claims, loads and commits on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def claim(self, job_id: str, owner: str, lease_s: float, take_over_from: str | None) -> Snapshot | None:
        """Claim the job; see `DatabaseProvider.claim_job`."""
        now = self._table.now()
        free, values = "#lease_until <= :now", {"now": now}
        if take_over_from is not None:
            free, values = f"({free} OR #lease_owner = :dead)", {**values, "dead": take_over_from}
        meta = await self._table.update(
            Update(
                keys.meta(job_id),
                set={"lease_owner": owner, "lease_until": now + lease_s},
                stamp=("lease_id", uuid.uuid4().hex),
                add={"epoch": 1},
                condition=f"{ACTIVE} AND {free}",
                values={**FINAL_VALUES, **values},
            )
        )
        if meta is None:
            return None
        try:
            await roll_forward(self._table, job_id, meta)
            return await self._snapshot(job_id, meta)
        except Exception:  # whatever it is, the claim must not outlive it
            await self._let_go(job_id, meta)
            raise

    async def _let_go(self, job_id: str, meta: Item) -> None:
        """End a claim that led to nothing; where even that fails, its lease runs out."""
        release = Update(
            keys.meta(job_id),
            set={"lease_until": 0},
            condition="#lease_id = :lease_id",
            values={"lease_id": meta["lease_id"]},
        )
        with suppress(ProviderError):
            await self._table.update(release)

    async def owner(self, job_id: str) -> str | None:
        """Who holds a running lease."""
        meta = await self._table.get(keys.meta(job_id))
        return meta.get("lease_owner") if meta is not None and meta["lease_until"] > self._table.now() else None

    async def load(self, job_id: str) -> Snapshot | None:
        """The job at one moment: read again if it changed while it was read.

        A job that changes all the time is returned as read last: META as it was, the other items as new or newer.
        """
        meta = await settled_meta(self._table, job_id)
        if meta is None:
            return None
        for _ in range(_LOAD_TRIES):
            snapshot = await self._snapshot(job_id, meta)
            newer = await settled_meta(self._table, job_id)
            if newer is None or all(newer[name] == meta[name] for name in _WATCHED):
                return snapshot
            meta = newer
        return await self._snapshot(job_id, meta)

    async def _snapshot(self, job_id: str, meta: Item) -> Snapshot:
        items = await self._table.items(keys.job(job_id))
        return snapshot_from(meta, items, self._table.now())

    async def commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        """Write a decision; see `DatabaseProvider.commit`."""
        job, status = snapshot.job, changes.status
        if status is not None and status != job.status and status not in TRANSITIONS[job.status]:
            newer = await self._newer(job, await settled_meta(self._table, job.id))
            if newer is None:
                check_transition(job.id, job.status, status)
            return newer
        commit = uuid.uuid4().hex
        try:
            journaled = await self._write(job, changes, self._trace(snapshot, changes), commit)
        except Refused:
            return await self._refused(job, commit)
        if journaled:
            await self._apply(job.id)
        return None

    async def _refused(self, job: Job, commit: str) -> Snapshot | None:
        """Why the commit was refused: a newer snapshot, or None if it was this very commit that META has."""
        meta = await settled_meta(self._table, job.id)
        if meta is not None and meta["last_commit"] == commit:
            return None
        newer = await self._newer(job, meta)
        if newer is None:
            raise ProviderError(f"dynamodb table {self._table.name!r}: the commit of job {job.id} was refused")
        return newer

    async def _newer(self, job: Job, meta: Item | None) -> Snapshot | None:
        """The job as it is, if it was signalled since ``job`` was read.

        Raises:
            StaleClaimError
        """
        if meta is None or meta["epoch"] != job.epoch or "lease_owner" not in meta:
            raise StaleClaimError(
                f"the claim of this decision is over: job {job.id} was claimed by somebody else, or the decision was "
                "committed before; nothing was written"
            )
        return await self._snapshot(job.id, meta) if meta["signals"] != job.signals else None

    def _trace(self, snapshot: Snapshot, changes: Changes) -> list[Put | Update]:
        """Events, settled attempts and new attempts. They need no conditions: META's hold as long as they do."""
        job_id, now = snapshot.job.id, self._table.now()
        stored = {attempt.key: attempt for attempt in snapshot.attempts}
        recorded = {event.seq for event in snapshot.events}
        writes: list[Put | Update] = []
        for event in changes.events:
            if event.seq in recorded:
                raise ProviderError(f"job {job_id} has an event {event.seq} already; nothing was written")
            writes.append(event_put(job_id, event, now))
        for key, outcome in dict(reversed(changes.settle)).items():
            if key in stored and stored[key].state.is_open:
                values = {"state": outcome.state.value, "outcome": outcome_text(outcome), "ended_at": now}
                writes.append(Update(keys.attempt(key), set=values))
        for attempt in changes.attempts:
            if attempt.key in stored:
                raise ProviderError(f"there is an attempt {attempt.key} already; nothing was written")
            writes.append(attempt_put(attempt))
        return writes

    async def _write(self, job: Job, changes: Changes, trace: Sequence[Put | Update], commit: str) -> bool:
        """One transaction with the whole decision, or with its journal: then True."""
        now = self._table.now()
        moments, once = times(changes.status, now)
        values: Item = {
            "lease_owner": None,
            "lease_until": 0,
            "last_commit": commit,
            "updated_at": now,
            **due(job.id, changes.due_at),
            **moments,
        }
        if changes.status is not None:
            values["status"] = changes.status.value
        if changes.error_message is not None:
            values["error_message"] = changes.error_message
        plan: list[Write] = []
        if changes.plan is not None:
            plan = [Put(keys.plan(job.id), {"run": job.run, "plan": to_json(changes.plan, what="the plan")})]
        written: Sequence[Write] = trace
        if journaled := len(trace) + len(plan) + 1 > MAX_WRITES:
            written = parts(job.id, commit, trace)
            values |= {"journal": commit, "journal_parts": len(written)}
        meta = Update(
            keys.meta(job.id),
            set=values,
            once=once,
            condition="#epoch = :epoch AND #signals = :signals AND attribute_exists(#lease_owner)",
            values={"epoch": job.epoch, "signals": job.signals},
        )
        await self._table.transact([meta, *plan, *written], turn=job.id)
        return journaled

    async def _apply(self, job_id: str) -> None:
        """Roll the journal forward; the commit counts already, so whoever comes next can do it as well."""
        try:
            await settled_meta(self._table, job_id)
        except ProviderError as exc:
            logger.warning("the large commit of job %s is stored and not applied yet: %s", job_id, exc)

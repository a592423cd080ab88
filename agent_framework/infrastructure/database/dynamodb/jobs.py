"""Jobs as users see them: created, listed, signalled, changed, retried, and found when they are due."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from agent_framework.errors import IdempotencyConflictError, JobNotFoundError, ProviderError
from agent_framework.infrastructure import _ids
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.items import job_from, results_from
from agent_framework.infrastructure.database.dynamodb.journal import settled_meta
from agent_framework.infrastructure.database.dynamodb.refusals import Refused
from agent_framework.infrastructure.database.dynamodb.table import Table
from agent_framework.infrastructure.database.dynamodb.writes import Item, Put, Update, Write
from agent_framework.types import FINAL_STATUSES, AgentResult, Job, JobStatus, JSONDict, check_transition

_FINAL = {f"final_{status.value}": status.value for status in sorted(FINAL_STATUSES)}
ACTIVE = f"attribute_exists(#PK) AND NOT (#status IN ({', '.join(f':{name}' for name in _FINAL)}))"
"""The condition on META that the job exists and is not final; its values are `FINAL_VALUES`."""
FINAL_VALUES = _FINAL
_ABSENT = "attribute_not_exists(#PK)"
_CHANGE_TRIES = 50


def due(job_id: str, at: float | None) -> dict[str, Any]:
    """The attributes that say when the job is due; without them it is in no index of due jobs."""
    return {"due_at": at, "due_key": None if at is None else keys.due(job_id)}


def times(status: JobStatus | None, now: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a new status sets, and sets once, of the job's times."""
    if status is JobStatus.RUNNING:
        return {}, {"started_at": now}
    return ({"completed_at": now} if status is not None and status.is_final else {}), {}


class Jobs:
    """Jobs of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def create(
        self, user_id: str, job_type: str, payload: JSONDict, client_key: str | None, job_id: str | None
    ) -> str:
        """Store a pending job, or find the one that its key or id stands for."""
        new_id = job_id or _ids.new_id()
        now = self._table.now()
        stored = to_json(payload, what="the job's request_payload")
        meta: Item = {
            "kind": "JOB",
            "job_id": new_id,
            "user_id": user_id,
            "user_key": keys.user(user_id),
            "job_type": job_type,
            "status": JobStatus.PENDING.value,
            "run": 1,
            "epoch": 0,
            "signals": 0,
            "lease_until": 0,
            "cancel_requested": False,
            "last_commit": "none",
            "client_key": client_key,
            "created_at": now,
            "created_key": keys.created(now, new_id),
            "updated_at": now,
            **due(new_id, now),
        }
        writes: list[Write] = [
            Put(keys.meta(new_id), meta, _ABSENT),
            Put(keys.request(new_id), {"payload": stored}),
        ]
        if client_key is not None:
            writes.append(Put(keys.client(user_id, client_key), {"job_id": new_id}, _ABSENT))
        try:
            await self._table.transact(writes)
        except Refused:
            return await self._existing(user_id, job_type, stored, client_key, new_id)
        return new_id

    async def _existing(self, user_id: str, job_type: str, payload: str, client_key: str | None, job_id: str) -> str:
        """The job that was there before, if it is the same request."""
        if client_key is not None and (client := await self._table.get(keys.client(user_id, client_key))) is not None:
            used, existing_id = f"client key {client_key!r} of user {user_id!r}", str(client["job_id"])
        else:
            used, existing_id = f"job id {job_id!r}", job_id
        wanted = (keys.meta(existing_id), keys.request(existing_id))
        found = await self._table.get_many(wanted)
        meta, request = (found[key] for key in wanted)
        same = (meta["user_id"], meta["job_type"]) == (user_id, job_type)
        if not same or _canonical(request["payload"]) != _canonical(payload):
            raise IdempotencyConflictError(
                f"{used} was used for job {existing_id} with another request; use a new key for a new request"
            )
        return existing_id

    async def get(self, job_id: str) -> Job | None:
        """The job with its results. META is read first, so a completed job comes with all of them."""
        meta = await self._table.get(keys.meta(job_id))
        if meta is None:
            return None
        rows = await self._table.items(keys.job(job_id), start=keys.PLAN)
        by_name = {row["SK"]: row for row in rows}
        results = {result.agent: result.payload for result in results_from(rows)}
        return job_from(meta, by_name[keys.REQUEST], by_name.get(keys.PLAN), results)

    async def newest(self, user_id: str | None, status: JobStatus | None, limit: int, after: str | None) -> list[Job]:
        """Newest first. An index says which; what they are is read from the table."""
        if limit < 1:
            return []
        index, attribute, value = _listing(user_id, status)
        condition, values = f"#{attribute} = :value", {"value": value}
        if after is not None:
            last = await self._table.get(keys.meta(after))
            if last is None:
                return []
            condition, values = f"{condition} AND #created_key < :after", {**values, "after": last["created_key"]}
        found: list[Item] = []
        async with aclosing(self._table.index(index, condition, values, page=limit, newest_first=True)) as pages:
            async for page in pages:
                metas = await self._table.get_many(page)
                found += [
                    metas[key] for key in page if key in metas and (status is None or metas[key]["status"] == status)
                ]
                if len(found) >= limit:
                    break
        return await self._whole(found[:limit])

    async def _whole(self, metas: Sequence[Item]) -> list[Job]:
        ids = [str(meta["job_id"]) for meta in metas]
        parts = await self._table.get_many([key(job_id) for job_id in ids for key in (keys.request, keys.plan)])
        return [
            job_from(meta, parts[keys.request(job_id)], parts.get(keys.plan(job_id)), {})
            for job_id, meta in zip(ids, metas, strict=True)
        ]

    async def update_status(self, job_id: str, status: JobStatus, error_message: str | None) -> None:
        """Change the status outside a claim."""
        now = self._table.now()
        moments, once = times(status, now)
        values = {
            "status": status.value,
            "error_message": error_message,
            "updated_at": now,
            **due(job_id, None if status.is_final else now),
            **moments,
        }
        await self._change(job_id, status, values, once=once, add={"signals": 1})

    async def retry(self, job_id: str) -> Job:
        """Start a new run; the plan belongs to the earlier run and counts no more."""
        now = self._table.now()
        values = {
            "status": JobStatus.PENDING.value,
            "error_message": None,
            "completed_at": None,
            "cancel_requested": False,
            "lease_owner": None,
            "lease_until": 0,
            "updated_at": now,
            **due(job_id, now),
        }
        meta = await self._change(job_id, JobStatus.PENDING, values, once={}, add={"run": 1, "signals": 1})
        return (await self._whole([meta]))[0]

    async def _change(self, job_id: str, status: JobStatus, values: Item, *, once: Item, add: dict[str, int]) -> Item:
        """Make a legal transition; META as it is then.

        Raises:
            JobNotFoundError, IllegalTransitionError
            ProviderError: the job changes all the time.
        """
        stamp = ("last_change", uuid.uuid4().hex)
        for _ in range(_CHANGE_TRIES):
            meta = await settled_meta(self._table, job_id)
            if meta is None:
                raise JobNotFoundError(job_id)
            check_transition(job_id, JobStatus(meta["status"]), status)
            changed = await self._table.update(
                Update(
                    keys.meta(job_id),
                    set=values,
                    stamp=stamp,
                    once=once,
                    add=add,
                    condition="#status = :old AND #run = :run",
                    values={"old": meta["status"], "run": meta["run"]},
                )
            )
            if changed is not None:
                return changed
        raise ProviderError(f"job {job_id} changes too often to become {status}; try again", retryable=True)

    async def signal(self, job_id: str, cancel: bool) -> bool:
        """Make the job due now."""
        now = self._table.now()
        values = {"updated_at": now, **due(job_id, now), **({"cancel_requested": True} if cancel else {})}
        write = Update(keys.meta(job_id), set=values, add={"signals": 1}, condition=ACTIVE, values=FINAL_VALUES)
        return await self._table.update(write) is not None

    async def due_ids(self, limit: int) -> list[str]:
        """Ids of jobs that are due and not claimed, the longest due first."""
        now = self._table.now()
        shards = [self._due_in(f"DUE#{shard}", limit, now) for shard in range(keys.DUE_SHARDS)]
        found = [entry for shard in await asyncio.gather(*shards) for entry in shard]
        return [job_id for _, job_id in sorted(found)[: max(limit, 0)]]

    async def _due_in(self, shard: str, limit: int, now: float) -> list[tuple[float, str]]:
        found: list[tuple[float, str]] = []
        condition, values = "#due_key = :shard AND #due_at <= :now", {"shard": shard, "now": now}
        async with aclosing(self._table.index("by_due", condition, values, page=max(limit, 1))) as pages:
            async for page in pages:
                metas = await self._table.get_many(page)
                found += [
                    (float(meta["due_at"]), str(meta["job_id"]))
                    for meta in metas.values()
                    if meta.get("due_at", now + 1) <= now and meta["lease_until"] <= now
                ]
                if len(found) >= limit:
                    break
        return found

    async def results(self, job_id: str) -> list[AgentResult]:
        """All newest results, oldest first."""
        return results_from(await self._table.items(keys.job(job_id), prefix=keys.RESULTS))


def _canonical(stored: str) -> str:
    """Stored JSON with its keys in order; unlike Python's ``==`` it tells ``1`` from ``true``."""
    return json.dumps(loads(stored), sort_keys=True)


def _listing(user_id: str | None, status: JobStatus | None) -> tuple[str, str, str]:
    """The index that knows these jobs in order, its partition attribute, and the attribute's value."""
    if user_id is not None:
        return "by_user", "user_key", keys.user(user_id)
    if status is not None:
        return "by_status", "status", status.value
    return "by_time", "kind", "JOB"

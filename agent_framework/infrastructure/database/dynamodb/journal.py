"""Commits of more writes than one transaction takes: a write-ahead journal, rolled forward.

1. One transaction, under the conditions of any commit, changes META, lets it name the journal, and stores the journal:
   the writes as JSON, in parts. From here on the commit counts, and before it nothing does.
2. The writes are applied in transactions of 99, each of which also checks that META still names the journal.
3. One transaction takes the name from META and removes the journal.

A crash after 1 leaves a META that names a journal. Whoever reads META through `settled_meta` (all that claims, starts
attempts or loads a job) rolls it forward first, and outcomes are refused until that is done. Applying twice, or by two
at once, changes nothing: the writes are whole values, nobody else may write those items before step 3, and after it
the check refuses whoever is late. Processes that apply one journal at once collide; each looks whether META still
names it before it tries again.
"""

import json
from collections.abc import Sequence
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database.dynamodb import keys
from agent_framework.infrastructure.database.dynamodb.refusals import Refused
from agent_framework.infrastructure.database.dynamodb.table import MAX_WRITES, Table
from agent_framework.infrastructure.database.dynamodb.writes import Check, Delete, Item, Put, Update, render

PART_BYTES = 350_000
_CHUNK = MAX_WRITES - 1
_TRIES = 10


def parts(job_id: str, commit: str, writes: Sequence[Put | Update]) -> list[Put]:
    """The journal of ``writes``, which carry no conditions.

    Raises:
        ProviderError: a write that could not be applied later.
    """
    if len({write.key for write in writes}) < len(writes):
        raise ProviderError("a commit writes an event or an attempt twice; nothing was written")
    for write in writes:
        render(write, commit)
    texts = [to_json(_entry(write), what="a journal") for write in writes]
    chunks: list[list[str]] = [[]]
    size = 0
    for text in texts:
        length = len(text.encode()) + 1
        if chunks[-1] and size + length > PART_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(text)
        size += length
    return [
        Put(keys.journal(job_id, commit, number), {"entries": f"[{','.join(chunk)}]"})
        for number, chunk in enumerate(chunks)
    ]


def _entry(write: Put | Update) -> list[Any]:
    if isinstance(write, Put):
        return ["put", *write.key, write.item]
    return ["set", *write.key, write.set]


def _write(entry: list[Any]) -> Put | Update:
    kind, partition, sort, values = entry
    return Put((partition, sort), values) if kind == "put" else Update((partition, sort), set=values)


async def settled_meta(table: Table, job_id: str) -> Item | None:
    """META of the job as of now, with no journal left behind it; None if there is no job.

    Raises:
        ProviderError: large commits follow each other faster than they can be applied.
    """
    for _ in range(_TRIES):
        meta = await table.get(keys.meta(job_id))
        if meta is None or "journal" not in meta:
            return meta
        await roll_forward(table, job_id, meta)
    raise ProviderError(f"dynamodb table {table.name!r}: the journal of job {job_id} could not be applied; try again")


async def roll_forward(table: Table, job_id: str, meta: Item) -> None:
    """Apply the journal that ``meta`` names, if it names one; returns when it is applied, by whomever."""
    commit = meta.get("journal")
    if commit is None:
        return
    stored = await table.items(keys.job(job_id), prefix=f"{keys.JOURNALS}{commit}#")
    if len(stored) != meta["journal_parts"]:
        return  # applied and removed since META was read
    writes = [_write(entry) for part in stored for entry in json.loads(part["entries"])]
    named, values = "#journal = :journal", {"journal": commit}
    fence = Check(keys.meta(job_id), named, values)
    clear = Update(keys.meta(job_id), set={"journal": None, "journal_parts": None}, condition=named, values=values)

    async def wanted() -> bool:
        latest = await table.get(keys.meta(job_id))
        return latest is not None and latest.get("journal") == commit

    chunks = [[fence, *writes[start : start + _CHUNK]] for start in range(0, len(writes), _CHUNK)]
    removal = [clear, *(Delete((part["PK"], part["SK"])) for part in stored)]
    try:
        for transaction in (*chunks, removal):
            await table.transact(transaction, turn=job_id, wanted=wanted)
    except Refused:
        return  # somebody else was faster

"""Results that are served again: the same agent, code, model, question and user give the stored answer.

Only for agents that read: one whose tools write or need approval is refused, by ``validate`` and here. What cannot be
read (an entry of another version, a large value that is gone) counts as a miss and is left as it is.
The outcome of the attempt says so.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent_framework.config.agent_config import AgentConfig, ResultCache
from agent_framework.core.cursor import Mode
from agent_framework.core.execution import Run
from agent_framework.core.large_values import output_paths
from agent_framework.core.shared_entry import change_entry, check_format, went_without
from agent_framework.core.work import Work
from agent_framework.errors import EntryVersionError, ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import AgentOutcome, AttemptState, JSONDict, Usage, is_array, is_object

FORMAT = 1
NAMESPACE = "results"
COUNTS = "result_counts"
_COUNTS_KEPT_S = 7 * 86_400.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CacheCount:
    """How often an agent's results were looked for and found, lately, by all processes."""

    agent: str
    hits: int = 0
    misses: int = 0

    def to_dict(self) -> JSONDict:
        """The JSON form; the ratio is null before the first look."""
        looks = self.hits + self.misses
        ratio = round(self.hits / looks, 4) if looks else None
        return {"agent": self.agent, "hits": self.hits, "misses": self.misses, "hit_ratio": ratio}


def why_not_cacheable(config: AgentConfig, tools: Iterable[Any]) -> str | None:
    """Why the agent's results must not be served again; None if they may."""
    if config.type == "orchestrator":
        return "an orchestrator decides anew for each job"
    if config.needs_approval:
        return "somebody must approve what it does, each time"
    writing = [_name(tool) for tool in tools if _writes(tool)]
    return f"its tools write or need approval: {', '.join(writing)}" if writing else None


def _writes(tool: Any) -> bool:
    declared = getattr(tool, "ours", None)
    return bool(getattr(declared, "is_guarded", False)) or getattr(tool, "needs_approval", False) is not False


def _name(tool: Any) -> str:
    return str(getattr(tool, "name", None) or getattr(tool, "__name__", tool))


class ResultCacheGuard:
    """Answers attempts from stored results. ``owner`` names this process, for its own counts."""

    def __init__(self, db: DatabaseProvider, owner: str) -> None:
        self._db = db
        self._owner = hashlib.sha256(owner.encode()).hexdigest()[:16]

    async def around(self, work: Work, cache: ResultCache, version: str, run: Run) -> AgentOutcome:
        """The stored answer, or that of ``run``, which is stored."""
        if work.job is None or work.mode not in (Mode.RULE, Mode.CALLS):
            return await run()
        key = cache_key(work, cache, version)
        found, problem = await self._find(key, work)
        await self._count(work.performer, hit=found is not None)
        if found is not None:
            return found
        outcome = went_without(await run(), problem)
        if outcome.state is not AttemptState.SUCCEEDED or outcome.output is None:
            return outcome
        await self._keep(key, work, cache, outcome.output)
        return replace(outcome, detail={**outcome.detail, "cached": False})

    async def _find(self, key: str, work: Work) -> tuple[AgentOutcome | None, str | None]:
        """The stored answer (None: there is none), and why it could not be read."""
        try:
            document = await self._db.get_document(NAMESPACE, key)
            if document is None:
                return None, None
            check_format(document.body, FORMAT, f"a cached result of {work.performer}")
            output, stored_at = document.body["output"], document.body["stored_at"]
        except (ProviderError, KeyError) as exc:
            logger.warning("attempt %s runs without its cached result: %s", work.key, exc)
            return None, f"cached result: {exc}"
        inline = output_paths(work.plan.conditions, work.key.agent)
        detail = {"cached": True, "stored_at": stored_at}
        return AgentOutcome(AttemptState.SUCCEEDED, output=output, usage=Usage(), detail=detail, inline=inline), None

    async def _keep(self, key: str, work: Work, cache: ResultCache, output: JSONDict) -> None:
        """Store the answer; one that cannot be stored costs the next job a call, and this one nothing."""
        try:
            now = await self._db.now()

            def change(body: JSONDict | None) -> JSONDict:
                if body is not None:
                    check_format(body, FORMAT, f"a cached result of {work.performer}")
                return {"format": FORMAT, "agent": work.performer, "stored_at": now, "output": output}

            await change_entry(self._db, NAMESPACE, key, change, ttl_s=cache.ttl_seconds)
        except ProviderError as exc:
            logger.warning("the result of attempt %s was not kept for others: %s", work.key, exc)

    async def _count(self, agent: str, *, hit: bool) -> None:
        """Add to this process's own entry, for which no other process competes."""

        def change(body: JSONDict | None) -> JSONDict:
            counted = body or {"format": FORMAT, "hits": 0, "misses": 0}
            check_format(counted, FORMAT, "the counts of cached results")
            word = "hits" if hit else "misses"
            return {**counted, word: counted[word] + 1}

        try:
            await change_entry(self._db, COUNTS, f"{agent}/{self._owner}", change, ttl_s=_COUNTS_KEPT_S)
        except ProviderError as exc:
            logger.warning("a look into the results of %s was not counted: %s", agent, exc)

    async def counts(self, agents: Sequence[AgentConfig]) -> list[CacheCount]:
        """Hits and misses of all processes within the last week, by agent."""
        return [await self._counts_of(agent.name) for agent in agents if agent.cache is not None]

    async def _counts_of(self, agent: str) -> CacheCount:
        total = CacheCount(agent)
        for document in await self._db.list_documents(COUNTS, prefix=f"{agent}/", limit=10_000):
            try:
                check_format(document.body, FORMAT, "the counts of cached results")
            except EntryVersionError as exc:
                logger.warning("counts were left out: %s", exc)
                continue
            total = replace(
                total, hits=total.hits + document.body["hits"], misses=total.misses + document.body["misses"]
            )
        return total


def cache_key(work: Work, cache: ResultCache, version: str) -> str:
    """``<agent>/<hash>`` of everything the answer may depend on."""
    assert work.job is not None
    request: JSONDict = work.job.request_payload
    whole: JSONDict = {"input": request, "results": dict(work.results or {})}
    asked = {path: _read(whole, path) for path in cache.key} if cache.key else whole
    question = {
        "format": FORMAT,
        "version": version,
        "user": None if cache.shared else work.job.user_id,
        "asked": asked,
        "files": dict(sorted(_files(asked))),
    }
    text = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{work.performer}/{hashlib.sha256(text.encode()).hexdigest()}"


def _read(value: Any, path: str) -> Any:
    """``[value]`` at the path, or ``[]``: a missing value is not null."""
    for part in path.split("."):
        if not is_object(value) or part not in value:
            return []
        value = value[part]
    return [value]


def _files(value: Any) -> Iterable[tuple[str, Any]]:
    """Files that the question names by absolute path: their size and time, because their content may change."""
    if isinstance(value, str):
        path = Path(value.removeprefix("file://"))
        if len(value) < 4096 and path.is_absolute() and "\0" not in value and path.is_file():
            yield value, [path.stat().st_size, path.stat().st_mtime_ns]
    elif is_object(value):
        for item in value.values():
            yield from _files(item)
    elif is_array(value):
        for item in value:
            yield from _files(item)

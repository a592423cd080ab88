"""Whether the backends of a stage can be used: each is asked, and nothing is written."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from agent_framework.config.project_config import ProviderSettings
from agent_framework.core.deployed import loader_of
from agent_framework.core.environment import environment
from agent_framework.errors import AgentFrameworkError
from agent_framework.infrastructure.database import DatabaseFactory
from agent_framework.infrastructure.queue import QueueFactory
from agent_framework.infrastructure.storage import StorageFactory
from agent_framework.types import JSONDict

LIMIT_S = 60.0
"""How long one backend may take to answer; most end their own retries earlier."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What came of asking one backend; ``message`` says what was found, or what is wrong and what to do."""

    kind: str
    provider: str
    ok: bool
    message: str


class Backend(Protocol):
    """What the three kinds of providers share."""

    async def probe(self) -> str:
        """Look, and write nothing."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


async def check_connections(path: str | Path, stage: str, *, limit_s: float = LIMIT_S) -> list[Connection]:
    """Ask database, queue and storage of a stage, all at once: the deployed ones, where it was deployed from here."""
    loader, _ = loader_of(path, stage)
    environment(loader.project_dir)
    root, configured = loader.project_dir, loader.config.infrastructure
    return list(
        await asyncio.gather(
            _ask("database", configured.database, partial(DatabaseFactory.create, root=root), limit_s),
            _ask("queue", configured.queue, partial(QueueFactory.create, root=root), limit_s),
            _ask("storage", configured.storage, partial(StorageFactory.create, root=root), limit_s),
        )
    )


async def _ask(
    kind: str, settings: ProviderSettings, create: Callable[[str, JSONDict], Backend], limit_s: float
) -> Connection:
    try:
        backend = create(settings.provider, settings.config)
        try:
            async with asyncio.timeout(limit_s):
                found = await backend.probe()
        finally:
            await backend.close()
    except AgentFrameworkError as exc:
        return Connection(kind, settings.provider, False, str(exc))
    except TimeoutError:
        reason = f"no answer within {limit_s:g} s; check host, region and network"
        return Connection(kind, settings.provider, False, f"{kind} provider {settings.provider}: {reason}")
    return Connection(kind, settings.provider, True, found)

"""What the groups of tests share: fixtures to override, and small words for what tests do again and again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from agent_framework.infrastructure.storage.base import StorageProvider
from agent_framework.testing.conformance._scenario import Case, scenarios

__all__ = ["StorageCase", "Tamper", "chunked", "keys", "read_stream", "scenario"]

Tamper = Callable[[str, bytes | None], Awaitable[Any]]
"""Changes an object behind the provider's back: other bytes under its key, or None to remove it."""

scenario = scenarios(storage="open_storage", other="open_storage")


class StorageCase(Case):
    """The base of all groups of tests."""

    @pytest.fixture
    def open_storage(self) -> Callable[[], StorageProvider]:
        """Makes a provider on the test's own empty storage, the same at each call."""
        raise NotImplementedError("a subclass of StorageConformance provides the fixture 'open_storage'")

    @pytest.fixture
    def tamper(self) -> Tamper:
        """See `Tamper`."""
        raise NotImplementedError("a subclass of StorageConformance provides the fixture 'tamper'")


async def keys(storage: StorageProvider, prefix: str = "") -> list[str]:
    """All keys with this prefix."""
    return [key async for key in storage.list(prefix)]


async def chunked(data: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    """``data`` in pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read_stream(storage: StorageProvider, key: str) -> bytes:
    """All of a stream."""
    return b"".join([chunk async for chunk in storage.get_stream(key)])

"""Databases that cannot be opened."""

import asyncio

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider


def refusal(database: DatabaseProvider, *, passes: bool = False) -> str:
    """The message of the error that opening it ends with; whether it ``passes`` has to be said by the error too."""

    async def go() -> str:
        with pytest.raises(ProviderError) as caught:
            async with database:
                pass
        assert caught.value.retryable is passes
        return str(caught.value)

    return asyncio.run(go())

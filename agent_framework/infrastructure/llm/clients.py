"""HTTP clients that are shared by the models of one event loop.

A model is built for every attempt, a client with its TLS context and its connections is not: it is kept per event
loop, because a client that outlives its loop is broken.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Client = TypeVar("Client")

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[Any, Callable[[], Awaitable[None]]]]]
_clients = WeakKeyDictionary()


def shared_client(name: str, create: Callable[[], Client], close: Callable[[Client], Awaitable[None]]) -> Client:
    """The running loop's client of this name, created at the first call.

    Raises:
        RuntimeError: no event loop is running.
    """
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if name not in clients:
        client = create()
        clients[name] = (client, lambda: close(client))
    return clients[name][0]


async def close_clients() -> None:
    """Close the running loop's clients; the next call opens new ones. For the end of a process, and for tests."""
    for _, close in _clients.pop(asyncio.get_running_loop(), {}).values():
        await close()

"""Clients that models share: HTTP clients of one event loop, and clients of the whole process.

A model is built for every attempt, a client with its TLS context and its connections is not. An asynchronous one is
kept per event loop, because a client that outlives its loop is broken; one that is used from threads is kept per
process.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Client = TypeVar("Client")

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[Any, Callable[[], Awaitable[None]]]]]
_clients = WeakKeyDictionary()

_process_clients: dict[Hashable, tuple[Any, Callable[[], None]]] = {}
_process_lock = threading.Lock()


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


def process_client(key: Hashable, create: Callable[[], Client], close: Callable[[Client], None]) -> Client:
    """The process's client of this key, created at the first call: from a thread, since creating it may block."""
    with _process_lock:
        if key not in _process_clients:
            client = create()
            _process_clients[key] = (client, lambda: close(client))
        return _process_clients[key][0]


def drop_process_client(key: Hashable) -> None:
    """Let the next call create another client; calls under way keep the one they have."""
    with _process_lock:
        _process_clients.pop(key, None)


async def close_clients() -> None:
    """Close the running loop's clients and the process's; the next call opens new ones.

    For the end of a process, and for tests.
    """
    for _, close in _clients.pop(asyncio.get_running_loop(), {}).values():
        await close()
    with _process_lock:
        clients = list(_process_clients.values())
        _process_clients.clear()
    for _, close in clients:
        close()

"""Requests of one kind that wait at the same time go to the database together, where each round trip costs the most."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database._script import UnknownEndError

R = TypeVar("R")
T = TypeVar("T")

MOST = 100
"""Requests that are carried out together."""
AT_ONCE = 3
"""Batches of one kind that are under way at the same time; meanwhile the next ones gather.

A batch waits for all of its rows: one that somebody else holds holds up the others of its batch.
"""


class Gathering(Generic[R, T]):
    """Requests of one kind. ``carry_out`` answers several in their order; if it raises, each is carried out by itself.

    ``drops_cancelled``: what nobody waits for any more is not carried out. Belongs to one event loop.
    """

    def __init__(
        self, carry_out: Callable[[Sequence[R]], Awaitable[Sequence[T]]], *, drops_cancelled: bool = False
    ) -> None:
        self._carry_out = carry_out
        self._drops_cancelled = drops_cancelled
        self._waiting: list[tuple[R, asyncio.Future[T]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    def ask(self, request: R) -> "asyncio.Future[T]":
        """The answer to one request, after it was carried out with whatever waits besides."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((request, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._begin)
        return future

    def close(self, error: Exception) -> None:
        """Tell those whose requests have not begun that they never will."""
        waiting, self._waiting = self._waiting, []
        _settle(waiting, error=error)

    def _begin(self) -> None:
        while self._waiting and len(self._under_way) < AT_ONCE:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if self._drops_cancelled:
                batch = [one for one in batch if not one[1].cancelled()]
            if not batch:
                continue
            task = asyncio.create_task(self._answer(batch))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._begin()

    async def _answer(self, batch: "Sequence[tuple[R, asyncio.Future[T]]]") -> None:
        try:
            answers = await self._carry_out([request for request, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as exc:
            if len(batch) == 1 or _is_of_all(exc):
                _settle(batch, error=exc)
            else:  # one of them spoils it for the others
                await asyncio.gather(*(self._answer([one]) for one in batch))
        else:
            _settle(batch, answers=answers)


def _settle(
    batch: "Sequence[tuple[Any, asyncio.Future[Any]]]", *, answers: Sequence[Any] = (), error: Exception | None = None
) -> None:
    """Tell those who still wait."""
    for number, (_, future) in enumerate(batch):
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answers[number])


def _is_of_all(error: Exception) -> bool:
    """Whether an error is no single request's: an outage, or an end that nobody knows."""
    return isinstance(error, UnknownEndError) or (isinstance(error, ProviderError) and error.retryable)

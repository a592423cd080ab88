"""Async methods as tests of pytest, each in an event loop of its own, with what it uses opened and closed for it."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Sleep = Callable[[float], Awaitable[None]]


class Case:
    """The base of a group of tests."""

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None] | None:
        """Lets a fake clock go on by some seconds; without it, tests wait for real."""
        return None


def scenarios(**opened: str) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """A decorator that makes a test of an async method.

    ``opened`` maps names of parameters to the fixture whose value makes the object to pass; its ``close`` is awaited
    after the test. The parameter ``sleep`` lets time pass; other parameters come from pytest.
    """

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        names = list(inspect.signature(test).parameters)

        @functools.wraps(test)
        def run(self: Case, request: pytest.FixtureRequest, **given: Any) -> None:
            makers = {name: request.getfixturevalue(opened[name]) for name in names if name in opened}
            if "sleep" in names:
                given["sleep"] = _sleep(request.getfixturevalue("pass_time"))

            async def go() -> None:
                made = {name: make() for name, make in makers.items()}
                try:
                    await test(self, **made, **given)
                finally:
                    for provider in made.values():
                        await provider.close()

            asyncio.run(go())

        own = [name for name in names[1:] if name not in opened and name != "sleep"]
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("request", *own)]
        first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        run.__signature__ = inspect.Signature([first, *parameters])  # pyright: ignore[reportAttributeAccessIssue]
        return run

    return decorate


def _sleep(pass_time: Callable[[float], None] | None) -> Sleep:
    async def sleep(seconds: float) -> None:
        if pass_time is None:
            await asyncio.sleep(seconds)
        else:
            pass_time(seconds)

    return sleep

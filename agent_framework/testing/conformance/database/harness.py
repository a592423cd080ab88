"""How the tests run: an async method becomes a test with its own event loop, its databases opened and closed for it."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import Changes, DatabaseProvider
from agent_framework.types import (
    AgentOutcome,
    Attempt,
    AttemptKey,
    AttemptState,
    ErrorKind,
    JobStatus,
    JSONDict,
    Snapshot,
    is_array,
    is_object,
)

CAPABILITIES = frozenset({"number_types", "extreme_floats", "big_integers", "large_values"})
"""``number_types``: 1.0 stays a float and 1 an int. ``extreme_floats``: 1e308 and 5e-324. ``big_integers``: 39 digits
and more. ``large_values``: a payload of 1 MB."""

Factory = Callable[[], DatabaseProvider]
Sleep = Callable[[float], Awaitable[None]]
_GIVEN = ("db", "other", "sleep")


class Case:
    """The base of all groups of tests: fixtures to override."""

    capabilities: ClassVar[frozenset[str]] = CAPABILITIES

    @pytest.fixture
    def database(self) -> Factory:
        """Makes a provider on empty data."""
        raise NotImplementedError("a subclass of DatabaseConformance provides the fixture 'database'")

    @pytest.fixture
    def reopen(self) -> Factory | None:
        """Makes another provider on the data of ``database``."""
        return None

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None] | None:
        """Lets a fake clock go on."""
        return None


def scenario(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make a test of an async method.

    Its parameter ``db`` is an opened database, ``other`` a second one on the same data, and ``sleep`` lets time pass;
    other parameters come from pytest.
    """
    names = list(inspect.signature(test).parameters)

    @functools.wraps(test)
    def run(self: Case, request: pytest.FixtureRequest, **given: Any) -> None:
        make: Factory = request.getfixturevalue("database")
        reopen: Factory | None = request.getfixturevalue("reopen")
        pass_time: Callable[[float], None] | None = request.getfixturevalue("pass_time")
        if "other" in names and reopen is None:
            pytest.skip("needs the fixture 'reopen'")

        async def sleep(seconds: float) -> None:
            if pass_time is None:
                await asyncio.sleep(seconds)
            else:
                pass_time(seconds)

        async def go() -> None:
            async with AsyncExitStack() as stack:
                if "db" in names:
                    given["db"] = await stack.enter_async_context(make())
                if "other" in names and reopen is not None:
                    given["other"] = await stack.enter_async_context(reopen())
                if "sleep" in names:
                    given["sleep"] = sleep
                await test(self, **given)

        asyncio.run(go())

    own = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names if name not in _GIVEN]
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([own[0], request, *own[1:]])  # pyright: ignore[reportAttributeAccessIssue]
    return run


async def new_job(db: DatabaseProvider, payload: JSONDict | None = None, *, user: str = "ada", **options: Any) -> str:
    """A pending job."""
    return await db.create_job(user, "report", {"topic": "tea"} if payload is None else payload, **options)


async def claimed(db: DatabaseProvider, job_id: str, owner: str = "worker", lease_s: float = 30.0) -> Snapshot:
    """The snapshot of a claim that must succeed."""
    snapshot = await db.claim_job(job_id, owner, lease_s)
    assert snapshot is not None, f"{owner} could not claim the job"
    return snapshot


def attempt_of(snapshot: Snapshot, agent: str, *, seq: int = 1, number: int = 1) -> Attempt:
    """A pending attempt that may start now and has a minute."""
    key = AttemptKey(snapshot.job.id, snapshot.job.run, seq, agent, number)
    return Attempt(key, agent, AttemptState.PENDING, snapshot.now, snapshot.now + 60.0)


async def running(db: DatabaseProvider, *agents: str) -> tuple[str, list[AttemptKey]]:
    """A running job with one pending attempt per agent."""
    job_id = await new_job(db)
    snapshot = await claimed(db, job_id)
    attempts = tuple(attempt_of(snapshot, agent) for agent in agents)
    refused = await db.commit(snapshot, Changes(attempts=attempts, status=JobStatus.RUNNING, due_at=snapshot.now + 60))
    assert refused is None
    return job_id, [attempt.key for attempt in attempts]


async def started(db: DatabaseProvider, agent: str = "writer", owner: str = "worker") -> AttemptKey:
    """An attempt of a running job that ``owner`` started."""
    _, [key] = await running(db, agent)
    assert await db.start_attempt(key, owner, 60.0) is not None
    return key


async def reach(db: DatabaseProvider, status: JobStatus) -> str:
    """A job of this status."""
    job_id = await new_job(db)
    paths = {
        JobStatus.PENDING: [],
        JobStatus.RUNNING: [JobStatus.RUNNING],
        JobStatus.WAITING_FOR_APPROVAL: [JobStatus.RUNNING, JobStatus.WAITING_FOR_APPROVAL],
    }
    for step in paths.get(status, [JobStatus.RUNNING, status]):
        await db.update_job_status(job_id, step)
    return job_id


def success(output: JSONDict) -> AgentOutcome:
    """An outcome with a result."""
    return AgentOutcome(AttemptState.SUCCEEDED, output=output, execution_time_ms=12)


def failure(error: str = "no luck") -> AgentOutcome:
    """An outcome without one."""
    return AgentOutcome(AttemptState.FAILED, error=error, error_kind=ErrorKind.ERROR)


def same(left: Any, right: Any, *, number_types: bool = True) -> bool:
    """Equal JSON, where true is not 1 and (with ``number_types``) 1.0 is not 1; the order of keys does not matter."""
    if is_object(left) and is_object(right):
        return left.keys() == right.keys() and all(
            same(left[key], right[key], number_types=number_types) for key in left
        )
    if is_array(left) and is_array(right):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(same(a, b, number_types=number_types) for a, b in pairs)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if number_types:
        return type(left) is type(right) and repr(left) == repr(right)
    return bool(left == right)


async def kept_or_refused(write: Callable[[], Awaitable[object]], *, must: bool) -> bool:
    """Do ``write``; false if it was refused with a clear error, which is only right where it need not be kept."""
    if must:
        await write()
        return True
    try:
        await write()
    except ProviderError:
        return False
    return True

"""An outage that passes is worth another attempt; what would end the same way is not."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agent_framework import Job, JobStatus, Project
from agent_framework.core.execution import failure
from agent_framework.errors import (
    DataTooLargeError,
    EntryVersionError,
    MessageTooLargeError,
    ModelError,
    ProviderError,
    QueueBatchError,
    SchemaVersionError,
    StatementTimeoutError,
    StorageKeyError,
    StoredObjectChangedError,
    StoredObjectMissingError,
)
from agent_framework.types import ErrorKind, Usage

OUTAGE = ProviderError("storage provider s3: get_object failed: 503", retryable=True)
LASTING = [
    ProviderError("database provider dynamodb: get_item failed: AccessDeniedException"),
    ModelError("there is no such model"),
    DataTooLargeError("too large"),
    EntryVersionError("of another version"),
    MessageTooLargeError("too large"),
    QueueBatchError("one was refused", failed={0: "bad"}, done={1: "m"}),
    SchemaVersionError("schema 3"),
    StatementTimeoutError("too slow"),
    StorageKeyError("../x"),
    StoredObjectChangedError("changed"),
    StoredObjectMissingError("missing"),
]
QUICK = {"retry": {"initial_seconds": 0, "jitter": False}}


def ran(project: Project) -> Job:
    async def go() -> Job:
        async with project, asyncio.timeout(20):
            return await project.run({})

    return asyncio.run(go())


def test_an_agent_whose_storage_is_away_for_a_moment_is_tried_again(project: Callable[..., Project]) -> None:
    answers: list[Any] = [OUTAGE, OUTAGE, {"n": 3}]

    def reads() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    job = ran(project({"reader": reads}, settings={"reader": QUICK}))
    assert (job.status, job.agent_results, answers) == (JobStatus.COMPLETED, {"reader": {"n": 3}}, [])


def test_an_outage_that_does_not_pass_ends_with_the_last_attempt_the_policy_allows(
    project: Callable[..., Project],
) -> None:
    tries: list[None] = []

    def reads() -> None:
        tries.append(None)
        raise OUTAGE

    job = ran(project({"reader": reads}, settings={"reader": {"retry": {**QUICK["retry"], "max_attempts": 2}}}))
    assert (job.status, len(tries)) == (JobStatus.FAILED, 2)
    assert "get_object failed: 503" in (job.error_message or "")


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_a_refusal_that_would_only_repeat_is_an_error(error: ProviderError) -> None:
    assert failure(error, Usage()).error_kind is ErrorKind.ERROR


def test_an_outage_is_found_behind_a_librarys_own_error() -> None:
    wrapped = RuntimeError("the tool failed")
    wrapped.__cause__ = OUTAGE
    assert failure(wrapped, Usage()).error_kind is ErrorKind.TRANSIENT

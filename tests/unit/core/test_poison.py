"""Messages whose work fails again and again: the queue gives them up, and the job that is to blame fails."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Job, JobStatus, Project
from agent_framework.core.engine import Engine
from agent_framework.core.execution import Performer
from agent_framework.core.message_handler import MessageHandler
from agent_framework.core.messages import advance_message
from agent_framework.core.pinned import PinnedPlan
from agent_framework.errors import ConfigError, ProviderError
from agent_framework.infrastructure.queue.base import Message
from tests.support.projects import open_project


def handler_of(project: Project, plan: Callable[[Job], PinnedPlan] | None = None) -> MessageHandler:
    engine = Engine(project.jobs, plan=plan or (lambda job: project.orchestrator.pin()), dispatcher=Nowhere())
    return MessageHandler(project.jobs, engine, Performer(project.db, project.runner, owner="me", wake=nobody))


class Nowhere:
    """A dispatcher that starts nothing."""

    async def dispatch(self, attempts: Any) -> None:
        pass

    async def job_ended(self, job_id: str) -> None:
        pass


async def nobody(job_id: str) -> None:
    pass


def message(body: dict[str, Any], count: int) -> Message:
    return Message("m", body, "receipt", count)


def project_in(folder: Path) -> Project:
    return open_project(folder, {"a": dict})


def damage(folder: Path, job_id: str) -> None:
    """An event of a kind that this version does not know."""
    with sqlite3.connect(folder / ".agent-framework" / "jobs.sqlite") as connection:
        connection.execute(
            "INSERT INTO job_events (job_id, seq, run, kind, data, at) VALUES (?, 99, 1, 'of tomorrow', '{}', 0)",
            [job_id],
        )
    connection.close()


def test_the_last_try_fails_the_job_with_the_reason(tmp_path: Path) -> None:
    async def work() -> None:
        async with project_in(tmp_path) as project:
            job_id = await project.jobs.submit({})
            damage(tmp_path, job_id)
            handler = handler_of(project)
            for count in (1, 2, 3):
                assert (await project.jobs.get(job_id)).status is JobStatus.PENDING
                with pytest.raises(ValueError, match="of tomorrow"):
                    await handler.handle(message(advance_message(job_id), count), receive_limit=3)
            job = await project.jobs.get(job_id)
            assert (job.status, job.due_at) == (JobStatus.FAILED, None)
            assert job.error_message is not None
            assert job.error_message.startswith("the job cannot be carried on: 3 tries ended with ValueError: ")

    asyncio.run(work())


def test_an_advance_that_fails_holds_no_claim(tmp_path: Path) -> None:
    def broken(job: Job) -> PinnedPlan:
        raise RuntimeError("a fault in the engine")

    async def work() -> None:
        async with project_in(tmp_path) as project:
            job_id = await project.jobs.submit({})
            handler = handler_of(project, plan=broken)
            with pytest.raises(RuntimeError, match="a fault in the engine"):
                await handler.handle(message(advance_message(job_id), 1), receive_limit=3)
            assert await project.db.claim_owner(job_id) is None
            assert job_id in await project.db.due_jobs()

    asyncio.run(work())


def test_an_outage_fails_no_job(tmp_path: Path) -> None:
    async def work() -> None:
        async with project_in(tmp_path) as project:
            job_id = await project.jobs.submit({})
            handler = handler_of(project)
            decide = project.jobs.decide

            async def unreachable(job_id: str, *given: object, **options: object) -> None:
                raise ProviderError("database sqlite: away for a moment")

            project.jobs.decide = unreachable  # type: ignore[method-assign, assignment]
            with pytest.raises(ProviderError, match="away for a moment"):
                await handler.handle(message(advance_message(job_id), 3), receive_limit=3)
            project.jobs.decide = decide  # type: ignore[method-assign]
            assert (await project.jobs.get(job_id)).status is JobStatus.PENDING

    asyncio.run(work())


def test_a_message_that_says_nothing_names_no_job(tmp_path: Path) -> None:
    async def work() -> None:
        async with project_in(tmp_path) as project:
            with pytest.raises(ConfigError, match="has a job_id and the type advance or perform"):
                await handler_of(project).handle(message({"type": "dance", "job_id": "x"}, 3), receive_limit=3)

    asyncio.run(work())


def test_a_job_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    async def work() -> None:
        async with project_in(tmp_path) as project:
            job_id = await project.jobs.submit({})
            await project.jobs.cancel(job_id)
            await handler_of(project).advance(job_id)
            damage(tmp_path, job_id)
            await handler_of(project).handle(message(advance_message(job_id), 3), receive_limit=3)
            assert (await project.jobs.get(job_id)).status is JobStatus.CANCELLED

    asyncio.run(work())

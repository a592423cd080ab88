"""A worker in which something breaks that nobody has foreseen says so and works on."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent_framework import JobStatus, Project
from agent_framework.config.registry import import_from

BROKEN = "dictionary changed size during iteration"


def breaks_once(patch: pytest.MonkeyPatch, owner: object, method: str) -> None:
    """The method raises at its first call."""
    original, calls = getattr(owner, method), []

    async def once(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError(BROKEN)
        return await original(*arguments, **options)

    patch.setattr(owner, method, once)


@pytest.mark.parametrize(
    ("part", "method", "hint"), [("jobs", "due", False), ("jobs", "decide", False), ("queue", "receive", True)]
)
def test_one_unforeseen_error_ends_neither_the_sweeper_nor_the_worker(
    part: str,
    method: str,
    hint: bool,
    project: Callable[..., Project],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("agent_framework.core.worker.RETRY_DELAY_S", 0.01)

    async def scenario() -> None:
        async with project({"a": lambda: {"n": 1}}) as opened, asyncio.timeout(30):
            breaks_once(monkeypatch, getattr(opened, part), method)
            worker = opened.worker(sweep_s=0.05 if not hint else 60)
            working = asyncio.create_task(worker.run())
            job_id = await (opened.submit({}) if hint else opened.jobs.submit({}))
            assert (await opened.wait_for(job_id, poll_s=0.02)).status is JobStatus.COMPLETED
            worker.stop()
            await working

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    [told] = [record for record in caplog.records if BROKEN in record.getMessage()]
    assert told.exc_info, "an unforeseen error comes with its traceback"


def test_one_unforeseen_error_does_not_let_go_of_a_message_whose_agent_runs(
    project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent_framework.core.worker.VISIBILITY_S", 0.6)
    begun: list[str] = []

    async def slow() -> dict[str, int]:
        begun.append("slow")
        await asyncio.sleep(2)
        return {"n": 1}

    async def scenario() -> None:
        async with project({"a": slow}) as opened, asyncio.timeout(30):
            breaks_once(monkeypatch, opened.queue, "extend")
            worker = opened.worker(sweep_s=60)
            working = asyncio.create_task(worker.run())
            job_id = await opened.submit({})
            assert (await opened.wait_for(job_id, poll_s=0.02)).status is JobStatus.COMPLETED
            snapshot = await opened.db.load(job_id)
            assert snapshot is not None
            assert [attempt.key.number for attempt in snapshot.attempts] == [1]
            worker.stop()
            await working

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert begun == ["slow"]
    assert [record for record in caplog.records if BROKEN in record.getMessage()]


class Busy(str):
    """The name of a module; while it is looked at, another thread imports something."""

    def startswith(self, *arguments: Any) -> bool:
        sys.modules.setdefault("imported_meanwhile", ModuleType("imported_meanwhile"))
        return super().startswith(*arguments)


def test_another_thread_may_import_while_a_project_comes_first_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small_module.py").write_text("n = 1\n", "utf-8")
    monkeypatch.delitem(sys.modules, "imported_meanwhile", raising=False)
    monkeypatch.setitem(sys.modules, Busy("looked_at"), ModuleType("looked_at"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    try:
        assert import_from(tmp_path, "small_module").n == 1
        assert "imported_meanwhile" in sys.modules
    finally:
        sys.modules.pop("imported_meanwhile", None)
        sys.modules.pop("small_module", None)

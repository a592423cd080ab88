"""The checkpoint engine over a real SQLite file, with functions as agents."""

import asyncio
import logging
import threading
import time
from typing import Any

import pytest

from agent_framework import Job, JobStatus
from agent_framework.core.trace import canonical, trace
from agent_framework.errors import ConfigError
from agent_framework.types import AttemptState, EventKind
from tests.support.engine_runs import SEED_RULES, Make, done, run, run_and_load, seed_agents

# -- running -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_three_parallel_half_second_agents_end_within_a_second(project: Make, kind: str) -> None:
    async def rests() -> dict[str, Any]:
        await asyncio.sleep(0.5)
        return {}

    def blocks() -> dict[str, Any]:
        time.sleep(0.5)
        return {}

    agent = rests if kind == "async" else blocks
    begun = time.monotonic()
    job = run(project({"a": agent, "b": agent, "c": agent}))
    assert job.status is JobStatus.COMPLETED
    assert time.monotonic() - begun < 1.0


def test_as_many_plain_functions_run_at_once_as_max_concurrent_agents_says(project: Make) -> None:
    meet = threading.Barrier(10, timeout=5)

    def waits_for_the_others() -> dict[str, Any]:
        meet.wait()
        return {}

    agents = {f"agent_{index}": waits_for_the_others for index in range(10)}
    assert run(project(agents, "max_concurrent_agents: 10")).status is JobStatus.COMPLETED


def test_agents_see_the_job_and_earlier_results(project: Make) -> None:
    def first(job: Job) -> dict[str, Any]:
        return {"doubled": job["request_payload"]["n"] * 2}

    async def second(job: Job, context: Any) -> dict[str, Any]:
        return {"plus": context.results["first"]["doubled"] + 1, "same": job.agent_results == context.results}

    job = run(project({"first": first, "second": second}, "strategy: sequential"), {"n": 4})
    assert job.agent_results == {"first": {"doubled": 8}, "second": {"plus": 9, "same": True}}


def test_an_agent_of_a_parallel_step_never_sees_its_siblings_results(project: Make) -> None:
    async def waits() -> dict[str, Any]:
        await asyncio.sleep(0.1)
        return {}

    def looks(job: Job, context: Any) -> dict[str, Any]:
        return {"saw": sorted(context.results)}

    job = run(project({"quick": done, "waits": waits, "late": looks}, "max_concurrent_agents: 2"))
    assert job.agent_results["late"] == {"saw": []}


def test_an_output_that_is_no_object_is_wrapped(project: Make) -> None:
    agents = {"text": lambda: "hello", "number": lambda: 3, "nothing": lambda: None, "rows": lambda: [1]}
    assert run(project(agents)).agent_results == {
        "text": {"result": "hello"}, "number": {"result": 3}, "nothing": {"result": None}, "rows": {"result": [1]},
    }  # fmt: skip


def test_a_failing_sibling_leaves_the_others_results(project: Make) -> None:
    async def good() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"ok": True}

    def bad() -> None:
        raise KeyError("rows")

    snapshot = run_and_load(project({"good": good, "bad": bad, "fine": good}))
    assert snapshot.job.status is JobStatus.FAILED
    assert snapshot.job.error_message == "agent bad failed: KeyError: 'rows'"
    assert set(snapshot.results) == {"good", "fine"}
    assert snapshot.events[-1].data["failed_agents"] == {"bad": "KeyError: 'rows'"}


def test_fifty_jobs_at_once_all_complete(project: Make) -> None:
    async def echo(job: Job) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"n": job.request_payload["n"]}

    async def go() -> list[Job]:
        async with project({"a": echo, "b": echo}) as opened, asyncio.timeout(30):
            return await asyncio.gather(*(opened.run({"n": n}) for n in range(50)))

    jobs = asyncio.run(go())
    assert [job.agent_results for job in jobs] == [{"a": {"n": n}, "b": {"n": n}} for n in range(50)]


def test_a_rerun_runs_twice_and_keeps_the_newest(project: Make) -> None:
    count = iter(range(10))
    orchestration = "selection_rules: [{name: r, agents: [a, {sequential: [a], rerun: true}]}]"
    snapshot = run_and_load(project({"a": lambda: {"n": next(count)}}, orchestration))
    assert snapshot.results["a"].payload == {"n": 1}
    assert [attempt.state for attempt in snapshot.attempts] == [AttemptState.SUCCEEDED] * 2


# -- trace and listener --------------------------------------------------------------------------------------------


def test_two_runs_of_the_same_job_have_the_same_canonical_trace(project: Make) -> None:
    traces = [canonical(trace(run_and_load(project(seed_agents(), SEED_RULES), {"kind": "full"}))) for _ in range(2)]
    assert traces[0] == traces[1]
    assert [entry["kind"] for entry in traces[0]] == [
        "started", "rule", "step", "step", "rule", "step", "finished",
    ]  # fmt: skip


def test_nothing_is_logged_as_an_error_by_a_job_that_goes_well(project: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "agent_framework"):
        run(project(seed_agents(), SEED_RULES), {"kind": "full"})
    assert [record.getMessage() for record in caplog.records] == []


def test_decisions_are_recorded_before_agents_start(project: Make) -> None:
    seen: list[list[str]] = []

    async def looks(job: Job, context: Any) -> None:
        snapshot = await context.db.load(job.id)
        seen.append([event.kind for event in snapshot.events])

    run(project({"a": looks}))
    assert seen == [[EventKind.STARTED, EventKind.RULE, EventKind.STEP]]


def test_an_input_nested_too_deeply_is_refused_before_it_is_stored(project: Make) -> None:
    deep: Any = "x"
    for _ in range(250):
        deep = [deep]
    with pytest.raises(ConfigError, match="nested deeper than 200 levels"):
        run(project({"a": done}), {"deep": deep})


def test_an_output_nested_too_deeply_fails_its_agent(project: Make) -> None:
    def deep() -> Any:
        value: Any = {}
        for _ in range(250):
            value = {"in": value}
        return value

    job = run(project({"a": deep}))
    assert job.status is JobStatus.FAILED
    assert "nested deeper than 200 levels" in str(job.error_message)

"""How agents fail, and what the engine makes of it, over a real SQLite file."""

import asyncio
import time
from typing import Any

import pytest

from agent_framework import JobStatus, RetryableError, SkipAgent
from agent_framework.core.trace import trace
from tests.support.engine_runs import QUICK, Make, done, run, run_and_load


def test_an_agent_over_its_time_is_stopped_and_says_so(project: Make) -> None:
    async def sleeps() -> None:
        await asyncio.sleep(30)

    settings = {"a": {"runtime": {"timeout": 1}, "retry": {"max_attempts": 1}}}
    begun = time.monotonic()
    job = run(project({"a": sleeps}, settings=settings))
    assert time.monotonic() - begun < 3
    assert job.error_message == "agent a failed: ran longer than 1 seconds (runtime.timeout)"


def test_an_agents_own_timeout_error_is_not_taken_for_ours(project: Make) -> None:
    def gives_up() -> None:
        raise TimeoutError("the service did not answer")

    assert run(project({"a": gives_up})).error_message == "agent a failed: TimeoutError: the service did not answer"


def test_a_retryable_error_is_tried_again(project: Make) -> None:
    tries: list[int] = []

    def flaky() -> dict[str, Any]:
        tries.append(1)
        if len(tries) < 3:
            raise RetryableError("busy")
        return {"tries": len(tries)}

    snapshot = run_and_load(project({"a": flaky}, settings={"a": QUICK}))
    assert snapshot.results["a"].payload == {"tries": 3}
    assert [a.state.value for a in snapshot.attempts] == ["failed", "failed", "succeeded"]


def test_a_fallback_stands_in_and_is_named(project: Make) -> None:
    def broken() -> None:
        raise ValueError("no")

    settings = {"a": {"fallback": "spare"}, "spare": {"type": "orchestrator"}}
    snapshot = run_and_load(project({"a": broken, "spare": lambda: {"ok": 1}}, settings=settings))
    assert snapshot.job.status is JobStatus.COMPLETED
    assert (snapshot.results["a"].payload, snapshot.results["a"].produced_by) == ({"ok": 1}, "spare")
    assert "spare" not in snapshot.results


def test_an_agent_that_skips_itself_is_recorded_with_its_reason(project: Make) -> None:
    def nothing_to_do() -> None:
        raise SkipAgent("no rows")

    snapshot = run_and_load(project({"a": nothing_to_do, "b": done}))
    assert snapshot.job.status is JobStatus.COMPLETED
    outcomes = trace(snapshot)[2]["outcomes"]
    assert (outcomes["a"]["state"], outcomes["a"]["reason"]) == ("skipped", "no rows")
    assert set(snapshot.results) == {"b"}


BAD_OUTPUTS: dict[str, Any] = {
    "not a number": float("nan"),
    "a class": object,
    "a set": {1, 2},
    "bytes": b"x",
    "half a surrogate pair": "\ud800",
    "a key that is half a surrogate pair": {"\udfff": 1},
    "a tuple as a key": {(1, 2): 3},
}


@pytest.mark.parametrize("name", BAD_OUTPUTS)
def test_an_output_that_cannot_be_stored_fails_the_agent_at_once(project: Make, name: str) -> None:
    job = run(project({"a": lambda: {"value": BAD_OUTPUTS[name]}}))
    assert job.status is JobStatus.FAILED
    assert (job.error_message or "").startswith("agent a failed: the output of a is not JSON")


def test_an_output_that_contains_itself_fails_the_agent(project: Make) -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    assert "is not JSON" in (run(project({"a": lambda: loop})).error_message or "")


def test_an_error_text_that_is_no_unicode_is_stored_all_the_same(project: Make) -> None:
    def bad() -> None:
        raise ValueError("caf\udce9 \x00 " + "x" * 5000)

    job = run(project({"a": bad}))
    assert (job.error_message or "").startswith("agent a failed: ValueError: caf")
    assert len(job.error_message or "") < 2100


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), StopIteration()])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_no_exception_of_an_agent_leaves_the_job_hanging(project: Make, error: BaseException, kind: str) -> None:
    async def leaves() -> None:
        raise error

    def leaves_its_thread() -> None:
        raise error

    job = run(project({"a": leaves if kind == "async" else leaves_its_thread}))
    assert job.status is JobStatus.FAILED
    assert "agent a failed" in (job.error_message or "")


def test_an_agent_that_awaits_a_cancelled_task_of_its_own_fails_and_does_not_hang(project: Make) -> None:
    async def cancels_its_helper() -> None:
        helper = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        helper.cancel()
        await helper

    assert run(project({"a": cancels_its_helper})).status is JobStatus.FAILED


def test_deeply_nested_values_in_conditions_end_in_a_decision(project: Make) -> None:
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    orchestration = 'selection_rules: [{name: r, condition: "input.x == results.a.x", agents: [a], else: [a]}]'
    assert run(project({"a": done}, orchestration), {"x": deep}).status is JobStatus.COMPLETED

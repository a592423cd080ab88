"""The durable engine on AWS's own test runner, over a real SQLite file, with the checkpoint engine beside it."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Job, JobStatus, Project, RetryableError, SkipAgent
from agent_framework.types import AttemptKey, AttemptState, ErrorKind, Snapshot
from tests.support.durable import canonical_trace, durable
from tests.support.projects import open_project

Make = Callable[..., Project]
QUICK = {"retry": {"initial_seconds": 0.01, "jitter": False}}
DEPLOYED = """
infrastructure:
  database: {provider: sqlite}
  queue: {provider: local}
  storage: {provider: local}
"""
SEQUENCE_AND_PARALLEL = """
selection_rules:
  - {name: all, agents: [a, {parallel: [b, c]}, d]}
  - {name: checked, condition: "results.d.n == 4 and prev_step.n == 4", agents: [{sequential: [a]}]}
"""


def answers(n: int) -> Callable[[], dict[str, Any]]:
    """An agent that answers ``{"n": n}``."""
    return lambda: {"n": n}


def fails() -> dict[str, Any]:
    raise ValueError("no data")


def sleeps(seconds: float) -> Callable[[], Awaitable[dict[str, Any]]]:
    """An agent that takes its time."""

    async def work() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {}

    return work


def flaky(failures: int) -> Callable[[], dict[str, Any]]:
    """An agent that succeeds after so many failures."""
    left = [failures]

    def work() -> dict[str, Any]:
        left[0] -= 1
        if left[0] >= 0:
            raise RetryableError("busy")
        return {"ok": True}

    return work


def attempts_of(snapshot: Snapshot, agent: str) -> list[tuple[AttemptState, ErrorKind | None]]:
    return [
        (attempt.state, attempt.outcome.error_kind if attempt.outcome else None)
        for attempt in sorted(snapshot.attempts, key=lambda a: a.key.number)
        if attempt.key.agent == agent
    ]


def on_the_checkpoint_engine(folder: Path, agents: dict[str, Any], *args: Any, **options: Any) -> Snapshot:
    """The same job on the checkpoint engine, in a project of its own."""
    folder.mkdir()
    project = open_project(folder, agents, *args, **options)

    async def go() -> Snapshot:
        async with project, asyncio.timeout(30):
            job = await project.run({})
            found = await project.db.load(job.id)
            assert found is not None
            return found

    return asyncio.run(go())


# -- the same as the checkpoint engine -----------------------------------------------------------------------------

CASES: dict[str, tuple[Callable[[], dict[str, Any]], str, dict[str, Any]]] = {
    "sequence and parallel": (lambda: {n: answers(i) for i, n in enumerate("abcd", 1)}, SEQUENCE_AND_PARALLEL, {}),
    "a failing sibling": (lambda: {"a": fails, "b": answers(2), "c": answers(3)}, "strategy: parallel", {}),
    "on_error continue": (lambda: {"a": fails, "b": answers(2)}, "{strategy: sequential, on_error: continue}", {}),
    "a retry that succeeds": (lambda: {"a": flaky(2), "b": answers(1)}, "strategy: parallel", {"a": QUICK}),
    "retries that run out": (lambda: {"a": flaky(9), "b": answers(1)}, "strategy: sequential", {"a": QUICK}),
    "one at a time": (
        lambda: {"a": flaky(1), "b": answers(1), "c": fails, "d": answers(1)},
        "{strategy: parallel, max_concurrent_agents: 1}",
        {"a": QUICK},
    ),
    "a fallback": (lambda: {"a": fails, "b": answers(7)}, "strategy: sequential", {"a": {"fallback": "b"}}),
    "a timeout": (
        lambda: {"a": sleeps(30), "b": answers(1)},
        "strategy: parallel",
        {"a": {"runtime": {"timeout": 1}, "retry": {"max_attempts": 1}}},
    ),
    "phases": (
        lambda: {"a": fails, "b": answers(1), "c": answers(2)},
        """
selection_rules:
  - {name: work, agents: [a]}
  - {name: mend, when: failure, agents: [b]}
  - {name: tell, when: finally, agents: [c]}
""",
        {},
    ),
    "no rule matches": (
        lambda: {"a": answers(1)},
        "selection_rules: [{name: r, condition: input.x == 1, agents: [a]}]",
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_trace_is_that_of_the_checkpoint_engine(project: Make, tmp_path: Path, case: str) -> None:
    agents, orchestration, settings = CASES[case]
    elsewhere = on_the_checkpoint_engine(tmp_path / "checkpoint", agents(), orchestration, settings=settings)
    with durable(project(agents(), orchestration, settings=settings)) as run:
        snapshot = run.run()
    assert canonical_trace(snapshot) == canonical_trace(elsewhere)
    assert snapshot.job.status is elsewhere.job.status
    assert snapshot.job.error_message == elsewhere.job.error_message
    assert snapshot.job.agent_results == elsewhere.job.agent_results
    assert [a.key for a in snapshot.attempts] == [
        AttemptKey(snapshot.job.id, a.key.run, a.key.seq, a.key.agent, a.key.number) for a in elsewhere.attempts
    ]


def test_agents_of_a_parallel_step_run_at_once(project: Make) -> None:
    meet = threading.Barrier(3, timeout=10)

    def waits_for_the_others() -> dict[str, Any]:
        meet.wait()
        return {}

    with durable(project(dict.fromkeys("abc", waits_for_the_others))) as run:
        assert run.run().job.status is JobStatus.COMPLETED


def test_no_more_agents_run_at_once_than_max_concurrent_agents_says(project: Make) -> None:
    running, most = [0], [0]

    async def works() -> dict[str, Any]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.1)
        running[0] -= 1
        return {}

    agents = {f"agent_{index}": works for index in range(6)}
    with durable(project(agents, "{strategy: parallel, max_concurrent_agents: 2}")) as run:
        assert run.run().job.status is JobStatus.COMPLETED
    assert most[0] == 2


def test_a_sibling_is_tried_again_while_another_still_runs(project: Make) -> None:
    ended: list[str] = []
    tries = [0]

    def a() -> dict[str, Any]:
        tries[0] += 1
        if tries[0] == 1:
            raise RetryableError("busy")
        ended.append("a")
        return {}

    async def b() -> dict[str, Any]:
        await asyncio.sleep(4)
        ended.append("b")
        return {}

    with durable(project({"a": a, "b": b}, "strategy: parallel", settings={"a": QUICK})) as run:
        assert run.run().job.status is JobStatus.COMPLETED
    assert ended == ["a", "b"]


def test_a_slot_is_given_on_although_the_news_came_with_a_siblings_checkpoint(project: Make) -> None:
    b_ended, a_returned, d_began = threading.Event(), threading.Event(), threading.Event()

    async def a() -> dict[str, Any]:
        await asyncio.to_thread(b_ended.wait, 20)
        return {}

    async def c() -> dict[str, Any]:
        return {"saw d": await asyncio.to_thread(d_began.wait, 10)}

    agents = {"a": a, "b": answers(1), "c": c, "d": lambda: d_began.set() or {}}  # type: ignore[func-returns-value]
    with durable(project(agents, "{strategy: parallel, max_concurrent_agents: 2}")) as run:

        def until_a_has_returned() -> None:
            if "b for 3/b/1" in run.invoked and not a_returned.is_set():
                b_ended.set()
                assert a_returned.wait(20)
                time.sleep(0.5)

        run.after["a"] = lambda key: a_returned.set()
        run.between = until_a_has_returned
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.COMPLETED
    assert snapshot.job.agent_results["c"] == {"saw d": True}


def test_an_agent_that_skips_is_no_failure(project: Make) -> None:
    def skips() -> dict[str, Any]:
        raise SkipAgent("nothing to do")

    with durable(project({"a": skips, "b": answers(1)}, "strategy: sequential")) as run:
        snapshot = run.run()
    assert attempts_of(snapshot, "a") == [(AttemptState.SKIPPED, None)]
    assert snapshot.job.status is JobStatus.COMPLETED


# -- workers that die ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before it starts", "after its agent has answered"])
def test_a_worker_that_dies_counts_once_and_is_tried_again(project: Make, moment: str) -> None:
    deaths = [1]

    def dies(key: AttemptKey) -> None:
        deaths[0] -= 1
        if deaths[0] == 0:
            raise RuntimeError("Runtime exited with error: signal: killed")

    with durable(project({"a": answers(1), "b": answers(2)}, "strategy: parallel", settings={"a": QUICK})) as run:
        hooks = run.before if moment == "before it starts" else run.after
        hooks["a"] = dies
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.COMPLETED
    crashed = [(AttemptState.ABANDONED, ErrorKind.CRASH)] if moment == "before it starts" else []
    assert attempts_of(snapshot, "a") == [*crashed, (AttemptState.SUCCEEDED, None)]
    assert attempts_of(snapshot, "b") == [(AttemptState.SUCCEEDED, None)]


def test_a_worker_that_dies_in_the_middle_of_its_agent_leaves_a_crashed_attempt(project: Make) -> None:
    died: list[AttemptKey] = []
    with durable(project({"a": answers(1)}, settings={"a": QUICK})) as run:

        def starts_and_dies(key: AttemptKey) -> None:
            if not died:
                died.append(key)
                started = run.loop.wait_for(run.project.db.start_attempt(key, "lambda|dead", 300))
                assert started is not None
                raise RuntimeError("killed")

        run.before["a"] = starts_and_dies
        snapshot = run.run()
    assert attempts_of(snapshot, "a") == [(AttemptState.ABANDONED, ErrorKind.CRASH), (AttemptState.SUCCEEDED, None)]
    assert snapshot.attempts[0].outcome is not None
    assert snapshot.attempts[0].outcome.error == "its process died"


def test_a_worker_that_always_dies_fails_the_job_after_its_attempts(project: Make) -> None:
    def dies(key: AttemptKey) -> None:
        raise RuntimeError("killed")

    with durable(project({"a": answers(1)}, settings={"a": QUICK})) as run:
        run.before["a"] = dies
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.FAILED
    assert snapshot.job.error_message == "agent a failed: its process died"
    assert len(run.invoked) == 3


def test_an_agent_without_a_function_fails_and_says_so(project: Make, caplog: pytest.LogCaptureFixture) -> None:
    made = project({"a": answers(1)}, settings={"a": {"retry": {"max_attempts": 1}}})
    with durable(made) as run:
        run.absent.add("a")
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.FAILED
    assert "the invocation of a-test-local-a for attempt" in caplog.text


def test_a_worker_that_answers_without_having_started_is_not_asked_for_ever(project: Make) -> None:
    with durable(project({"a": answers(1)}, settings={"a": QUICK})) as run:
        run.idle.add("a")
        snapshot = run.run()
    assert attempts_of(snapshot, "a") == [(AttemptState.ABANDONED, ErrorKind.CRASH)] * 3
    assert snapshot.job.status is JobStatus.FAILED


# -- replay --------------------------------------------------------------------------------------------------------


def test_an_interrupted_execution_is_replayed_without_running_anything_again(project: Make) -> None:
    ran: list[str] = []

    def logs(name: str) -> Callable[[], dict[str, Any]]:
        return lambda: ran.append(name) or {"n": 1}  # type: ignore[func-returns-value]

    agents = {name: logs(name) for name in "abcd"}
    with durable(project(agents, SEQUENCE_AND_PARALLEL)) as run:
        run.run()
        invocations = run.bodies
        assert sorted(ran) == ["a", "b", "c", "d"]
        assert invocations > 3, "every invocation of a worker suspends the execution, which is then replayed"
        again = run.replay()
    assert again == run.results[0]
    assert sorted(ran) == ["a", "b", "c", "d"]


def test_the_step_that_was_interrupted_after_its_commit_reads_what_was_decided(project: Make) -> None:
    with durable(project({"a": answers(1), "b": answers(2)}, "strategy: parallel")) as run:
        run.lose_answers = 3
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.COMPLETED
    assert sorted(run.invoked) == ["a for 3/a/1", "b for 3/b/1"]


def test_another_execution_takes_over_where_one_was_stopped(project: Make) -> None:
    with durable(project({"a": answers(1), "b": answers(2)}, "strategy: sequential")) as run:
        job_id = run.submit()
        run.loop.wait_for(run.receipts().of_job(job_id, 1))  # decided, and then the execution is gone
        snapshot = run.execute(job_id, part=2)
    assert snapshot.job.status is JobStatus.COMPLETED
    assert [len(attempts_of(snapshot, agent)) for agent in "ab"] == [1, 1]


def test_an_attempt_that_another_execution_started_is_waited_for_not_repeated(project: Make) -> None:
    with durable(project({"a": answers(1)})) as run:
        job_id = run.submit()
        receipt = run.loop.wait_for(run.receipts().of_job(job_id, 1))
        key = AttemptKey(job_id, 1, receipt["seq"], "a", 1)
        assert run.loop.wait_for(run.project.db.start_attempt(key, "lambda|elsewhere", 2)) is not None
        snapshot = run.execute(job_id)
    assert attempts_of(snapshot, "a")[0] == (AttemptState.ABANDONED, ErrorKind.TIMEOUT)
    assert snapshot.job.status is JobStatus.COMPLETED
    assert run.invoked == [f"a for {key.seq}/a/2"]


# -- time, cancelling, runs ----------------------------------------------------------------------------------------


def test_a_job_may_take_longer_than_any_function(project: Make) -> None:
    hours = {"retry": {"initial_seconds": 3600, "max_seconds": 3600, "jitter": False, "max_attempts": 9}}
    with durable(project({"a": flaky(8)}, settings={"a": hours}), skip_time=True) as run:
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.COMPLETED
    waits = [one for one in run.operations if one["Type"] == "WAIT"]
    assert len(waits) == 8
    assert len(attempts_of(snapshot, "a")) == 9


def test_a_cancelled_job_starts_no_further_agent(project: Make) -> None:
    ran: list[str] = []
    with durable(project({"a": answers(1), "b": lambda: ran.append("b")}, "strategy: sequential")) as run:
        run.after["a"] = lambda key: run.loop.wait_for(run.project.jobs.cancel(key.job_id))
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.CANCELLED
    assert ran == []


def test_the_deadline_ends_a_job_while_its_agents_run(project: Make) -> None:
    cleaned: list[str] = []
    rules = """
timeout_seconds: 2
selection_rules:
  - {name: work, agents: [{parallel: [a, b]}]}
  - {name: tell, when: finally, agents: [c]}
"""

    agents = {"a": answers(1), "b": sleeps(6), "c": lambda: cleaned.append("c") or {}}  # type: ignore[func-returns-value]
    with durable(project(agents, rules)) as run:
        begun = time.monotonic()
        snapshot = run.run()
        assert time.monotonic() - begun < 6
    assert snapshot.job.status is JobStatus.FAILED
    assert "longer than 2 seconds" in (snapshot.job.error_message or "")
    assert cleaned == ["c"]


def test_a_retried_job_keeps_what_is_done_and_runs_as_an_execution_of_its_own(project: Make) -> None:
    with durable(project({"a": answers(1), "b": flaky(3)}, "strategy: sequential", settings={"b": QUICK})) as run:
        snapshot = run.run()
        assert snapshot.job.status is JobStatus.FAILED
        run.loop.wait_for(run.project.jobs.retry(snapshot.job.id))
        assert run.execute_part(snapshot.job.id, 1, 2)["status"] == "superseded"
        snapshot = run.execute(snapshot.job.id, run=2)
    assert snapshot.job.status is JobStatus.COMPLETED
    assert [name.split(" ")[0] for name in run.invoked] == ["a", "b", "b", "b", "b"]


def test_while_somebody_else_holds_the_claim_the_execution_waits(project: Make) -> None:
    with durable(project({"a": answers(1)})) as run:
        job_id = run.submit()
        assert run.loop.wait_for(run.project.db.claim_job(job_id, "elsewhere|1|2|3|4", 2.0)) is not None
        snapshot = run.execute(job_id)
    assert snapshot.job.status is JobStatus.COMPLETED


# -- limits --------------------------------------------------------------------------------------------------------


def test_checkpoints_carry_receipts_and_never_what_agents_say(project: Make) -> None:
    secret = "what-an-agent-said " * 2000

    def speaks(job: Job) -> dict[str, Any]:
        return {"text": secret, "about": job["request_payload"]}

    def complains() -> dict[str, Any]:
        raise ValueError("what-an-agent-complained-of")

    with durable(project({"a": speaks, "b": complains}, "{strategy: parallel, on_error: continue}")) as run:
        snapshot = run.run({"question": "what-a-user-asked"})
        stored = [json.dumps(operation) for operation in run.operations]
    assert snapshot.job.status is JobStatus.COMPLETED
    assert len(stored) > 6
    for text in stored:
        assert len(text) < 800, text
        assert "what-a" not in text


def test_an_execution_is_carried_on_by_another_before_its_operations_are_used_up(project: Make) -> None:
    agents = {f"agent_{index}": answers(index) for index in range(12)}
    with durable(project(agents, "strategy: sequential"), max_operations=90) as run:
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.COMPLETED
    assert len(run.carried_on) >= 1
    assert run.carried_on == list(range(2, 2 + len(run.carried_on)))
    assert len(run.invoked) == 12
    assert max(run.counted) <= 90


def test_operations_are_counted_as_the_service_counts_them(project: Make) -> None:
    agents = {"a": flaky(2), "b": answers(1), "c": answers(2)}
    made = project(agents, "{strategy: parallel, max_concurrent_agents: 2}", settings={"a": QUICK})
    with durable(made) as run:
        run.run()
    assert run.results[-1]["operations"] == run.counted[-1]


def test_a_step_too_wide_for_one_execution_is_refused_with_words(project: Make) -> None:
    agents = {f"agent_{index}": answers(index) for index in range(300)}
    with durable(project(agents, "{strategy: parallel, engine: durable}", more=DEPLOYED, stage="dev")) as run:
        snapshot = run.run()
    assert snapshot.job.status is JobStatus.FAILED
    assert "300 agents at once and may need 3002 durable operations" in (snapshot.job.error_message or "")
    assert run.invoked == []


def test_the_body_refuses_an_event_that_starts_no_run(project: Make) -> None:
    with durable(project({"a": answers(1)})) as run, run.runner_of() as runner:
        done = runner.run(input=json.dumps({"Records": []}), execution_timeout=10)
    assert done.status.value == "FAILED"
    assert "send jobs to the queue" in done.error.message

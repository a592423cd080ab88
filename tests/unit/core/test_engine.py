"""The checkpoint engine over a real SQLite file, with functions as agents."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework import BaseAgent, Job, JobStatus, Project, RetryableError, SkipAgent
from agent_framework.core.job_manager import JobManager
from agent_framework.core.orchestrator import DynamicOrchestrator
from agent_framework.core.trace import canonical, trace
from agent_framework.errors import ConfigError, IllegalTransitionError, JobNotFoundError, StaleClaimError
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import AgentOutcome, AttemptState, EventKind, Snapshot

Make = Callable[..., Project]
QUICK = {"retry": {"initial_seconds": 0.01, "jitter": False}}


def done() -> dict[str, Any]:
    """An agent that has nothing to say."""
    return {}


def run(project: Project, job_input: dict[str, Any] | None = None) -> Job:
    """One job in one event loop, at most 20 seconds."""

    async def go() -> Job:
        async with project, asyncio.timeout(20):
            return await project.run(job_input or {})

    return asyncio.run(go())


def in_pieces(project: Project) -> Project:
    """The project as over a database that cannot decide at once: it claims, commits, and dispatches what waits."""
    project.jobs._at_once = None
    return project


async def snapshot_of(project: Project, job_id: str) -> Snapshot:
    snapshot = await project.db.load(job_id)
    assert snapshot is not None
    return snapshot


def run_and_load(project: Project, job_input: dict[str, Any] | None = None) -> Snapshot:
    async def go() -> Snapshot:
        async with project, asyncio.timeout(20):
            job = await project.run(job_input or {})
            return await snapshot_of(project, job.id)

    return asyncio.run(go())


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


# -- how agents fail -----------------------------------------------------------------------------------------------


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


# -- cancelling ----------------------------------------------------------------------------------------------------


def test_a_cancel_from_another_connection_before_the_start_runs_nothing(project: Make, tmp_path: Path) -> None:
    ran: list[int] = []

    async def go() -> Job:
        async with project({"a": lambda: ran.append(1)}) as opened, asyncio.timeout(20):
            job_id = await opened.jobs.submit({})
            async with SqliteDatabase(tmp_path / ".agent-framework" / "jobs.sqlite") as other:
                await JobManager(other, owner="somebody else").cancel(job_id)
            return await opened.orchestrator.drive(job_id)

    assert (asyncio.run(go()).status, ran) == (JobStatus.CANCELLED, [])


def test_a_cancel_in_the_middle_of_a_step_stops_its_agent_and_starts_no_other(project: Make, tmp_path: Path) -> None:
    running, stopped, late = asyncio.Event(), asyncio.Event(), []

    async def works() -> None:
        running.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            stopped.set()
            raise

    async def go() -> tuple[Job, float]:
        opened = project({"a": works, "b": lambda: late.append(1)}, "strategy: sequential")
        async with opened, asyncio.timeout(20):
            job_id = await opened.jobs.submit({})
            driving = asyncio.create_task(opened.orchestrator.drive(job_id))
            await running.wait()
            begun = time.monotonic()
            async with SqliteDatabase(tmp_path / ".agent-framework" / "jobs.sqlite") as other:
                await JobManager(other, owner="somebody else").cancel(job_id)
            job = await driving
            with pytest.raises(IllegalTransitionError, match="cannot be cancelled"):
                await opened.jobs.cancel(job_id)
            return job, time.monotonic() - begun

    job, took = asyncio.run(go())
    assert (job.status, stopped.is_set(), late) == (JobStatus.CANCELLED, True, [])
    assert took < 3


def test_the_result_of_an_agent_that_ignores_the_cancel_is_not_stored(project: Make) -> None:
    running, go_on = threading.Event(), threading.Event()

    def stubborn() -> dict[str, Any]:
        running.set()
        go_on.wait(10)
        return {"too": "late"}

    async def go() -> Job:
        async with project({"a": stubborn}) as opened, asyncio.timeout(20):
            job_id = await opened.jobs.submit({})
            driving = asyncio.create_task(opened.orchestrator.drive(job_id))
            await asyncio.to_thread(running.wait)
            await opened.jobs.cancel(job_id)
            job = await driving
            go_on.set()
            return job

    job = asyncio.run(go())
    assert (job.status, job.agent_results) == (JobStatus.CANCELLED, {})


# -- claims and attempts -------------------------------------------------------------------------------------------


def test_a_decision_made_under_a_claim_that_was_taken_over_is_refused(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            job_id = await opened.jobs.submit({})
            old = await opened.db.claim_job(job_id, "old", -1.0)
            new = await opened.db.claim_job(job_id, "new", 30.0)
            assert old is not None
            assert new is not None
            assert new.job.epoch == old.job.epoch + 1
            with pytest.raises(StaleClaimError, match="claimed by somebody else"):
                await opened.db.commit(old, Changes(status=JobStatus.FAILED))
            assert (await opened.jobs.get(job_id)).status is JobStatus.PENDING
            await opened.db.commit(new, Changes(status=JobStatus.RUNNING))

    asyncio.run(go())


def test_the_outcome_of_an_attempt_that_was_given_up_is_refused(project: Make) -> None:
    async def go() -> None:
        async with in_pieces(project({"a": done})) as opened:
            job_id = await opened.jobs.submit({})
            advanced = await opened.orchestrator.advance(job_id)
            assert advanced is not None
            await opened.dispatcher.close()
            (attempt,) = (await snapshot_of(opened, job_id)).attempts
            zombie = await opened.db.start_attempt(attempt.key, "zombie", -1.0)
            assert zombie is not None
            await opened.orchestrator.advance(job_id)
            good = AgentOutcome(AttemptState.SUCCEEDED, output={"stale": True})
            assert not await opened.db.commit_outcome(attempt.key, "zombie", good, produced_by="a")
            snapshot = await snapshot_of(opened, job_id)
            assert snapshot.results == {}
            assert snapshot.attempts[0].state is AttemptState.ABANDONED

    asyncio.run(go())


def test_an_attempt_starts_once_and_only_its_owner_may_end_it(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            job_id = await opened.jobs.submit({})
            claimed = await opened.db.claim_job(job_id, "me", 30.0)
            assert claimed is not None
            from agent_framework.core.decide import decide

            move = decide(claimed, opened.orchestrator.pin(), random=lambda: 0.5, owner_is_dead=lambda owner: False)
            await opened.db.commit(claimed, move.changes)
            (attempt,) = move.dispatch
            starts = await asyncio.gather(*(opened.db.start_attempt(attempt.key, f"w{n}", 60.0) for n in range(10)))
            (started,) = [start for start in starts if start is not None]
            good = AgentOutcome(AttemptState.SUCCEEDED, output={})
            assert not await opened.db.commit_outcome(attempt.key, "thief", good, produced_by="a")
            owner = str(started.owner)
            stored = [await opened.db.commit_outcome(attempt.key, owner, good, produced_by="a") for _ in range(2)]
            assert stored == [True, False]

    asyncio.run(go())


def test_a_status_that_somebody_sets_while_an_advance_decides_is_respected(project: Make) -> None:
    async def go() -> Job:
        opened = in_pieces(project({"a": done}))
        async with opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            commit = opened.db.commit

            async def interrupted(snapshot: Snapshot, changes: Changes) -> Snapshot | None:
                opened.db.commit = commit  # type: ignore[method-assign]
                await opened.jobs.fail_job(job_id, "by hand")
                return await commit(snapshot, changes)

            opened.db.commit = interrupted  # type: ignore[method-assign]
            return await opened.orchestrator.drive(job_id)

    job = asyncio.run(go())
    assert (job.status, job.error_message) == (JobStatus.FAILED, "by hand")


def test_a_job_that_is_retried_right_after_that_can_be_claimed_at_once(project: Make) -> None:
    async def go() -> Job:
        opened = project({"a": done})
        async with opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            assert await opened.db.claim_job(job_id, "somebody alive elsewhere", 30.0)
            await opened.jobs.fail_job(job_id, "by hand")
            await opened.jobs.retry(job_id)
            return await opened.orchestrator.drive(job_id)

    assert asyncio.run(go()).status is JobStatus.COMPLETED


def test_an_outcome_that_another_process_commits_is_noticed_before_the_attempt_is_due(project: Make) -> None:
    async def go() -> Job:
        opened = in_pieces(project({"a": done}))
        async with opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            opened.dispatcher.dispatch = _nothing  # type: ignore[method-assign]
            driving = asyncio.create_task(opened.orchestrator.drive(job_id))
            while not (attempts := (await snapshot_of(opened, job_id)).attempts):
                await asyncio.sleep(0.01)
            assert await opened.db.start_attempt(attempts[0].key, "another machine", 300.0)
            good = AgentOutcome(AttemptState.SUCCEEDED, output={"from": "afar"})
            assert await opened.db.commit_outcome(attempts[0].key, "another machine", good, produced_by="a")
            return await driving

    assert asyncio.run(go()).agent_results == {"a": {"from": "afar"}}


async def _nothing(attempts: Any) -> None:
    """A dispatcher whose messages get lost."""


def test_driving_an_unknown_or_a_finished_job_does_nothing(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            with pytest.raises(JobNotFoundError, match="there is no job 'nope'"):
                await opened.orchestrator.drive("nope")
            job = await opened.run({})
            assert (await opened.orchestrator.drive(job.id)).status is JobStatus.COMPLETED
            assert await opened.orchestrator.advance(job.id) is None

    asyncio.run(go())


# -- a new run, and plans that changed -----------------------------------------------------------------------------


def test_a_retried_job_keeps_completed_agents(project: Make) -> None:
    broken, ran = [True], []

    def first() -> None:
        ran.append("first")

    def second() -> None:
        ran.append("second")
        if broken:
            raise ValueError("not yet")

    async def go() -> tuple[Job, Job]:
        async with project({"first": first, "second": second}, "strategy: sequential") as opened:
            failed = await opened.run({})
            broken.clear()
            await opened.jobs.retry(failed.id)
            again = await opened.orchestrator.drive(failed.id)
            with pytest.raises(IllegalTransitionError):
                await opened.jobs.retry(failed.id)
            return failed, again

    failed, again = asyncio.run(go())
    assert (failed.status, again.status, again.run, again.error_message) == (
        JobStatus.FAILED, JobStatus.COMPLETED, 2, None,
    )  # fmt: skip
    assert ran == ["first", "second", "second"]


def test_a_redeploy_never_changes_a_running_jobs_plan(project: Make) -> None:
    async def go() -> Job:
        async with in_pieces(project({"a": done, "b": done}, "strategy: sequential")) as old:
            job_id = await old.jobs.submit({})
            old.dispatcher.dispatch = _nothing  # type: ignore[method-assign]
            await old.orchestrator.advance(job_id)
        async with project({"a": done}) as new:
            new.registry.register("b", done, new.registry.get_config("a"))  # type: ignore[arg-type]
            return await new.orchestrator.drive(job_id)

    assert set(asyncio.run(go()).agent_results) == {"a", "b"}


def test_a_plan_of_an_unknown_planner_version_becomes_needs_review(project: Make, tmp_path: Path) -> None:
    async def go() -> Job:
        async with project({"a": done}) as opened:
            job_id = await opened.jobs.submit({})
            claimed = await opened.db.claim_job(job_id, "me", 30)
            assert claimed is not None
            await opened.db.commit(claimed, Changes(status=JobStatus.RUNNING, plan={"version": 99}))
            return await opened.orchestrator.drive(job_id)

    job = asyncio.run(go())
    assert job.status is JobStatus.NEEDS_REVIEW
    assert "planner version 99" in (job.error_message or "")


def test_rules_that_name_nobody_fail_the_job_and_say_so(project: Make) -> None:
    job = run(project({"a": done}, "selection_rules: [{name: r, agents: [ghost]}]"))
    assert job.status is JobStatus.FAILED
    assert "agents that do not exist: ghost" in (job.error_message or "")


def test_a_declared_agent_without_code_fails_with_the_remedy(project: Make) -> None:
    job = run(project({}, settings={"a": {}}))
    assert "backend/agents/a/agent.py does not exist; 'agent-framework add-agent a' writes one" in str(
        job.error_message
    )


# -- the seed's orchestrator ---------------------------------------------------------------------------------------

SEED_RULES = """
selection_rules:
  - {name: one, condition: "input.kind == 'full'", agents: [{sequential: [a]}, {parallel: [b, c]}]}
  - {name: two, condition: "prev_step.b.score < 0.5", agents: [d]}
"""


def seed_agents() -> dict[str, Callable[..., Any]]:
    return {"a": lambda: {"a": 1}, "b": lambda: {"score": 0.3}, "c": lambda: {"c": 1}, "d": lambda: {"d": 1}}


def test_the_orchestrator_is_made_and_used_as_in_the_seed(project: Make) -> None:
    async def go() -> None:
        opened = project(seed_agents(), SEED_RULES)
        async with opened.db as db, asyncio.timeout(20):
            orchestrator = DynamicOrchestrator(opened.loader, JobManager(db), db)
            job_id = await db.create_job(user_id="u", job_type="t", request_payload={"kind": "full"})
            answer = await orchestrator.execute_job(job_id)
            assert (answer["success"], answer["status"], answer["error"]) == (True, "completed", None)
            assert answer["plan"] == [
                {"type": "sequential", "agents": ["a"]},
                {"type": "parallel", "agents": ["b", "c"]},
                {"type": "sequential", "agents": ["d"]},
            ]
            assert set(answer["results"]) == {"a", "b", "c", "d"}

    asyncio.run(go())


def test_its_plan_is_a_preview_that_marks_what_waits_for_results(project: Make) -> None:
    async def go() -> None:
        async with project(seed_agents(), SEED_RULES) as opened:
            plan = await opened.orchestrator.create_execution_plan({"kind": "full"})
            assert [(step.type, step.agents) for step in plan] == [
                ("sequential", ["a"]), ("parallel", ["b", "c"]), ("sequential", ["d"]),
            ]  # fmt: skip
            assert [step.condition for step in plan] == [None, None, "prev_step.b.score < 0.5"]

    asyncio.run(go())


def test_its_single_steps_run_agents_by_name(project: Make) -> None:
    def bad() -> None:
        raise ValueError("no")

    async def go() -> None:
        async with project({**seed_agents(), "bad": bad}, SEED_RULES) as opened:
            job_id = await opened.jobs.submit({})
            mine = opened.orchestrator
            assert await mine.invoke_agent(job_id, "a") == {"a": 1}
            assert await mine.run_parallel(job_id, ["b", "c"]) == {"b": {"score": 0.3}, "c": {"c": 1}}
            half = await mine.run_sequential(job_id, ["a", "bad", "d"])
            assert half == {"a": {"a": 1}, "bad": {"error": "agent bad failed: ValueError: no"}}
            assert (mine.should_continue(half), mine.should_continue({"a": {}})) == (False, True)
            plan = await mine.create_execution_plan({"kind": "full"})
            assert set(await mine.execute_plan(job_id, plan, {"kind": "full"})) == {"a", "b", "c", "d"}
            assert set((await opened.jobs.get(job_id)).agent_results) == {"a", "b", "c", "d"}

    asyncio.run(go())


def test_the_job_manager_moves_a_job_as_in_the_seed(project: Make) -> None:
    async def go() -> None:
        async with project({"a": done}) as opened:
            manager = JobManager(opened.db)
            good = await manager.submit({})
            await manager.start_job(good)
            await manager.complete_job(good, {"a": {"x": 1}})
            job = await manager.get(good)
            assert (job.status, job.agent_results) == (JobStatus.COMPLETED, {"a": {"x": 1}})
            failed = await manager.submit({})
            await manager.start_job(failed)
            await manager.fail_job(failed, "why")
            assert (await manager.get(failed)).error_message == "why"
            with pytest.raises(IllegalTransitionError, match="is failed and cannot become completed"):
                await manager.complete_job(failed)

    asyncio.run(go())


def test_a_job_that_was_started_by_hand_is_carried_out_all_the_same(project: Make) -> None:
    async def go() -> Job:
        async with project({"a": done}) as opened, asyncio.timeout(10):
            job_id = await opened.jobs.submit({})
            await opened.jobs.start_job(job_id)
            await opened.orchestrator.execute_job(job_id)
            return await opened.jobs.get(job_id)

    assert asyncio.run(go()).status is JobStatus.COMPLETED


def test_an_orchestrator_class_publishes_facts_before_the_rules(project: Make) -> None:
    class Boss(BaseAgent):
        async def prepare(self, job: Job) -> dict[str, Any]:
            return {"rows": len(job.request_payload["rows"])}

    orchestration = 'selection_rules: [{name: r, condition: "results.boss.rows > 2", agents: [a], else: [b]}]'
    settings = {"boss": {"type": "orchestrator"}}

    def job_of(rows: list[int]) -> Job:
        opened = project({"a": done, "b": done, "boss": Boss}, orchestration, settings=settings)
        return run(opened, {"rows": rows})

    assert set(job_of([1, 2, 3]).agent_results) == {"boss", "a"}
    assert set(job_of([1]).agent_results) == {"boss", "b"}


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

"""A process killed at every crash point, the first to the third time it is passed, and resumed by another (row 1)."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from agent_framework.core.crash import CRASH_POINTS, CrashPoint
from agent_framework.core.trace import canonical, trace
from agent_framework.types import AttemptState, JobStatus, JSONDict, Snapshot
from tests.faults.harness.backends import SqliteBackend
from tests.faults.harness.killed import Forks, KillSchedule
from tests.support.job_process import AGENTS, drive, ran, stored, write_job_project

JOB = "11111111-1111-4111-8111-111111111111"
KILLED = -9
WRITES_AND_APPROVALS = (
    "effect_started",
    "effect_made",
    "effect_recorded",
    "approval_asked",
    "approval_decided",
)
"""Points that this project never passes; test_effects.py and test_approvals.py kill there."""
CASES = [(point, n) for point in CRASH_POINTS if point not in WRITES_AND_APPROVALS for n in (1, 2, 3)]
OFTEN_ENOUGH = {"job_submitted": 1, "job_finished": 1}
"""Points that one process passes fewer than three times."""


@dataclass(frozen=True)
class Story:
    """What happened to one job."""

    first_exit: int
    before: Snapshot | None
    ran_before: list[str]
    second_exit: int
    second_output: str
    after: Snapshot
    ran_after: list[str]


def tell(folder: Path, crash_at: str | None) -> Story:
    write_job_project(folder)
    first = drive(folder, JOB, crash_at=crash_at)
    before, ran_before = stored(folder, JOB), ran(folder)
    second = drive(folder, JOB)
    after = stored(folder, JOB)
    assert after is not None, second.stderr
    output = second.stdout.strip() + second.stderr
    return Story(first.returncode, before, ran_before, second.returncode, output, after, ran(folder)[len(ran_before) :])


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Future[Story]"]]:
    """All cases, several at a time; ``""`` is the job that nobody disturbs."""
    root = tmp_path_factory.mktemp("crashes")
    settings = ["", *(f"{point}:{n}" for point, n in CASES)]
    with ThreadPoolExecutor(4) as pool:
        yield {
            setting: pool.submit(tell, root / f"case-{index}", setting or None)
            for index, setting in enumerate(settings)
        }


def canonical_trace(snapshot: Snapshot) -> list[JSONDict]:
    return canonical(trace(snapshot))


@pytest.mark.parametrize(("point", "n"), CASES, ids=[f"{point}-{n}" for point, n in CASES])
def test_row_01_a_job_killed_at_a_crash_point_is_completed_by_another_process(
    stories: dict[str, "Future[Story]"], point: CrashPoint, n: int
) -> None:
    undisturbed, story = stories[""].result(), stories[f"{point}:{n}"].result()
    passed = n <= OFTEN_ENOUGH.get(point, 3)
    assert story.first_exit == (KILLED if passed else 0)
    assert (story.second_exit, story.second_output) == (0, "completed")
    assert story.after.job.status is JobStatus.COMPLETED
    assert canonical_trace(story.after) == canonical_trace(undisturbed.after)
    assert {name: r.payload for name, r in story.after.results.items()} == {
        name: r.payload for name, r in undisturbed.after.results.items()
    }
    committed = (
        {a.key.agent for a in story.before.attempts if a.state is AttemptState.SUCCEEDED} if story.before else set()
    )
    assert not committed & set(story.ran_after), "an agent with a committed outcome ran again"
    assert all(count <= 1 for count in Counter(story.ran_after).values())
    assert set(story.ran_before) | set(story.ran_after) == set(AGENTS)
    assert all(not attempt.state.is_open for attempt in story.after.attempts)


@pytest.mark.timeout(300)
def test_row_01_a_job_killed_at_each_pair_of_crash_points_is_completed_with_one_effect_each() -> None:
    async def kill_them_all() -> tuple[int, int]:
        forks = Forks()

        async def kills(*deaths: CrashPoint) -> int:
            told = await KillSchedule(forks, SqliteBackend(), 1, deaths=[f"{point}:1" for point in deaths]).run()
            assert not told.findings, f"{deaths}: {told.findings}"
            return told.counts["kills"]

        try:
            passed = [point for point in CRASH_POINTS if await kills(point)]
            pairs = list(product(passed, passed))
            return len(passed), sum([await kills(*pair) == 2 for pair in pairs])
        finally:
            forks.close()

    passed, both = asyncio.run(kill_them_all())
    assert passed >= 10, "this job passes fewer points than it did"
    assert both >= 0.9 * passed * passed, "the second process hardly ever passes its point"


def test_an_undisturbed_job_runs_each_agent_once_and_a_second_process_nothing(
    stories: dict[str, "Future[Story]"],
) -> None:
    story = stories[""].result()
    assert (story.first_exit, story.second_exit, story.ran_after) == (0, 0, [])
    assert sorted(story.ran_before) == list(AGENTS)
    assert [attempt.key.number for attempt in story.after.attempts] == [1] * len(AGENTS)


def test_a_job_whose_processes_die_again_and_again_is_completed_or_failed_with_the_reason(tmp_path: Path) -> None:
    folder = write_job_project(tmp_path)
    for _ in range(3):
        assert drive(folder, JOB, crash_at="agent_returned").returncode == KILLED
    last = drive(folder, JOB)
    assert (last.returncode, last.stdout.strip()) == (0, "failed")
    snapshot = stored(folder, JOB)
    assert snapshot is not None
    assert snapshot.job.error_message == "agent a failed: its process died"
    assert ran(folder) == ["a", "a", "a"]


def test_two_processes_that_drive_the_same_job_store_one_outcome_per_attempt(tmp_path: Path) -> None:
    folder = write_job_project(tmp_path)
    with ThreadPoolExecutor(3) as pool:
        ends = [pool.submit(drive, folder, JOB) for _ in range(3)]
        assert [(end.result().returncode, end.result().stdout.strip()) for end in ends] == [(0, "completed")] * 3
    snapshot = stored(folder, JOB)
    assert snapshot is not None
    assert Counter(ran(folder)) == dict.fromkeys(AGENTS, 1)
    assert [attempt.state for attempt in snapshot.attempts] == [AttemptState.SUCCEEDED] * len(AGENTS)


@pytest.mark.parametrize("setting", ["nowhere", "agent_returned:0", "agent_returned:x", "agent_returned:-1", ":2"])
def test_an_unknown_crash_point_is_refused_before_anything_runs(tmp_path: Path, setting: str) -> None:
    folder = write_job_project(tmp_path)
    end = drive(folder, JOB, crash_at=setting)
    assert end.returncode == 1
    assert "write <name> or <name>:<n>; names: job_submitted" in end.stderr
    assert not (folder / ".agent-framework").exists()

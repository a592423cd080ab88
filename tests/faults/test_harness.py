"""The fault harness on SQLite: random crashes, kills, stops, duplicates, lost answers; no promise is broken.

And the harness itself: with the epoch check, the effect key or the sweeper taken out, it must turn red.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_framework.core.crash import CRASH_POINTS
from agent_framework.errors import ProviderError, StaleClaimError
from tests.faults.harness.backends import SqliteBackend
from tests.faults.harness.child import another_may_be_first
from tests.faults.harness.killed import Forks, KillSchedule
from tests.faults.harness.mutations import MUTATIONS
from tests.faults.harness.points import POINTS
from tests.faults.harness.reference import expected
from tests.faults.harness.runner import Runner, run_clean
from tests.faults.harness.shapes import SHAPES

REPOSITORY = Path(__file__).parents[2]
LAST_LINE = "lost=0 stuck=0 duplicated=0 stale=0"
BOUND = 400
"""Schedules within which a mutation must be found."""


@pytest.mark.timeout(300)
def test_row_01_09_10_11_26_32_random_faults_break_no_promise_on_sqlite(
    record_property: Callable[[str, object], None],
) -> None:
    report = run_clean("sqlite", 500)
    assert set(report.shapes) == {shape.name for shape in SHAPES}
    record_property("fact", f"faults on sqlite: {report.sentence()}")


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_a_missing_protection_turns_the_harness_red(name: str) -> None:
    mutation, said = MUTATIONS[name], []
    runner = Runner(mutation.backend(), parts=mutation.parts, say=said.append)
    report = runner.run(BOUND, 1, until_found=True)
    assert mutation.finds & report.found.keys(), f"{name}: {report.last_line()} after {report.counts['schedules']}"
    assert f"SEED={report.counts['schedules']}" in said[-1], "the seed that shows it is told"


@pytest.fixture
def forks() -> Iterator[Forks]:
    """Processes with little patience."""
    made = Forks(patience_s=0.5)
    yield made
    made.close()


STOPPED = "decision_committed:1"


def test_a_process_stopped_while_it_holds_sqlites_lock_costs_others_their_patience_and_no_promise(forks: Forks) -> None:
    deaths = ["agent_returned:1"]
    told = asyncio.run(KillSchedule(forks, SqliteBackend(), 1, deaths=deaths, stopped_at=STOPPED).run())
    assert (told.findings, told.counts) == ([], {"pauses": 1, "locked": 1})


def test_a_job_that_was_not_over_may_be_changed_by_a_process_that_goes_on(
    forks: Forks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot_finish(schedule: KillSchedule, folder: Path) -> str:
        return "exit 1"

    monkeypatch.setattr(KillSchedule, "_last", cannot_finish)
    told = asyncio.run(KillSchedule(forks, SqliteBackend(), 1, stopped_at=STOPPED).run())
    assert {finding.kind for finding in told.findings} == {"stuck"}, "seed 20200 called it stale as well"


def test_a_process_does_not_wait_for_ever_for_a_lock_that_a_stopped_one_holds() -> None:
    with pytest.raises(ProviderError, match="locked"), another_may_be_first():
        raise ProviderError("sqlite database jobs.sqlite: database is locked")
    with another_may_be_first():
        raise StaleClaimError("another process took it over")


def test_the_same_seed_does_the_same_again() -> None:
    seeds = range(7, 19)
    first, again = (
        [Runner(SqliteBackend(), say=lambda line: None).run(1, seed).counts for seed in seeds] for _ in range(2)
    )
    assert first == again


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name.replace(" ", "-"))
def test_every_shape_comes_to_an_end_without_faults(shape: object) -> None:
    assert expected(shape).status.is_final  # pyright: ignore[reportArgumentType]


def test_the_command_prints_its_table_and_the_line_that_is_looked_for() -> None:
    command = [sys.executable, "-m", "tests.faults.harness", "--backend", "sqlite", "--count", "60", "--seed", "1"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=REPOSITORY)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[-1] == LAST_LINE
    assert any(line.startswith("real SIGKILLs") and line.split()[-1] != "0" for line in lines)


def test_crash_points_are_found_in_the_code_and_all_are_tried() -> None:
    tried = set(POINTS)
    assert len(tried) >= 10
    assert tried <= set(CRASH_POINTS)
    written = "".join(path.read_text("utf-8") for path in (REPOSITORY / "tests" / "faults" / "harness").glob("*.py"))
    assert not [point for point in CRASH_POINTS if f'"{point}"' in written]

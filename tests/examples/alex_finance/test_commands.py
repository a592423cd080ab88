"""The commands of ``python -m backend``, as a user types them, on a copy of the example: seed 003's flows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.alex_finance.support import Alex

UUID = re.compile(r"job ([0-9a-f-]{36})")


@pytest.fixture(scope="module")
def alex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alex]:
    """A copy with a worker at work."""
    copy = Alex.copy_to(tmp_path_factory.mktemp("alex") / "alex-finance")
    worker = copy.worker()
    yield copy
    worker.terminate()
    assert worker.wait() == 0, worker.printed()


@pytest.fixture
def idle(tmp_path: Path) -> Alex:
    """A copy on which nobody works."""
    return Alex.copy_to(tmp_path / "alex-finance")


def test_simple_tries_all_five_and_prints_the_green_summary(idle: Alex):
    done = idle.backend("test_simple")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "Tagged: 1 instruments",
        "Updated: ['VTI']",
        "Success: 1\nMessage: Report generated and stored",
        "Success: True\nMessage: Generated 5 charts",
        "Success: 1\nMessage: Retirement analysis completed",
        "Message: Analysis completed for job",
    ):
        assert line in done.stdout
    summary = done.stdout[done.stdout.index("Tagger:") :]
    marks = re.findall(r"^(\w+):\s+✅$", summary, re.MULTILINE)
    assert marks == ["Tagger", "Reporter", "Charter", "Retirement", "Planner"]
    assert summary.rstrip().endswith("✅ ALL TESTS PASSED!")
    assert not (idle.folder / ".agent-framework").exists()


def test_simple_tells_which_agent_failed(idle: Alex):
    scripted = idle.folder / "backend" / "tagging" / "scripted.py"
    scripted.write_text(scripted.read_text("utf-8").replace('SCRIPTED = {"VTI"', 'SCRIPTED = {"XYZ"'), "utf-8")
    done = idle.backend("test_simple", "tagger", "charter")
    assert done.returncode == 1
    assert "nothing was classified" in done.stdout + done.stderr
    assert re.search(r"Tagger:\s+❌\nCharter:\s+✅", done.stdout)


def test_full_starts_a_worker_and_sends_a_whole_analysis_through_the_queue(idle: Alex):
    done = idle.backend("test_full")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Generated 5 charts" in done.stdout
    assert "Analysis completed for job" in done.stdout
    log = (idle.folder / ".agent-framework" / "worker.log").read_text("utf-8")
    assert "charter  succeeded" in log
    assert "stopped" in log


def test_full_of_each_agent_goes_through_the_queue(alex: Alex):
    done = alex.backend("test_full", "tagger", "reporter", "charter", "retirement", "planner", "--no-worker")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tagged: 1 instruments" in done.stdout
    assert done.stdout.rstrip().endswith("✅ ALL TESTS PASSED!")
    ran = re.findall(r"job [0-9a-f-]{36}  (\w+)  succeeded", (alex.folder / "worker.log").read_text("utf-8"))
    assert ran[:4] == ["tagger", "reporter", "charter", "retirement"]


def test_full_without_a_worker_says_what_is_missing(idle: Alex):
    done = idle.backend("test_full", "--no-worker", "--timeout", "0.5")
    assert done.returncode == 1
    assert "does a worker work on stage local?" in done.stderr


def test_full_of_another_stage_wants_to_know_its_portfolios(idle: Alex):
    done = idle.backend("test_full", "--stage", "dev")
    assert done.returncode == 1
    assert "ALEX_DATABASE has to name the database that the functions of stage dev read" in done.stderr


def test_the_env_file_names_the_database_for_every_command(idle: Alex):
    (idle.folder / ".env").write_text("ALEX_DATABASE=elsewhere.sqlite\n")
    assert "elsewhere.sqlite: test users" in idle.data("reset")
    assert idle.backend("test_full", "--no-worker", "--timeout", "0.1").returncode == 1
    assert not (idle.folder / ".agent-framework" / "alex.sqlite").exists()


def test_several_accounts_add_up_and_stay_apart(alex: Alex):
    done = alex.backend("test_multiple_accounts", "--no-worker")
    assert done.returncode == 0, done.stdout + done.stderr
    # by hand, at the reference prices: SPY 450.25, BND 72.50, VEA 48.30, QQQ 385.50, GLD 195.70
    for line in (
        r"401\(k\) +\$64,525\.00  of it cash \$5,000\.00",
        r"Traditional IRA +\$8,566\.17",
        r"Taxable +\$5,742\.37",
        r"Taxable +\$385\.50",
        r"together +\$79,219\.04",
        "4 accounts stay apart and add up",
    ):
        assert re.search(line, done.stdout), f"{line}\n{done.stdout}"


def test_five_users_at_once_see_nothing_of_each_other(alex: Alex):
    done = alex.backend("test_scale", "--no-worker")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  completed  ") == 5
    assert "5 jobs at once, nothing of one in another" in done.stdout


def test_jobs_and_agents_are_looked_at(alex: Alex):
    alex.backend("test_full", "--no-worker")
    jobs = alex.backend("check_jobs", "--limit", "1")
    job_id = UUID.findall(jobs.stdout)[0]
    assert re.search(
        r"report_payload [\d,]{5,}  charts_payload [\d,]{5,}  retirement_payload [\d,]{5,}  summary_payload",
        jobs.stdout,
    )
    assert re.search(r"completed  user test_user_001  portfolio_analysis\n  created \d{4}-", jobs.stdout)
    seen = alex.backend("watch_agents", "--once", "--jobs", "1")
    lines = [line for line in seen.stdout.splitlines() if job_id in line]
    assert [line.split()[:2] for line in lines] == sorted(line.split()[:2] for line in lines)
    for agent in ("planner", "reporter", "charter", "retirement"):
        assert sum(f"  {agent:<10}  " in line for line in lines) == 2


def test_an_empty_place_says_how_to_begin(idle: Alex):
    assert "no jobs; 'python -m backend test_full' makes one" in idle.backend("check_jobs").stdout


def test_the_benchmark_is_below_its_limit(idle: Alex):
    done = idle.backend("benchmark")
    assert done.returncode == 0, done.stdout
    assert re.search(
        r"^10,000 runs of 55 years: [\d.]+ ms of one core, 100 ms are the limit$", done.stdout, re.MULTILINE
    )

"""The benchmarks work: each is tried with the least of everything, and nothing is timed."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.page import PAGE, write
from benchmarks.rounds import Contestant, Measured, ratio
from benchmarks.table import Goal, Table

REPOSITORY = Path(__file__).parents[2]
NAMES = ("engine", "rules", "memory")
"""The quick ones; the others share their parts."""


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_prints_its_table(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--tiny"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=REPOSITORY)
    assert ran.returncode == 0, ran.stderr
    assert "goal" in ran.stdout
    assert "cores" in ran.stdout.splitlines()[-1]
    assert str(REPOSITORY) not in ran.stdout


def test_the_peers_that_are_measured_are_locked_with_their_hashes() -> None:
    locked = (REPOSITORY / "requirements" / "bench.txt").read_text("utf-8")
    for peer in ("langgraph", "langgraph-checkpoint-sqlite", "dbos", "strands-agents", "simpleeval", "jmespath"):
        assert f"\n{peer}==" in locked
    assert locked.count("==") <= locked.count("--hash=sha256:")


def measured(name: str, *values: float) -> Measured:
    return Measured(Contestant(name, "none"), [{"us": value} for value in values])


def test_ratios_are_formed_within_each_round() -> None:
    assert ratio(measured("slow day", 10, 100, 20), measured("same days", 20, 200, 10), "us") == 0.5


def test_a_goal_is_missed_too_where_it_could_not_be_measured() -> None:
    assert Goal("time", 0.4, 0.4).is_met
    assert Goal("jobs", 12, 10, at_least=True).is_met
    assert not Goal("time", 0.5, 0.4).is_met
    assert str(Goal("time", None, 0.4)) == "MISSED: time: not measured (goal <= 0.40)"


def test_a_section_of_the_page_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n", "utf-8")
    write("a", Table("Title", ["x", "y"], [["1", "2"]]).as_markdown(), page)
    text = page.read_text("utf-8")
    assert text.startswith("before\n<!-- begin a -->\n\n### Title")
    assert "| 1 | 2 |" in text
    assert text.endswith("<!-- end a -->\nafter\n")
    assert "old" not in text
    with pytest.raises(LookupError, match="no section"):
        write("b", "", page)


def test_the_page_has_a_section_for_each_benchmark_of_the_makefile() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    names = next(line for line in makefile.splitlines() if line.startswith("BENCHMARKS :=")).split()[2:]
    for name in names:
        assert f"<!-- begin {name} -->" in PAGE.read_text("utf-8")
        assert (REPOSITORY / "benchmarks" / f"{name}.py").is_file()

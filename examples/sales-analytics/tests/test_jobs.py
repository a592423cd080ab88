"""Whole jobs, offline: every figure of a report comes from a stored result, and moves when the file moves."""

import asyncio
import csv
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from backend.trial import PROJECT_DIR, offline_project, storage_in, try_job

from agent_framework import Job, JobStatus

FULL = json.loads((PROJECT_DIR / "input.json").read_text("utf-8"))
QUICK = json.loads((PROJECT_DIR / "input-quick.json").read_text("utf-8"))
SOURCE = PROJECT_DIR / "data" / "shop_orders.csv"
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def _run(job_input: dict[str, Any], folder: Path) -> tuple[Job, str]:
    """The job, and its report as Markdown (empty where there is none)."""
    job = asyncio.run(try_job(job_input, folder))
    reported = job.agent_results.get("insight_reporter")
    if reported is None:
        return job, ""
    return job, asyncio.run(storage_in(folder).get(reported["files"]["markdown"])).decode()


def _numbers(text: str) -> set[str]:
    found = (token.rstrip(",").replace(",", "") for token in NUMBER.findall(text))
    return {str(Decimal(token).normalize()) for token in found}


def _known(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_known, value.values()))
    if isinstance(value, list):
        return set().union(*map(_known, value))
    return set() if value is None or isinstance(value, bool) else _numbers(str(value))


def _scaled(folder: Path, column: int, factor: Decimal) -> dict[str, Any]:
    """The sample with one column of numbers multiplied; what is no number stays."""
    target = folder / "scaled.csv"
    rows = list(csv.reader(SOURCE.read_text("utf-8").splitlines()))
    for row in rows[1:]:
        if re.fullmatch(r"-?[\d.]+", row[column]):
            row[column] = str(Decimal(row[column]) * factor)
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return {**FULL, "csv": str(target)}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, str, Path]:
    folder = tmp_path_factory.mktemp("full")
    return (*_run(FULL, folder), folder)


def test_a_full_analysis_runs_every_agent(full):
    job, markdown, folder = full
    assert job.status is JobStatus.COMPLETED
    assert set(job.agent_results) == {
        "coordinator", "data_cleaner", "trend_analyzer", "forecast_agent", "insight_reporter",
    }  # fmt: skip
    files = job.agent_results["insight_reporter"]["files"]
    page = asyncio.run(storage_in(folder).get(files["html"])).decode()
    assert page.count("<svg ") == len(files["charts"]) == markdown.count(".svg)") == 6


def test_a_quick_analysis_skips_the_forecast_and_says_so(tmp_path):
    job, markdown = _run(QUICK, tmp_path)
    assert job.status is JobStatus.COMPLETED
    assert "forecast_agent" not in job.agent_results
    assert "A quick analysis makes no forecast" in markdown
    assert "guessed by name" in markdown


def test_every_figure_of_the_report_is_in_a_stored_result(full):
    job, markdown, _ = full
    computed = [job.agent_results[name] for name in ("data_cleaner", "trend_analyzer", "forecast_agent")]
    figures = [{key: value for key, value in output.items() if key != "summary"} for output in computed]
    assert _numbers(markdown) - _known(figures) == set()
    assert len(_numbers(markdown)) > 300


def test_all_money_moves_with_the_prices(full, tmp_path):
    _, before, _ = full
    _, after = _run(_scaled(tmp_path, 5, Decimal("1.37")), tmp_path)
    money = re.compile(r"£[\d,]+\.\d+")
    old, new = set(money.findall(before)), set(money.findall(after))
    assert len(new) > 150
    common = (old & new) - {"£0.00"}
    assert len(common) <= 2, f"these did not move: {common}"  # equal by chance: different lines, same amount


def test_units_move_with_the_quantities_and_orders_stay(full, tmp_path):
    before, _, _ = full
    after, _ = _run(_scaled(tmp_path, 4, Decimal(3)), tmp_path)
    old, new = (job.agent_results["trend_analyzer"]["trends"]["totals"] for job in (before, after))
    assert new["units"] == 3 * old["units"]
    assert Decimal(new["sales"]) == 3 * Decimal(old["sales"])
    assert new["orders"] == old["orders"]


def test_the_totals_are_those_of_the_raw_file(full):
    job, _, _ = full
    expected = Decimal(0)
    with SOURCE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if re.fullmatch(r"-?\d+", row["Qty"]) and re.fullmatch(r"[\d.]+", row["Unit Price"]):
                expected += Decimal(row["Qty"]) * Decimal(row["Unit Price"])
    books = job.agent_results["data_cleaner"]["cleaning"]["reconciliation"]
    assert Decimal(books["total_amount"]) == expected
    assert sum(Decimal(row["amount"]) for row in books["rows"]) == expected


def test_the_stored_lines_hold_every_line_once(full):
    job, _, folder = full
    data = asyncio.run(storage_in(folder).get(job.agent_results["data_cleaner"]["lines_key"])).decode()
    rows = list(csv.DictReader(data.splitlines()))
    assert [int(row["line"]) for row in rows] == list(range(2, len(rows) + 2))
    assert all(row["category"] for row in rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"csv": "data/nowhere.csv"}, "nowhere.csv"),
        ({"columns": {"date": "Day"}}, "there is no column 'Day'"),
        ({"colour": "blue"}, "input.colour"),
        ({"csv": "storage:../secret.csv"}, "not allowed"),
    ],
)
def test_a_wrong_input_fails_the_job_with_one_clear_message(change, words, tmp_path):
    job, _ = _run({**FULL, **change}, tmp_path)
    assert job.status is JobStatus.FAILED
    assert words in job.error_message
    assert "Traceback" not in job.error_message


def test_a_file_can_come_from_the_storage(tmp_path):
    asyncio.run(storage_in(tmp_path).put("uploads/orders.csv", SOURCE.read_bytes()))
    job, markdown = _run({**QUICK, "csv": "storage:uploads/orders.csv"}, tmp_path)
    assert job.status is JobStatus.COMPLETED
    assert markdown.startswith("# Sales report: orders.csv")


def test_what_a_model_invents_is_left_out_of_the_report(full, tmp_path):
    job, _, _ = full
    from backend.agents.insight_reporter.agent import InsightReporter
    from backend.context import SalesContext
    from backend.sales.request import parse_request

    results = job.agent_results
    context = SalesContext("j", parse_request(FULL), PROJECT_DIR, storage_in(tmp_path), results)
    true = results["insight_reporter"]["findings"][0]
    said = {"headline": "Sales of £99,999,999.99.", "findings": [true, "Sales will grow by 424242 %."]}

    async def finish() -> dict[str, Any]:
        async with offline_project(tmp_path) as project:
            return await InsightReporter(project.db).finish(said, context)

    output = asyncio.run(finish())
    assert output["headline"] == results["insight_reporter"]["headline"]
    assert output["findings"] == [true]
    assert output["written_by"] == "model"
    assert output["sentences_left_out"] == 1

"""The sales-analytics example from outside: its own tests, and real data through the command line.

Everything runs in other processes, because several examples have a package named ``backend``. Expected figures are
computed here from the raw file, without the example's code.
"""

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "examples" / "sales-analytics"
RETAIL = ROOT.parent / "shared" / "data" / "online_retail_sample.csv"
COLUMNS = {
    "order_id": "InvoiceNo",
    "product": "StockCode",
    "quantity": "Quantity",
    "unit_price": "UnitPrice",
    "date": "InvoiceDate",
    "customer": "CustomerID",
    "country": "Country",
    "description": "Description",
}
needs_retail = pytest.mark.skipif(not RETAIL.exists(), reason=f"the retail sample is not at {RETAIL}")


@pytest.mark.timeout(600)
def test_the_examples_own_tests_pass():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=590, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_the_committed_data_is_what_the_script_writes(tmp_path: Path):
    script = (PROJECT / "scripts" / "make_data.py").read_text("utf-8")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "make_data.py").write_text(script, "utf-8")
    subprocess.run([sys.executable, "scripts/make_data.py"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "data" / "shop_orders.csv").read_bytes() == (PROJECT / "data" / "shop_orders.csv").read_bytes()


@needs_retail
def test_real_retail_data_reconciles_to_the_cent(retail: dict[str, Any]):
    with RETAIL.open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    amounts = [Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in raw]
    books = retail["data_cleaner"]["cleaning"]["reconciliation"]
    assert books["total_lines"] == sum(row["lines"] for row in books["rows"]) == len(raw)
    assert Decimal(books["total_amount"]) == sum(amounts)
    assert sum(Decimal(row["amount"]) for row in books["rows"]) == sum(amounts)
    assert books["difference"] == "0.00"


@needs_retail
def test_real_retail_data_lands_in_the_categories_counted_here(retail: dict[str, Any]):
    counted: Counter[str] = Counter()
    with RETAIL.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counted[_category(row)] += 1
    rows = retail["data_cleaner"]["cleaning"]["reconciliation"]["rows"]
    found = {row["category"]: row["lines"] for row in rows if row["lines"]}
    assert found.pop("outlier") == 3
    assert found.pop("kept") == counted.pop("sale") - 3
    assert found == counted


def _category(row: dict[str, str]) -> str:
    """What a person would call the line, by the conventions of the example."""
    code = row["StockCode"]
    if not code[:5].isdigit() or not (code[5:] == "" or code[5:].isalpha()):
        return "non_product"
    if Decimal(row["UnitPrice"]) <= 0:
        return "zero_price"
    return "return" if row["InvoiceNo"].startswith("C") or int(row["Quantity"]) < 0 else "sale"


@needs_retail
def test_real_retail_data_is_reported_with_its_weaknesses(retail: dict[str, Any]):
    cautions = " ".join(retail["insight_reporter"]["cautions"])
    assert "very unevenly spread: 2010-12" in cautions
    assert "3 outliers" in cautions
    forecast = retail["forecast_agent"]["forecast"]
    assert forecast["status"] == "ok"
    assert forecast["incomplete_left_out"] == ["2010-11-29", "2011-12-05"]
    assert forecast["gaps_bridged"] == 1
    assert {row["name"] for row in forecast["backtest"]["methods"]} >= {"naive", "smoothing"}


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a full analysis of the retail sample, run offline by the command."""
    folder = tmp_path_factory.mktemp("retail")
    job_input = {"analysis_type": "full", "csv": str(RETAIL), "columns": COLUMNS, "currency": "GBP"}
    copy = folder / "project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".agent-framework", "__pycache__", "tests"))
    (folder / "input.json").write_text(json.dumps(job_input), "utf-8")
    command = [str(Path(sys.executable).with_name("agent-framework")), "run", "--offline", "--json"]
    done = subprocess.run(
        [*command, "--project", str(copy), "--input", str(folder / "input.json")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)["results"]

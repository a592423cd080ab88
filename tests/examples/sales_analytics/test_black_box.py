"""The sales-analytics example from outside: its own tests, and real data through the command line.

Everything runs in other processes, because several examples have a package named ``backend``. Expected figures are
computed here from the raw file, without the example's code.
"""

import subprocess
import sys
from pathlib import Path

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


def test_the_examples_own_tests_pass():
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests", "backend"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_the_committed_data_is_what_the_script_writes(tmp_path: Path):
    script = (PROJECT / "scripts" / "make_data.py").read_text("utf-8")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "make_data.py").write_text(script, "utf-8")
    subprocess.run([sys.executable, "scripts/make_data.py"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "data" / "shop_orders.csv").read_bytes() == (PROJECT / "data" / "shop_orders.csv").read_bytes()

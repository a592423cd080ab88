"""Every line in exactly one category, and books that balance to the last decimal."""

import csv
import io
from decimal import Decimal

import pytest
from backend.sales.cleaning import classify
from backend.sales.codes import KNOWN, ODD, non_product_reasons, shape
from backend.sales.ledger import reconciliation, removal_summary
from backend.sales.linesfile import from_csv, to_csv
from backend.sales.outliers import outlier_rule
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from support import clean, csv_of, parsed

from agent_framework.errors import ProjectError

MESSY = [
    "100,2024-05-01,P1,Lamp,2,3.50,7,France",
    "101,2024-05-01,P2,Vase,1,9.99,8,Spain",
    "C100,2024-05-02,P1,Lamp,-1,3.50,7,France",
    "C102,2024-05-02,P1,Lamp,1,3.50,7,France",
    "103,2024-05-03,POST,Postage,1,4.95,7,France",
    "104,2024-05-03,P2,Vase,3,0.00,,",
    "105,2024-05-03,P2,Vase,-3,0.00,,",
    "101,2024-05-01,P2,Vase,1,9.99,8,Spain",
    "106,soon,P2,Vase,1,9.99,8,Spain",
    "107,2024-05-04,P2,Vase,x,9.99,8,Spain",
    "108,2024-05-04,P2,Vase,0,9.99,8,Spain",
    "109,2024-05-04,P9,Pad,1,0.001,8,Spain",
    "110,2024-05-05,P9,Pad,1,-5.00,8,Spain",
]


def test_each_line_gets_its_category():
    assert clean(csv_of(MESSY))["category"].tolist() == [
        "kept", "kept", "return", "return", "non_product", "zero_price", "zero_price", "duplicate", "invalid",
        "invalid", "invalid", "kept", "zero_price",
    ]  # fmt: skip


def test_the_books_balance_with_every_decimal():
    books = reconciliation(clean(csv_of(MESSY)))
    amounts = {row["category"]: row["amount"] for row in books["rows"]}
    assert amounts == {
        "kept": "16.991", "return": "0.00", "non_product": "4.95", "zero_price": "-5.00", "outlier": "0.00",
        "duplicate": "9.99", "invalid": "9.99",
    }  # fmt: skip
    assert books["total_amount"] == "36.921"
    assert books["difference"] == "0.00"
    assert books["total_lines"] == len(MESSY)
    assert books["lines_without_amount"] == 1


amounts = st.decimals(min_value=-99999, max_value=99999, places=3, allow_nan=False)
rows = st.tuples(
    st.sampled_from(["1", "2", "C3", ""]), st.sampled_from(["2024-05-01", "2024-06-30", "never"]),
    st.sampled_from(["P1", "POST", ""]), st.integers(-500, 500) | st.just("x"), amounts | st.just("free"),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(rows, max_size=30))
def test_no_line_and_no_amount_is_ever_lost(found):
    found = [("9", "2024-05-02", "P1", 1, Decimal("1.00")), *found]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("order_id", "date", "product", "quantity", "unit_price"), *found])
    books = reconciliation(clean(buffer.getvalue().encode()))
    expected = sum((q * p for *_, q, p in found if q != "x" and p != "free"), Decimal(0))
    assert sum(row["lines"] for row in books["rows"]) == len(found)
    assert Decimal(books["total_amount"]) == expected
    assert sum(Decimal(row["amount"]) for row in books["rows"]) == expected


def test_the_cleaned_lines_survive_their_file():
    lines = clean(csv_of(MESSY))
    assert_frame_equal(from_csv(to_csv(lines)), lines, check_dtype=False)


def test_a_shop_whose_orders_all_start_with_the_prefix_has_no_returns():
    lines = clean(csv_of([f"C{number},2024-05-01,P1,Lamp,{number},3.50,7,France" for number in range(1, 5)]))
    assert set(lines["category"]) == {"kept"}


def test_only_returns_is_an_error_that_counts_them():
    with pytest.raises(ProjectError, match=r"none of the 2 lines is a sale \(2 return\)"):
        clean(csv_of([f"{number},2024-05-01,P1,Lamp,-{number},3.50,7,France" for number in (1, 2)]))


def test_codes_are_judged_by_name_and_by_shape():
    codes = [f"{10000 + number}{'A' * (number % 2)}" for number in range(120)]
    reasons = non_product_reasons([*codes, "POST", "m", "DCGS0003", "gift_0001_40"])
    assert reasons == {"POST": KNOWN, "m": KNOWN, "DCGS0003": ODD, "gift_0001_40": KNOWN}
    assert non_product_reasons([*codes, "DCGS0003", "M"], products=["dcgs*", "m"]) == {}
    assert non_product_reasons(["WRAP", "P1"], extra=["wrap"]) == {"WRAP": KNOWN}
    assert shape("gift_0001_40") == "A_9_9"


def test_a_small_or_free_catalogue_is_not_judged_by_shape():
    assert non_product_reasons(["P1", "P2", "odd one"]) == {}
    assert non_product_reasons([f"{'word ' * (number % 9)}{number}" for number in range(300)]) == {}


def test_an_outlier_is_far_above_the_rest_on_a_log_scale():
    values = [1.5, 2.0, 3.0, 5.0, 8.0] * 10
    rule = outlier_rule(values, 6.0)
    assert rule.limit is not None
    assert max(values) < rule.limit < 1000


def test_without_a_scale_nothing_is_an_outlier():
    assert outlier_rule([1.0] * 5, 6.0).limit is None
    assert outlier_rule([1.0] * 50, 6.0).limit is None


def test_a_mistyped_quantity_is_set_aside_and_listed():
    values = [f"{number},2024-05-01,P{number % 7},Lamp,{1 + number % 5},3.50,7,France" for number in range(40)]
    table = parsed(csv_of([*values, "99,2024-05-02,P1,Lamp,90000,3.50,7,France"]))
    lines, rule = classify(table)
    summary = removal_summary(lines, rule)
    assert summary["outliers"]["lines"] == 1
    assert summary["outliers"]["listed"][0]["order_id"] == "99"
    assert summary["outliers"]["listed"][0]["amount"] == "315000.00"

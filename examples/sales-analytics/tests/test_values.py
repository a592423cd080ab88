"""Numbers, dates and ids as real files write them."""

from decimal import Decimal

import pytest
from backend.sales.values import decimal_mark, parse_country, parse_customer, parse_dates, parse_number


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("12.50", ".", "12.5"),
        ("1,234.50", ".", "1234.5"),
        ("1.234,50", ",", "1234.5"),
        ("2,5", ",", "2.5"),
        ("-3", ".", "-3"),
        ("(12.50)", ".", "-12.5"),
        ("£ 9.99", ".", "9.99"),
        ("9.99 EUR", ".", "9.99"),
        ("1 234,5", ",", "1234.5"),
        ("1E+3", ".", "1000"),
        (".5", ".", "0.5"),
        ("\u22124", ".", "-4"),
    ],
)
def test_numbers_are_read_exactly(text: str, mark: str, value: str):
    assert parse_number(text, mark) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["", "x", "2,5", "1,23,4", "nan", "inf", "1e99", "9999999999", "0.1234567", "1.2.3", "--1", "12 3.4.5", ".", "E5"],
)
def test_what_is_no_number_is_none(text: str):
    assert parse_number(text, ".") is None


def test_the_decimal_mark_is_one_per_column():
    assert decimal_mark(["1.234,50", "7"]) == ","
    assert decimal_mark(["2,5", "3"]) == ","
    assert decimal_mark(["2,5", "3.75"]) == "."
    assert decimal_mark(["1,234"]) == "."


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01", "2024-05-01 00:00:00"),
        ("2024-05-01T10:30:00Z", "2024-05-01 10:30:00"),
        ("2024-05-01 10:30:15.123+02:00", "2024-05-01 10:30:15"),
        ("2024/5/1 9:05", "2024-05-01 09:05:00"),
        ("2024-05", "2024-05-01 00:00:00"),
        ("20240501", "2024-05-01 00:00:00"),
        ("1 May 2024", "2024-05-01 00:00:00"),
        ("13.05.24", "2024-05-13 00:00:00"),
        ("25/12/2024 8:15 PM", "2024-12-25 20:15:00"),
    ],
)
def test_dates_are_read_in_many_forms(text: str, moment: str):
    assert str(parse_dates([text])[0][text]) == moment


@pytest.mark.parametrize("text", ["", "soon", "31/02/2024", "2024-13-01", "1066-10-14", "2024-05-01 25:00", "12"])
def test_what_is_no_date_is_none(text: str):
    assert parse_dates([text])[0][text] is None


def test_the_order_of_day_and_month_is_decided_by_the_whole_column():
    month_first, note = parse_dates(["12/1/2010 8:26", "12/31/2010 9:00"])
    assert str(month_first["12/1/2010 8:26"]) == "2010-12-01 08:26:00"
    assert note is None
    day_first, note = parse_dates(["1/12/2010"])
    assert str(day_first["1/12/2010"]) == "2010-12-01 00:00:00"
    assert note is not None
    assert "date_format" in note


def test_ids_lose_what_spreadsheets_added():
    assert parse_customer("17850.0") == "17850"
    assert parse_customer("0.0") == ""
    assert parse_customer("NA") == ""
    assert parse_country("NA") == "NA"
    assert parse_country("Unspecified") == ""

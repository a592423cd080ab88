"""From CSV text to cleaned lines and results, for tests that need no agent."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pandas as pd
from backend.sales import forecasting, segments, trends
from backend.sales.cleaning import classify
from backend.sales.insights import Facts
from backend.sales.ledger import removal_summary
from backend.sales.loading import read_table
from backend.sales.parsing import ParsedTable
from backend.sales.request import parse_request

HEADER = "order_id,date,product,description,quantity,unit_price,customer,country"


def csv_of(rows: Iterable[str], header: str = HEADER) -> bytes:
    """A file from lines of text."""
    return "\n".join([header, *rows, ""]).encode()


def clean(data: bytes, **request: Any) -> pd.DataFrame:
    """The classified lines of a file."""
    return classify(parsed(data, **request))[0]


def parsed(data: bytes, **request: Any) -> ParsedTable:
    """The parsed file."""
    return ParsedTable(
        read_table(data, "shop.csv"), parse_request({"analysis_type": "full", "csv": "shop.csv", **request})
    )


def facts_of(data: bytes, **request: Any) -> Facts:
    """All results of a full analysis."""
    table = parsed(data, **request)
    lines, rule = classify(table)
    currency = table.request.currency
    return Facts(
        table.summary(),
        removal_summary(lines, rule),
        trends.calculate(lines, currency),
        segments.analyse(lines),
        forecasting.forecast(lines, table.request.forecast_weeks, currency),
    )


def daily(first: date, values: Iterable[float]) -> list[str]:
    """One order of one product a day, worth each value in turn; None leaves a day out."""
    return [
        f"{number},{first + timedelta(days=number)},P1,Lamp,1,{value},7,France"
        for number, value in enumerate(values)
        if value is not None
    ]


def weekly(first_monday: date, values: Iterable[float | None]) -> list[str]:
    """Orders on every day of a week that add up to the week's value; None leaves the week out."""
    rows: list[str] = []
    for week, value in enumerate(values):
        for day in range(7):
            if value is not None:
                moment = first_monday + timedelta(days=7 * week + day)
                rows.append(f"{week}-{day},{moment},P1,Lamp,1,{value / 7:.2f},7,France")
    return rows

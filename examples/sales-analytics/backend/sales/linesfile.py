"""The cleaned lines as a file: every line of the source with its category, so that each figure can be checked.

Later stages read this file instead of the source. Quantities, prices and amounts are written as exact decimals.
"""

import csv
import io
from datetime import datetime
from decimal import Decimal

import pandas as pd

from .cleaning import COLUMNS

_EXACT = ("quantity", "unit_price", "amount")


def to_csv(lines: pd.DataFrame) -> bytes:
    """The lines as UTF-8 CSV; what could not be read is empty."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in lines[list(COLUMNS)].itertuples(index=False):
        writer.writerow(["" if pd.isna(value) else _text(value) for value in row])
    return buffer.getvalue().encode("utf-8")


def from_csv(data: bytes) -> pd.DataFrame:
    """What `to_csv` wrote, with the same types."""
    lines = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    lines["line"] = lines["line"].astype(int)
    for column in _EXACT:
        values = [Decimal(text) if text else None for text in lines[column]]
        lines[column] = pd.Series(values, index=lines.index, dtype=object)
    moments = [datetime.fromisoformat(text) if text else None for text in lines["date"]]
    lines["date"] = pd.Series(moments, index=lines.index, dtype="datetime64[s]")
    return lines


def _text(value: object) -> str:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)

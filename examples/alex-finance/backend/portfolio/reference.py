"""The reference data: 22 instruments with approximate prices of 2024 and their allocations, ``instruments.csv``.

An allocation is written as ``equity:60 fixed_income:40``. The prices are a starting point that any refresh replaces;
their source says ``reference``.
"""

import csv
from decimal import Decimal
from pathlib import Path

from .values import Instrument
from .vocabulary import Dimension, InstrumentKind

FILE = Path(__file__).with_name("instruments.csv")
_COLUMNS = {
    Dimension.ASSET_CLASS: "asset_classes",
    Dimension.REGION: "regions",
    Dimension.SECTOR: "sectors",
}


def reference_instruments(file: Path = FILE) -> tuple[Instrument, ...]:
    """All instruments of the file.

    Raises:
        PortfolioError: an entry cannot be true.
    """
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(_instrument(row) for row in csv.DictReader(lines))


def _instrument(row: dict[str, str]) -> Instrument:
    return Instrument(
        symbol=row["symbol"],
        name=row["name"],
        kind=InstrumentKind(row["kind"]),
        price=Decimal(row["price_usd"]),
        allocations={dimension: _allocation(row[column]) for dimension, column in _COLUMNS.items()},
        price_source="reference",
        classified_by="reference",
    )


def _allocation(text: str) -> dict[str, Decimal]:
    pairs = (part.split(":") for part in text.split())
    return {category: Decimal(percent) for category, percent in pairs}

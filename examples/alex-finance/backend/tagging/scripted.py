"""Classifications for offline runs, written by hand. They are stored with the source ``offline``."""

from collections.abc import Sequence
from typing import Any

_VTI: dict[str, Any] = {
    "symbol": "VTI",
    "instrument_type": "etf",
    "asset_classes": [{"category": "equity", "percent": 100}],
    "regions": [{"category": "north_america", "percent": 100}],
    "sectors": [
        {"category": "technology", "percent": 31},
        {"category": "financials", "percent": 13},
        {"category": "healthcare", "percent": 12},
        {"category": "consumer_discretionary", "percent": 11},
        {"category": "industrials", "percent": 10},
        {"category": "communication", "percent": 8},
        {"category": "consumer_staples", "percent": 5},
        {"category": "energy", "percent": 4},
        {"category": "real_estate", "percent": 3},
        {"category": "utilities", "percent": 2},
        {"category": "materials", "percent": 1},
    ],
    "rationale": "A fund of the whole stock market of the United States; sectors are rounded and written by hand.",
}
SCRIPTED = {"VTI": _VTI}


def scripted(symbols: Sequence[str]) -> dict[str, Any]:
    """What is known of these symbols; nothing is made up for the others."""
    return {"classifications": [SCRIPTED[symbol] for symbol in symbols if symbol in SCRIPTED]}

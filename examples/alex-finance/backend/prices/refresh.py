"""Bring the prices of a portfolio up to date. A price that cannot be had is kept as it is, with the reason.

``POLYGON_API_KEY`` is the key, ``POLYGON_PLAN`` is free (the default) or paid.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from backend.data.store import Store

from .polygon import ADDRESS, PolygonClient, PriceError

NO_KEY = "POLYGON_API_KEY is not set"
OFFLINE = "this run is offline"


def client_from_environment() -> PolygonClient | None:
    """The client that the environment describes; None without a key.

    Raises:
        ConfigError: the plan or the address is wrong.
    """
    key = os.environ.get("POLYGON_API_KEY", "").strip()
    if not key:
        return None
    plan, address = os.environ.get("POLYGON_PLAN") or "free", os.environ.get("POLYGON_ADDRESS") or ADDRESS
    return PolygonClient(key, plan=plan, address=address)


def refresh(
    store: Store, symbols: Sequence[str], client: PolygonClient | None, *, today: Callable[[], date] | None = None
) -> dict[str, Any]:
    """Store what Polygon says: which symbols were updated, which kept, and why."""
    if not symbols:
        return kept([], "there are no positions")
    if client is None:
        return kept(symbols, NO_KEY)
    try:
        quotes = client.quotes(symbols, today=(today or _today)())
    except PriceError as exc:
        return kept(symbols, str(exc))
    store.set_prices(quotes.prices, as_of=quotes.as_of, source=quotes.source)
    left = [symbol for symbol in symbols if symbol not in quotes.prices]
    return {
        "source": quotes.source,
        "as_of": quotes.as_of.isoformat(),
        "updated": [symbol for symbol in symbols if symbol in quotes.prices],
        "kept": [{"symbol": symbol, "reason": "Polygon has no price of it"} for symbol in left],
    }


def kept(symbols: Sequence[str], reason: str) -> dict[str, Any]:
    """The outcome where no price changed."""
    left = [{"symbol": symbol, "reason": reason} for symbol in symbols]
    return {"source": None, "as_of": None, "updated": [], "kept": left}


def _today() -> date:
    return datetime.now(UTC).date()

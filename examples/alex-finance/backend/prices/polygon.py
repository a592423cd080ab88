"""Polygon's prices over HTTP: end of day on the free plan, the last trade on a paid one.

Free: ``/v2/aggs/grouped/locale/us/market/stocks/<day>`` holds the closes of all symbols, so one call serves a whole
portfolio; days without trading are stepped over backwards. At most five calls a minute.
Paid: ``/v2/snapshot/locale/us/markets/stocks/tickers`` for the symbols asked for.

A call that was refused for being too many (429), timed out or met a broken server is made once more; nothing else is.
What is not a positive number is no price.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from agent_framework.errors import ConfigError, ProviderError

from .pace import Pace

ADDRESS = "https://api.polygon.io"
TIMEOUT_S = 10.0
DAYS_BACK = 6
MAX_WAIT_S = 60.0
MAX_BYTES = 50_000_000
_FREE = Pace(5, 60.0, clock=time.monotonic, sleep=time.sleep)
_PAID = Pace(100, 1.0, clock=time.monotonic, sleep=time.sleep)
PACES: Mapping[str, Pace] = {"free": _FREE, "paid": _PAID}
"""One for each plan and process: the limit holds for a key, whatever job asks."""


class PriceError(ProviderError):
    """Polygon gave no prices; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """Prices, and the day they are of."""

    prices: Mapping[str, Decimal]
    as_of: date
    source: str


class PolygonClient:
    """Asks Polygon. Made for one key; ``pace`` and ``sleep`` are for tests."""

    def __init__(
        self,
        key: str,
        *,
        plan: str = "free",
        address: str = ADDRESS,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if plan not in PACES:
            raise ConfigError(f"POLYGON_PLAN is {plan!r}; it can be free or paid")
        if urlsplit(address).scheme not in ("http", "https"):
            raise ConfigError(f"POLYGON_ADDRESS is {address!r}; it has to start with https://")
        self.plan = plan
        self._key = key
        self._address = address.rstrip("/")
        self._pace = pace or PACES[plan]
        self._sleep = sleep
        self._timeout_s = timeout_s

    def quotes(self, symbols: Sequence[str], *, today: date) -> Quotes:
        """Prices of those symbols that Polygon knows.

        Raises:
            PriceError: there was no usable answer.
        """
        return self._last_trades(symbols, today) if self.plan == "paid" else self._closes(symbols, today)

    def _closes(self, symbols: Sequence[str], today: date) -> Quotes:
        days = (today - timedelta(days=back) for back in range(1, DAYS_BACK + 1))
        for day in (day for day in days if day.weekday() < 5):
            answer = self._get(f"/v2/aggs/grouped/locale/us/market/stocks/{day.isoformat()}", {"adjusted": "true"})
            rows = {row.get("T"): row.get("c") for row in _objects(answer, "results")}
            if rows:
                return Quotes(_positive({symbol: rows.get(symbol) for symbol in symbols}), day, "polygon close")
        raise PriceError(f"Polygon has no closing prices of the {DAYS_BACK} days before {today.isoformat()}")

    def _last_trades(self, symbols: Sequence[str], today: date) -> Quotes:
        answer = self._get("/v2/snapshot/locale/us/markets/stocks/tickers", {"tickers": ",".join(symbols)})
        rows = {row.get("ticker"): _traded(row) for row in _objects(answer, "tickers")}
        return Quotes(_positive({symbol: rows.get(symbol) for symbol in symbols}), today, "polygon last trade")

    def _get(self, path: str, query: Mapping[str, str]) -> Any:
        """One call, made once more where that may help."""
        try:
            return self._call(path, query)
        except _PassingError as exc:
            self._sleep(exc.wait_s)
        try:
            return self._call(path, query)
        except _PassingError as exc:
            raise PriceError(f"{exc}, twice in a row; the stored prices are kept") from exc

    def _call(self, path: str, query: Mapping[str, str]) -> Any:
        self._pace.wait()
        request = Request(  # noqa: S310 - the scheme was checked
            f"{self._address}{path}?{urlencode(query)}", headers={"Authorization": f"Bearer {self._key}"}
        )
        try:
            with urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310
                return json.loads(answer.read(MAX_BYTES), parse_float=Decimal)
        except HTTPError as exc:
            with exc:
                raise _refused(exc, self.plan) from exc
        except (URLError, TimeoutError, ConnectionError) as exc:
            reason = getattr(exc, "reason", exc)
            raise _PassingError(f"Polygon cannot be reached: {str(reason) or type(reason).__name__}", 1.0) from exc
        except ValueError as exc:
            raise PriceError("Polygon answered with something that is no JSON; the stored prices are kept") from exc


class _PassingError(Exception):
    """A failure that may be gone after ``wait_s``."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def _refused(error: HTTPError, plan: str) -> Exception:
    if error.code == 429:
        return _PassingError("Polygon says these are too many calls (429)", _retry_after(error))
    if error.code >= 500:
        return _PassingError(f"Polygon is out of order ({error.code})", 1.0)
    if error.code in (401, 403):
        return PriceError(
            f"Polygon refuses the key ({error.code}); check POLYGON_API_KEY, and whether POLYGON_PLAN={plan} is its "
            "plan. The stored prices are kept"
        )
    return PriceError(f"Polygon refuses the call ({error.code}); the stored prices are kept")


def _retry_after(error: HTTPError) -> float:
    try:
        return min(max(float(error.headers.get("Retry-After", "")), 0.0), MAX_WAIT_S)
    except ValueError:
        return 15.0


def _objects(answer: Any, field: str) -> list[dict[str, Any]]:
    rows = answer.get(field) if isinstance(answer, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _traded(row: Mapping[str, Any]) -> Any:
    """The last trade, else the day's close, else the previous day's."""
    for part, field in (("lastTrade", "p"), ("day", "c"), ("prevDay", "c")):
        found = row.get(part)
        if isinstance(found, dict) and found.get(field):
            return found[field]
    return None


def _positive(found: Mapping[str, Any]) -> dict[str, Decimal]:
    prices: dict[str, Decimal] = {}
    for symbol, value in found.items():
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            continue
        if not isinstance(value, bool) and price.is_finite() and price > 0:
            prices[symbol] = price
    return prices

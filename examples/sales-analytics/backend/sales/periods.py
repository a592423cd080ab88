"""From lines to weeks and months.

* A week starts on Monday and is named by that day (``2011-01-03``); a month is named ``2011-01``.
* The span of the data runs from the first to the last dated line of any category but ``invalid``.
* The first and the last period are *incomplete* when the data starts after, or ends before, a weekday on which this
  shop trades: weekdays that never occur in `CLOSING_DAYS_SPAN` days or more of data are closing days and make nothing
  incomplete. Incomplete periods count in totals and are left out of every comparison, trend and forecast.
* A period inside the span without any line is a *gap*: closed or not recorded, the data does not say. Its sales are 0
  in totals; trends skip it, forecasts bridge it.
* Months are the unit of analysis instead of weeks where the data is monthly (the median distance between its days is
  `MONTHLY_DAYS` or more) or where more than a quarter of the weeks are gaps.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal

import pandas as pd

from .values import exact_sum

Unit = Literal["week", "month"]
MONTHLY_DAYS = 25
MAX_GAP_SHARE = 0.25
CLOSING_DAYS_SPAN = 28


@dataclass(frozen=True, slots=True)
class Period:
    """One week or month: its first day, the sales in it, and whether it can be compared with others."""

    start: date
    unit: Unit
    sales: Decimal
    orders: int
    lines: int
    complete: bool
    gap: bool

    @property
    def name(self) -> str:
        """``2011-01-03`` or ``2011-01``."""
        return period_name(self.start, self.unit)

    @property
    def usable(self) -> bool:
        """Complete and not a gap: fit to be compared."""
        return self.complete and not self.gap


@dataclass(frozen=True, slots=True)
class Calendar:
    """The span of the data, the weekdays on which the shop trades, and the unit of analysis."""

    first: date
    last: date
    weekdays: frozenset[int]
    monthly_data: bool
    unit: Unit


def calendar(lines: pd.DataFrame) -> Calendar:
    """Read the calendar off every dated line that is not invalid."""
    moments = lines.loc[lines["category"] != "invalid", "date"]
    days = sorted({moment.date() for moment in moments})
    distances = sorted((later - earlier).days for earlier, later in pairwise(days))
    monthly = bool(distances) and distances[len(distances) // 2] >= MONTHLY_DAYS
    weeks = {start_of(day, "week") for day in days}
    expected = (max(weeks) - min(weeks)).days // 7 + 1
    sparse = 1 - len(weeks) / expected > MAX_GAP_SHARE
    unit: Unit = "month" if monthly or sparse else "week"
    long_enough = (days[-1] - days[0]).days >= CLOSING_DAYS_SPAN
    weekdays = frozenset(day.weekday() for day in days) if long_enough else frozenset(range(7))
    return Calendar(days[0], days[-1], weekdays, monthly, unit)


def periods(lines: pd.DataFrame, span: Calendar, unit: Unit) -> list[Period]:
    """Every period of the span in order, those without a line included; sales are the kept lines'."""
    dated = lines[lines["category"] != "invalid"]
    starts = dated["date"].dt.to_period("W-SUN" if unit == "week" else "M").dt.start_time.dt.date
    lines_in = starts.value_counts()
    kept = dated[dated["category"] == "kept"]
    groups = kept.groupby(starts[kept.index])
    sales = {start: exact_sum(amounts) for start, amounts in groups["amount"]}
    orders = groups["order_id"].nunique()
    found: list[Period] = []
    start = start_of(span.first, unit)
    while start <= span.last:
        found.append(
            Period(
                start=start,
                unit=unit,
                sales=sales.get(start, Decimal(0)),
                orders=int(orders.get(start, 0)),
                lines=int(lines_in.get(start, 0)),
                complete=_is_complete(start, unit, span),
                gap=start not in lines_in.index,
            )
        )
        start = next_start(start, unit)
    return found


def start_of(day: date, unit: Unit) -> date:
    """The first day of the period that holds ``day``."""
    return day - timedelta(days=day.weekday()) if unit == "week" else day.replace(day=1)


def next_start(start: date, unit: Unit) -> date:
    """The first day of the following period."""
    return start + timedelta(days=7) if unit == "week" else (start + timedelta(days=31)).replace(day=1)


def period_name(start: date, unit: Unit) -> str:
    """How a period is called in every output."""
    return start.isoformat() if unit == "week" else start.strftime("%Y-%m")


def _is_complete(start: date, unit: Unit, span: Calendar) -> bool:
    if unit == "month" and span.monthly_data:
        return True
    end = next_start(start, unit) - timedelta(days=1)
    before = _days(start, min(span.first - timedelta(days=1), end))
    after = _days(max(span.last + timedelta(days=1), start), end)
    return not any(day.weekday() in span.weekdays for day in (*before, *after))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]

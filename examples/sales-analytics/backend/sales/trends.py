"""How sales developed: totals, months, the long-term trend, returns over time, weekdays.

The trend is the Theil-Sen slope (the median of all pairwise slopes) over the usable periods, with its 95 % interval; it
is called rising or falling only where that interval leaves out zero, and is not computed below `MIN_PERIODS` periods.
It assumes that the periods were recorded alike; `coverage` says where that is doubtful.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from .figures import change, finite, money, percent, plain, show_count
from .periods import Calendar, Period, calendar, periods
from .values import EXACT, exact_sum

MIN_PERIODS = 8
MAX_MONTHS = 60
MAX_PERIODS = 160
UNEVEN_FACTOR = 5.0
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def calculate(lines: pd.DataFrame, currency: str | None = None) -> dict[str, Any]:
    """Everything `calculate_trends` reports; money as text, see the package's conventions."""
    span = calendar(lines)
    months = periods(lines, span, "month")
    main = periods(lines, span, "week") if span.unit == "week" else months
    kept = lines[lines["category"] == "kept"]
    return {
        "currency": currency,
        "first_day": span.first.isoformat(),
        "last_day": span.last.isoformat(),
        "unit": span.unit,
        "totals": totals(lines),
        "months": [_row(month) for month in months[-MAX_MONTHS:]],
        "months_left_out": max(0, len(months) - MAX_MONTHS),
        "series": {
            "unit": span.unit,
            "columns": ["start", "sales", "usable"],
            "rows": [[p.name, money(p.sales), p.usable] for p in main[-MAX_PERIODS:]],
            "left_out": max(0, len(main) - MAX_PERIODS),
        },
        "periods": _period_counts(main),
        "trend": slope(main),
        "latest_month": latest_month(months),
        "extremes": extremes(months),
        "coverage": coverage(months, span),
        "weekdays": weekdays(kept),
    }


def totals(lines: pd.DataFrame) -> dict[str, Any]:
    """Sums over the whole span. The return rate is the value of the returns in per cent of the sales."""
    kept, returned = lines[lines["category"] == "kept"], lines[lines["category"] == "return"]
    sales, returns = exact_sum(kept["amount"]), exact_sum(returned["amount"])
    orders = int(kept["order_id"].nunique())
    return {
        "sales": money(sales),
        "returns": money(returns),
        "net_sales": money(EXACT.add(sales, returns)),
        "return_rate_percent": percent(abs(returns), sales),
        "return_lines": len(returned),
        "orders": orders,
        "units": plain(exact_sum(kept["quantity"])),
        "lines": len(kept),
        "average_order": money(EXACT.divide(sales, Decimal(orders))),
    }


def slope(series: Sequence[Period]) -> dict[str, Any]:
    """The long-term trend per period; ``percent_of_median`` relates the slope to a median period."""
    usable = [(index, float(period.sales)) for index, period in enumerate(series) if period.usable]
    unit = series[0].unit
    if len(usable) < MIN_PERIODS:
        reason = f"{show_count(len(usable), f'complete {unit}')} with data; {MIN_PERIODS} are needed"
        return {"direction": "not enough data", "periods": len(usable), "needed": MIN_PERIODS, "reason": reason}
    positions, values = zip(*usable, strict=True)
    result = stats.theilslopes(values, positions, alpha=0.95)
    low, high = float(result.low_slope), float(result.high_slope)
    direction = "rising" if low > 0 else "falling" if high < 0 else "no clear direction"
    median = float(np.median(values))
    return {
        "direction": direction,
        "unit": unit,
        "periods": len(usable),
        "change_per_period": money(float(result.slope)),
        "low": money(low) if np.isfinite(low) else None,
        "high": money(high) if np.isfinite(high) else None,
        "confidence_percent": 95,
        "median_period": money(median),
        "percent_of_median": percent(float(result.slope), median),
    }


def latest_month(months: Sequence[Period]) -> dict[str, Any] | None:
    """The last usable month beside the month before it and the same month a year earlier, where those are usable."""
    usable = {month.name: month for month in months if month.usable}
    if not usable:
        return None
    last = usable[max(usable)]
    names = [month.name for month in months]
    position = names.index(last.name)
    before = usable.get(names[position - 1]) if position else None
    year_ago = usable.get(f"{last.start.year - 1}-{last.start.month:02d}")
    return {
        "month": last.name,
        "sales": money(last.sales),
        "orders": last.orders,
        "before": _compared(last, before),
        "year_ago": _compared(last, year_ago),
    }


def _compared(last: Period, other: Period | None) -> dict[str, Any] | None:
    if other is None:
        return None
    return {"month": other.name, "sales": money(other.sales), "change_percent": change(last.sales, other.sales)}


def extremes(months: Sequence[Period]) -> dict[str, Any] | None:
    """The strongest and the weakest usable month; None below three of them."""
    usable = [month for month in months if month.usable]
    if len(usable) < 3:
        return None
    best, worst = max(usable, key=lambda month: month.sales), min(usable, key=lambda month: month.sales)
    return {"best": _row(best), "weakest": _row(worst), "months": len(usable)}


def coverage(months: Sequence[Period], span: Calendar) -> dict[str, Any]:
    """How evenly the lines are spread: ``uneven`` where one month holds `UNEVEN_FACTOR` median months or more."""
    counts = [month.lines for month in months]
    busiest = max(months, key=lambda month: month.lines)
    median = float(np.median(counts))
    times = busiest.lines / median if median else 0.0
    return {
        "days": (span.last - span.first).days + 1,
        "busiest_month": busiest.name,
        "lines": busiest.lines,
        "share_percent": percent(busiest.lines, sum(counts)),
        "times_median": finite(times, 1),
        "uneven": len(months) >= 3 and times >= UNEVEN_FACTOR,
    }


def weekdays(kept: pd.DataFrame) -> list[dict[str, Any]]:
    """Sales by weekday, Monday first."""
    total = exact_sum(kept["amount"])
    sums = {day: exact_sum(amounts) for day, amounts in kept.groupby(kept["date"].dt.day_of_week)["amount"]}
    values = [sums.get(day, Decimal(0)) for day in range(7)]
    return [
        {"weekday": name, "sales": money(value), "share_percent": percent(value, total)}
        for name, value in zip(WEEKDAYS, values, strict=True)
    ]


def _row(month: Period) -> dict[str, Any]:
    return {
        "month": month.name,
        "sales": money(month.sales),
        "orders": month.orders,
        "lines": month.lines,
        "complete": month.complete,
        "gap": month.gap,
    }


def _period_counts(series: Sequence[Period]) -> dict[str, Any]:
    return {
        "all": len(series),
        "usable": sum(period.usable for period in series),
        "gaps": [period.name for period in series if period.gap][:20],
        "gap_count": sum(period.gap for period in series),
        "incomplete": [period.name for period in series if not period.complete],
    }

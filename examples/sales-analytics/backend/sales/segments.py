"""Who and what the sales come from: products, countries, customers; concentration; what rose and what fell.

"Rose" and "fell" compare the latest usable months with as many before them: three and three, or fewer where fewer are
there, never fewer than one and one. Ties are broken by key, so the same file always gives the same lists.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from .figures import change, money, percent, plain
from .ledger import common_name
from .periods import Period, calendar, periods
from .values import EXACT, exact_sum

TOP = 10
MOVERS = 5
WINDOW_MONTHS = 3
MOST_PERCENT = 80


def analyse(lines: pd.DataFrame) -> dict[str, Any]:
    """Everything `segment_analysis` reports."""
    kept = lines[lines["category"] == "kept"].copy()
    kept["month"] = kept["date"].dt.strftime("%Y-%m")
    windows = comparison_windows(periods(lines, calendar(lines), "month"))
    return {
        "products": segment(kept, "product", names=True),
        "countries": segment(kept[kept["country"] != ""], "country", whole=kept),
        "customers": segment(kept[kept["customer"] != ""], "customer", whole=kept),
        "repeat_customers": repeat_customers(kept),
        "windows": windows,
        "product_movers": movers(kept, "product", windows),
        "country_movers": movers(kept[kept["country"] != ""], "country", windows),
    }


def segment(
    lines: pd.DataFrame, column: str, *, whole: pd.DataFrame | None = None, names: bool = False
) -> dict[str, Any]:
    """One dimension. Shares are of all sales (``whole``), so lines without a value show up as ``missing``."""
    everything = lines if whole is None else whole
    total = exact_sum(everything["amount"])
    ranked = _ranked(lines, column)
    values = [value for _, value in ranked]
    top = ranked[:TOP]
    missing = EXACT.subtract(total, exact_sum(values))
    return {
        "count": len(ranked),
        "top": [_entry(lines, column, key, value, total, names) for key, value in top],
        "listed": len(top),
        "top1_percent": _share(values[:1], total),
        "top5_percent": _share(values[:5], total),
        "listed_percent": _share(values[:TOP], total),
        "most_percent": MOST_PERCENT,
        "count_for_most": _count_for(values, EXACT.multiply(total, Decimal(MOST_PERCENT) / 100)),
        "missing_lines": len(everything) - len(lines),
        "missing_sales": money(missing),
        "missing_percent": percent(missing, total),
    }


def repeat_customers(kept: pd.DataFrame) -> dict[str, Any]:
    """Customers with two or more orders, and their part of the sales of all known customers."""
    known = kept[kept["customer"] != ""]
    orders = known.groupby("customer")["order_id"].nunique()
    repeat = set(orders[orders >= 2].index)
    sales = exact_sum(known.loc[known["customer"].isin(repeat), "amount"])
    return {
        "customers": len(orders),
        "repeat": len(repeat),
        "repeat_percent": percent(len(repeat), len(orders)),
        "sales": money(sales),
        "sales_percent": percent(sales, exact_sum(known["amount"])),
    }


def comparison_windows(months: Sequence[Period]) -> dict[str, Any] | None:
    """The two windows that movers compare, by the names of their months; None below two usable months."""
    usable = [month.name for month in months if month.usable]
    size = min(WINDOW_MONTHS, len(usable) // 2)
    if not size:
        return None
    return {"months": size, "before": usable[-2 * size : -size], "latest": usable[-size:]}


def movers(kept: pd.DataFrame, column: str, windows: dict[str, Any] | None) -> dict[str, Any]:
    """What rose and what fell most between the windows, in money."""
    if windows is None:
        return {"rose": [], "fell": []}
    before = dict(_ranked(kept[kept["month"].isin(windows["before"])], column))
    latest = dict(_ranked(kept[kept["month"].isin(windows["latest"])], column))
    zero = Decimal(0)
    moved = [
        (EXACT.subtract(latest.get(key, zero), before.get(key, zero)), key)
        for key in sorted(before.keys() | latest.keys())
    ]
    rose = sorted((move for move in moved if move[0] > 0), key=lambda move: -move[0])[:MOVERS]
    fell = sorted((move for move in moved if move[0] < 0), key=lambda move: move[0])[:MOVERS]

    def entry(difference: Decimal, key: str) -> dict[str, Any]:
        old, new = before.get(key, zero), latest.get(key, zero)
        name = _name(kept, column, key)
        return {
            "key": key,
            "name": name,
            "before": money(old),
            "latest": money(new),
            "difference": money(difference),
            "change_percent": change(new, old),
        }

    return {"rose": [entry(*move) for move in rose], "fell": [entry(*move) for move in fell]}


def _ranked(lines: pd.DataFrame, column: str) -> list[tuple[str, Decimal]]:
    sums = [(str(key), exact_sum(amounts)) for key, amounts in lines.groupby(column, sort=True)["amount"]]
    return sorted(sums, key=lambda pair: (-pair[1], pair[0]))


def _entry(lines: pd.DataFrame, column: str, key: str, value: Decimal, total: Decimal, names: bool) -> dict[str, Any]:
    own = lines[lines[column] == key]
    return {
        "key": key,
        "name": _name(lines, column, key) if names else key,
        "sales": money(value),
        "share_percent": percent(value, total),
        "orders": int(own["order_id"].nunique()),
        "units": plain(exact_sum(own["quantity"])),
    }


def _name(lines: pd.DataFrame, column: str, key: str) -> str:
    if column != "product":
        return key
    return common_name(lines.loc[lines[column] == key, "description"].tolist()) or key


def _share(values: Sequence[Decimal], total: Decimal) -> float | None:
    return percent(exact_sum(values), total)


def _count_for(values: Sequence[Decimal], target: Decimal) -> int | None:
    """How many of the largest values reach the target; None where all of them don't."""
    running = Decimal(0)
    for count, value in enumerate(values, start=1):
        running = EXACT.add(running, value)
        if running >= target:
            return count
    return None

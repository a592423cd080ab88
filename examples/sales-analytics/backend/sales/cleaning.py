"""From parsed rows to lines, each in exactly one category.

The categories, in the order in which they are tried:

    invalid      fields missing or too many; no order, product, quantity, price or date that can be read; quantity zero
    duplicate    every field equals an earlier row's (the first one stays)
    non_product  the product code names no product (see `codes`)
    zero_price   a price of zero or less: no sale, whatever the quantity
    return       a negative quantity, or an order number with the return prefix (``C536379``); the prefix counts only
                 where fewer than half of the orders carry it
    outlier      see `outliers`
    kept         everything else: these lines are "the sales"

An amount is quantity x unit price, exact. The amounts of all categories add up to the file's total; an invalid line
counts there with its amount where quantity and price can be read.
"""

import re
from typing import Any

import pandas as pd

from agent_framework.errors import ProjectError

from .codes import non_product_reasons
from .figures import counts
from .loading import RawTable
from .outliers import OutlierRule, outlier_rule
from .parsing import ParsedTable

CATEGORIES = ("kept", "return", "non_product", "zero_price", "outlier", "duplicate", "invalid")
COLUMNS = (
    "line", "category", "reason", "order_id", "product", "description", "quantity", "unit_price", "amount", "date",
    "customer", "country",
)  # fmt: skip


def classify(parsed: ParsedTable) -> tuple[pd.DataFrame, OutlierRule]:
    """Every line with its category and, where it was not kept, the reason; columns as in `COLUMNS`.

    Raises:
        ProjectError: no sale is left; the message counts what the lines are instead.
    """
    request, lines = parsed.request, parsed.lines.copy()
    codes = non_product_reasons(lines["product"], request.non_product_codes, request.product_codes)
    lines["category"] = ""
    _mark(lines, lines["reason"] != "", "invalid")
    _mark(lines, _repeated(parsed.table), "duplicate", "repeats an earlier line")
    _mark(lines, lines["product"].isin(codes), "non_product", lines["product"].map(codes))
    _mark(
        lines,
        [price is not None and price <= 0 for price in lines["unit_price"]],
        "zero_price",
        "price of zero or less",
    )
    negative = pd.Series([quantity is not None and quantity < 0 for quantity in lines["quantity"]])
    _mark(lines, negative, "return", "negative quantity")
    _mark(lines, _return_orders(lines["order_id"], request.return_prefix), "return", "return order")
    open_values = lines.loc[lines["category"] == "", "amount"].astype(float)
    rule = outlier_rule(open_values.tolist(), request.outlier_threshold)
    if rule.limit is not None:
        limit = rule.limit
        _mark(
            lines,
            [amount is not None and float(amount) >= limit for amount in lines["amount"]],
            "outlier",
            "far above the rest",
        )
    _mark(lines, [True] * len(lines), "kept")
    if not (lines["category"] == "kept").any():
        counted = ", ".join(f"{count} {name}" for name, count in counts(lines["category"]).items())
        raise ProjectError(
            f"{parsed.table.name}: none of the {len(lines)} lines is a sale ({counted}): nothing to analyse"
        )
    return lines[list(COLUMNS)], rule


def _mark(lines: pd.DataFrame, flags: Any, category: str, reason: Any = None) -> None:
    """Give the still open lines among ``flags`` their category."""
    chosen = (lines["category"] == "") & pd.Series(flags, index=lines.index, dtype=bool)
    lines.loc[chosen, "category"] = category
    if reason is not None:
        lines.loc[chosen, "reason"] = reason if isinstance(reason, str) else reason[chosen]


def _repeated(table: RawTable) -> list[bool]:
    seen: set[tuple[str, ...]] = set()
    repeated: list[bool] = []
    for row in table.rows:
        key = tuple(row.values)
        repeated.append(key in seen)
        seen.add(key)
    return repeated


def _return_orders(order_ids: pd.Series, prefix: str) -> pd.Series:
    if not prefix:
        return pd.Series(False, index=order_ids.index)
    carried = order_ids.str.match(rf"{re.escape(prefix)}\d", case=False)
    distinct = order_ids[order_ids != ""].drop_duplicates()
    return carried & (carried[distinct.index].mean() < 0.5 if len(distinct) else False)

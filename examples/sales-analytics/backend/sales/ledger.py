"""What the cleaning did, in figures: the reconciliation with the file, outliers, codes, returns."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from .cleaning import CATEGORIES
from .figures import counts, exact_money, money, percent
from .outliers import OutlierRule
from .values import EXACT, exact_sum

MAX_LISTED = 20


def reconciliation(lines: pd.DataFrame) -> dict[str, Any]:
    """Lines and exact amounts by category beside the file's own total, which is summed independently of them."""
    rows: list[dict[str, Any]] = []
    for category in CATEGORIES:
        chosen = lines[lines["category"] == category]
        amount = exact_sum(chosen["amount"].dropna())
        rows.append({"category": category, "lines": len(chosen), "amount": amount})
    total = exact_sum(lines["amount"].dropna())
    difference = EXACT.subtract(total, exact_sum(row["amount"] for row in rows))
    return {
        "rows": [{**row, "amount": exact_money(row["amount"])} for row in rows],
        "total_lines": len(lines),
        "total_amount": exact_money(total),
        "difference": exact_money(difference),
        "lines_without_amount": int(lines["amount"].isna().sum()),
    }


def removal_summary(lines: pd.DataFrame, rule: OutlierRule) -> dict[str, Any]:
    """What was set aside and why, as `remove_outliers` reports it."""
    kept = lines[lines["category"] == "kept"]
    outliers = lines[lines["category"] == "outlier"].sort_values("line")
    outlier_total = exact_sum(outliers["amount"])
    kept_total = exact_sum(kept["amount"])
    return {
        "reconciliation": reconciliation(lines),
        "kept_lines": len(kept),
        "kept_amount": money(kept_total),
        "outlier_rule": {
            "threshold": rule.threshold,
            "median": None if rule.median is None else money(rule.median),
            "limit": None if rule.limit is None else money(rule.limit),
            "note": rule.note,
        },
        "outliers": {
            "lines": len(outliers),
            "amount": money(outlier_total),
            "percent_of_sales": percent(outlier_total, EXACT.add(outlier_total, kept_total)),
            "listed_lines": min(len(outliers), MAX_LISTED),
            "listed": [_listed(row) for row in outliers.head(MAX_LISTED).to_dict("records")],
        },
        "non_product": by_code(lines[lines["category"] == "non_product"]),
        "returns": by_code(lines[lines["category"] == "return"]),
        "zero_price_lines": int((lines["category"] == "zero_price").sum()),
    }


def by_code(lines: pd.DataFrame) -> dict[str, Any]:
    """Lines and amounts by product code; the `MAX_LISTED` largest amounts are listed, the rest is one figure."""
    groups: list[dict[str, Any]] = []
    for code, group in lines.groupby("product", sort=True):
        groups.append(
            {
                "code": str(code),
                "name": common_name(group["description"].tolist()),
                "reason": group["reason"].iloc[0],
                "lines": len(group),
                "amount": exact_sum(group["amount"].dropna()),
            }
        )
    groups.sort(key=lambda group: (-abs(group["amount"]), group["code"]))
    rest = groups[MAX_LISTED:]
    return {
        "lines": len(lines),
        "amount": exact_money(exact_sum(lines["amount"].dropna())),
        "codes": len(groups),
        "listed": [{**group, "amount": exact_money(group["amount"])} for group in groups[:MAX_LISTED]],
        "rest": {
            "codes": len(rest),
            "lines": sum(group["lines"] for group in rest),
            "amount": exact_money(exact_sum(group["amount"] for group in rest)),
        },
    }


def common_name(descriptions: Sequence[str]) -> str:
    """The most frequent description; among equals the first in the alphabet."""
    found = counts(text for text in descriptions if text)
    return min(found, key=lambda text: (-found[text], text)) if found else ""


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "line": int(row["line"]),
        "order_id": row["order_id"],
        "product": row["product"],
        "name": row["description"],
        "quantity": str(row["quantity"]),
        "unit_price": exact_money(row["unit_price"]),
        "amount": exact_money(row["amount"]),
    }

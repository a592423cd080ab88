"""The five charts of a portfolio. Amounts come from the valuation, so each chart adds up to its total to the cent."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from backend.portfolio.money import ZERO
from backend.portfolio.valuation import Valuation
from backend.portfolio.vocabulary import CASH, UNCLASSIFIED, Dimension, words

from .model import checked_charts

PALETTE = (
    *("#1F5FA8", "#E08A1E", "#2E8B6F", "#B5485D", "#6C5BA7", "#4FA3C7", "#C9A227", "#7A8B99", "#8C564B"),
    *("#3D7A3A", "#D96C9F", "#17A2A2"),
)
CASH_COLOR = "#9AA5B1"
UNKNOWN_COLOR = "#C4472F"
OTHER = "Others"
LARGEST = 11
LONGEST_NOTE = 200

Parts = list[tuple[str, Decimal]]


def portfolio_charts(valuation: Valuation) -> dict[str, Any]:
    """All five, checked.

    Raises:
        OutputValidationError: there is nothing of value to draw.
    """
    breakdowns = valuation.breakdowns
    return checked_charts(
        {
            "asset_allocation": _chart(
                "Asset allocation", "donut", "What kind of risk the money carries.",
                _named(breakdowns[Dimension.ASSET_CLASS]),
            ),
            "regions": _chart(
                "Regions", "bar", "Where the money is invested; cash is shown apart.",
                _named(breakdowns[Dimension.REGION]),
            ),
            "accounts": _chart("Accounts", "pie", "How the money is spread over accounts.", _accounts(valuation)),
            "sectors": _chart(
                "Sectors", "horizontalBar", "What the money is invested in, bonds by issuer.",
                _named(breakdowns[Dimension.SECTOR]),
            ),
            "holdings": _chart(
                "Largest holdings", "horizontalBar", "Each holding over all accounts, and cash.", _holdings(valuation)
            ),
        },
        total=valuation.total,
    )  # fmt: skip


def flagged(charts: Mapping[str, Any], valuation: Valuation) -> dict[str, Any]:
    """The charts with what has no price named beside the holdings; what they amount to does not change."""
    if not valuation.missing_prices:
        return dict(charts)
    holdings, missing = charts["holdings"], ", ".join(valuation.missing_prices)
    note = f" No price is known of {missing}: it counts as nothing."[:LONGEST_NOTE]
    return {**charts, "holdings": {**holdings, "description": holdings["description"] + note}}


def _named(parts: Mapping[str, Decimal]) -> Parts:
    return [(words(category), amount) for category, amount in parts.items()]


def _accounts(valuation: Valuation) -> Parts:
    """Accounts with the same name get a number, so that they stay apart in a legend too."""
    names = [one.account.name for one in valuation.accounts]
    seen: dict[str, int] = {}
    parts: Parts = []
    for one in valuation.accounts:
        name = one.account.name
        seen[name] = seen.get(name, 0) + 1
        parts.append((f"{name} ({seen[name]})" if names.count(name) > 1 else name, one.total))
    return sorted(parts, key=lambda part: -part[1])


def _holdings(valuation: Valuation) -> Parts:
    parts = [*valuation.holdings.items(), (words(CASH), valuation.cash)]
    return sorted(parts, key=lambda part: -part[1])


def _chart(title: str, kind: str, description: str, parts: Parts) -> dict[str, Any]:
    colors = iter(PALETTE * 2)
    return {
        "title": title,
        "type": kind,
        "description": description,
        "data": [
            {"name": name[:80], "value": float(amount), "color": _color(name, colors)}
            for name, amount in _largest(parts)
        ],
    }


def _largest(parts: Iterable[tuple[str, Decimal]]) -> Parts:
    """The largest parts, what is left in one; parts of nothing are left out."""
    found = [part for part in parts if part[1]]
    if len(found) <= LARGEST + 1:
        return found
    return [*found[:LARGEST], (OTHER, sum((amount for _, amount in found[LARGEST:]), ZERO))]


def _color(name: str, colors: Any) -> str:
    fixed = {words(CASH): CASH_COLOR, OTHER: CASH_COLOR, words(UNCLASSIFIED): UNKNOWN_COLOR}
    return fixed.get(name) or next(colors)

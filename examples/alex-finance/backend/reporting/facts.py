"""What a report may say: the valuation, how far it is from the targets, and where the prices come from.

Every amount a report names must be one of `amounts`.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from backend.portfolio.money import ZERO, cents, share
from backend.portfolio.valuation import Valuation
from backend.portfolio.vocabulary import CASH, UNCLASSIFIED, Dimension

from .judge import amounts_in

NORTH_AMERICA = "north_america"
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


def facts_of(valuation: Valuation) -> dict[str, Any]:
    """The facts as JSON."""
    user = valuation.portfolio.user
    income = user.target_income
    return {
        "owner": user.name,
        "years_until_retirement": user.years_until_retirement,
        "target_income": None if income is None else str(cents(income)),
        **valuation.to_dict(),
        "against_targets": [
            *_against(valuation.breakdowns[Dimension.ASSET_CLASS], user.asset_class_targets, valuation.total),
            *_against(_two_regions(valuation), user.region_targets, valuation.total),
        ],
        "yearly_interest_on_cash": str(
            cents(sum((account.cash * account.account.cash_interest for account in valuation.accounts), Decimal(0)))
        ),
    }


def _two_regions(valuation: Valuation) -> dict[str, Decimal]:
    """North America and the other regions; cash, what is global and what is not classified belong to neither."""
    parts = valuation.breakdowns[Dimension.REGION]
    home = parts.get(NORTH_AMERICA, ZERO)
    apart = (NORTH_AMERICA, "global", CASH, UNCLASSIFIED)
    abroad = sum((amount for region, amount in parts.items() if region not in apart), ZERO)
    return {NORTH_AMERICA: home, "international": abroad}


def _against(parts: Mapping[str, Decimal], targets: Mapping[str, Decimal], total: Decimal) -> Iterator[dict[str, Any]]:
    for category, target in targets.items():
        have, wanted = parts.get(category, ZERO), cents(total * target / 100)
        yield {
            "category": category,
            "value": str(have),
            "share_percent": float(share(have, total)),
            "target_percent": float(target),
            "target_value": str(wanted),
            "difference": str(have - wanted),
        }


def amounts(facts: Any) -> set[Decimal]:
    """Every amount in the facts, without its sign; those that somebody put into a name are known, too."""
    if isinstance(facts, Mapping):
        return set().union(*(amounts(value) for key, value in facts.items() if key != "quantity"))
    if isinstance(facts, list):
        return set().union(*map(amounts, facts))
    if not isinstance(facts, str):
        return set()
    return {abs(Decimal(facts))} if _DECIMAL.fullmatch(facts) else amounts_in(facts)

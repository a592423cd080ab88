"""The steps before any worker: refresh prices, look for what is not classified, decide what the portfolio needs.

What they find is the planner's published facts, and the job's summary.
"""

from collections.abc import Callable
from typing import Any

from agent_framework.errors import ProjectError
from backend.data.store import Store
from backend.portfolio.money import dollars
from backend.portfolio.valuation import Valuation, value

Refresh = Callable[[Store, tuple[str, ...]], dict[str, Any]]
CHARTS_FROM = 2
"""Positions from which on charts say something."""


def facts_of_portfolio(store: Store, user_id: str, refresh: Refresh) -> dict[str, Any]:
    """The facts of a user's portfolio, prices refreshed once for each symbol.

    Raises:
        ProjectError: there is no such user, or nothing to analyse.
    """
    portfolio = store.portfolio(user_id)
    if not portfolio.accounts:
        raise ProjectError(
            f"user {user_id!r} has no accounts; add one with its positions before asking for an analysis"
        )
    prices = refresh(store, portfolio.symbols)
    valuation = value(store.portfolio(user_id))
    positions, user = len(valuation.portfolio.positions), valuation.portfolio.user
    has_goals = user.years_until_retirement is not None and user.target_income is not None
    if not positions and not has_goals:
        raise ProjectError(
            f"user {user_id!r} has no positions, and no years until retirement with a target income: there is nothing "
            "to analyse"
        )
    return {
        "summary": summary(valuation),
        "total": str(valuation.total),
        "positions": positions,
        "unclassified": list(valuation.portfolio.unclassified),
        "missing_prices": list(valuation.missing_prices),
        "prices": prices,
        "prices_used": {one.symbol: str(one.price) for one in valuation.portfolio.instruments.values() if one.price},
        "report": positions > 0,
        "charts": positions >= CHARTS_FROM and valuation.total > 0,
        "retirement": has_goals,
    }


def summary(valuation: Valuation) -> str:
    """One or two sentences."""
    accounts, holdings = len(valuation.accounts), len(valuation.portfolio.symbols)
    said = (
        f"{valuation.portfolio.user.name} has {dollars(valuation.total)} in {accounts} account{'s' * (accounts != 1)}: "
        f"{holdings} holding{'s' * (holdings != 1)} and {dollars(valuation.cash)} in cash."
    )
    if valuation.missing_prices:
        said += f" No price is known of {', '.join(valuation.missing_prices)}, which count as nothing."
    return said

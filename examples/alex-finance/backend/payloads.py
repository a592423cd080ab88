"""What a job stored, checked once more from outside: each payload's form, and one total in all of them."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from agent_framework.errors import OutputValidationError
from backend.charting.model import checked_charts
from backend.portfolio.money import dollars
from backend.portfolio.valuation import Valuation
from backend.reporting.facts import amounts, facts_of
from backend.reporting.judge import review

Payload = Mapping[str, Any]


def problems(agent: str, payload: Payload, valuation: Valuation) -> list[str]:
    """What is wrong with an agent's payload; nothing, if it is valid."""
    return _CHECKS[agent](payload, valuation)


def _planner(payload: Payload, valuation: Valuation) -> list[str]:
    wrong = [] if payload["summary"].strip() else ["the summary is empty"]
    return wrong + _total(payload["total"], valuation)


def _tagger(payload: Payload, valuation: Valuation) -> list[str]:
    named = [one["symbol"] for one in payload["classifications"]]
    still = set(named) & set(valuation.portfolio.unclassified)
    wrong = [] if named == payload["updated"] else ["'updated' and 'classifications' differ"]
    return wrong + [f"{symbol} is not stored as classified" for symbol in sorted(still)]


def _reporter(payload: Payload, valuation: Valuation) -> list[str]:
    wrong = list(review(payload["content"], amounts(facts_of(valuation))).problems)
    return wrong if dollars(valuation.total) in payload["content"] else [*wrong, "the total is not in the report"]


def _charter(payload: Payload, valuation: Valuation) -> list[str]:
    try:
        checked_charts(dict(payload), total=valuation.total)
    except OutputValidationError as exc:
        return [str(exc)]
    said = payload["holdings"]["description"]
    return [f"nothing says that {symbol} has no price" for symbol in valuation.missing_prices[:5] if symbol not in said]


def _retirement(payload: Payload, valuation: Valuation) -> list[str]:
    wrong = _total(payload["portfolio_value"], valuation)
    years = [row["year"] for row in payload["milestones"]]
    if years != list(range(len(years))):
        wrong.append("the milestones leave out years")
    rates = [payload["scenarios"][name]["success_rate"] for name in ("pessimistic", "base", "optimistic")]
    if rates != sorted(rates) or not all(0 <= rate <= 100 for rate in rates):
        wrong.append(f"the scenarios' success rates are {rates}")
    return wrong if payload["analysis"].strip() else [*wrong, "the analysis is empty"]


def _total(said: str, valuation: Valuation) -> list[str]:
    return [] if Decimal(said) == valuation.total else [f"total {said}, but the portfolio is worth {valuation.total}"]


_CHECKS: Mapping[str, Callable[[Payload, Valuation], list[str]]] = {
    "planner": _planner,
    "tagger": _tagger,
    "reporter": _reporter,
    "charter": _charter,
    "retirement": _retirement,
}
AGENTS = tuple(_CHECKS)

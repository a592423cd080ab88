"""Everything that is said about retirement, as JSON: the base case, three scenarios, milestones, levers.

Amounts are rounded to whole dollars, rates are per cent with one decimal: a simulation knows no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backend.portfolio.valuation import Valuation
from backend.portfolio.vocabulary import UNCLASSIFIED, AssetClass, Dimension

from .returns import MODELS, combined, mix_of
from .simulation import Question, Runs, simulate

SAFE_RATE = 0.04
GOAL = 0.80
"""The success rate that levers aim at."""
SEARCH_STEPS = 14


@dataclass(frozen=True, slots=True)
class Scenario:
    """One view of the markets: a change of the mean return, and an inflation rate."""

    name: str
    mean_shift: float
    inflation: float


SCENARIOS = (
    Scenario("pessimistic", -0.02, 0.04),
    Scenario("base", 0.0, 0.03),
    Scenario("optimistic", 0.02, 0.025),
)


def question_of(valuation: Valuation, **changes: Any) -> Question | None:
    """What the portfolio's owner asks; None where no goals are known."""
    user = valuation.portfolio.user
    if user.years_until_retirement is None or user.target_income is None:
        return None
    mix = mix_of(valuation.breakdowns[Dimension.ASSET_CLASS])
    years, income = user.years_until_retirement, float(user.target_income)
    return Question(float(valuation.total), mix, years, income, **changes)


def outlook(valuation: Valuation, question: Question) -> dict[str, Any]:
    """The whole projection."""
    base = simulate(question)
    return {
        "portfolio_value": str(valuation.total),
        "success_rate": _percent(base.success_rate),
        **_outcomes(base),
        "four_percent_rule": _four_percent(base),
        "scenarios": {scenario.name: _scenario(question, scenario) for scenario in SCENARIOS},
        "milestones": list(_milestones(base)),
        "levers": _levers(question, base, valuation),
        "assumptions": _assumptions(question, valuation),
    }


def _outcomes(runs: Runs) -> dict[str, Any]:
    low, middle, high = np.percentile(runs.final, [10, 50, 90])
    return {
        "median_final_value": _dollars(middle),
        "percentile_10": _dollars(low),
        "percentile_90": _dollars(high),
        "average_years_lasted": round(float(runs.years_paid.mean()), 1),
        "expected_value_at_retirement": _dollars(runs.at_retirement.mean()),
        "median_value_at_retirement": _dollars(np.median(runs.at_retirement)),
    }


def _four_percent(runs: Runs) -> dict[str, int]:
    expected, needed = float(runs.at_retirement.mean()), runs.question.income / SAFE_RATE
    return {
        "needed_at_retirement": _dollars(needed),
        "expected_at_retirement": _dollars(expected),
        "gap": _dollars(needed) - _dollars(expected),
        "income_it_would_pay": _dollars(expected * SAFE_RATE),
    }


def _scenario(question: Question, scenario: Scenario) -> dict[str, Any]:
    runs = simulate(replace(question, mean_shift=scenario.mean_shift, inflation=scenario.inflation))
    return {
        "mean_return_percent": _percent(combined(question.mix).mean + scenario.mean_shift),
        "inflation_percent": _percent(scenario.inflation),
        "success_rate": _percent(runs.success_rate),
        **_outcomes(runs),
    }


def _milestones(runs: Runs) -> Iterator[dict[str, Any]]:
    """Today and every single year to the last."""
    retired = runs.question.years_to_retirement
    bands = np.percentile(runs.balances, [10, 50, 90], axis=1)
    alive = np.mean(runs.balances > 0, axis=1)
    for year in range(runs.question.years + 1):
        yield {
            "year": year,
            "phase": "saving" if year < retired else "retirement",
            "percentile_10": _dollars(bands[0, year]),
            "median": _dollars(bands[1, year]),
            "percentile_90": _dollars(bands[2, year]),
            "with_money_percent": _percent(alive[year]),
        }


def _levers(question: Question, base: Runs, valuation: Valuation) -> list[dict[str, Any]]:
    """What could be done, each alone, and what it comes to in the same markets."""
    tried: list[tuple[str, Question]] = []
    if question.years_to_retirement:
        more = question.contribution + 5_000
        tried.append((f"Save {_shown(more)} a year instead of {_shown(question.contribution)}",
                      replace(question, contribution=more)))  # fmt: skip
    if question.years_to_retirement + 3 <= 60:
        longer = replace(question, years_to_retirement=question.years_to_retirement + 3)
        tried.append(("Retire 3 years later", longer))
    if question.income:
        lower = question.income * 0.9
        tried.append((f"Live on {_shown(lower)} a year instead of {_shown(question.income)}",
                      replace(question, income=lower)))  # fmt: skip
    targets = _target_mix(valuation)
    if question.balance and targets != question.mix:
        tried.append(("Move to the target allocation", replace(question, mix=targets)))
    return [
        {"lever": words, "success_rate": _percent(rate), "change_in_points": round(100 * (rate - base.success_rate), 1)}
        for words, rate in ((words, simulate(changed).success_rate) for words, changed in tried)
    ] + _needed(question)


def _needed(question: Question) -> list[dict[str, Any]]:
    """The income that lasts in 80 % of the runs: success never rises with income, so halving finds it."""
    if not question.income or simulate(question).success_rate >= GOAL:
        return []
    low, high = 0.0, question.income
    for _ in range(SEARCH_STEPS):
        middle = (low + high) / 2
        enough = simulate(replace(question, income=middle)).success_rate >= GOAL
        low, high = (middle, high) if enough else (low, middle)
    income = int(low // 100 * 100)
    rate = simulate(replace(question, income=float(income))).success_rate
    change = round(100 * (rate - simulate(question).success_rate), 1)
    words = f"Live on {_shown(income)} a year, which lasts in at least {_percent(GOAL):.0f} % of the runs"
    return [{"lever": words, "success_rate": _percent(rate), "change_in_points": change}]


def _target_mix(valuation: Valuation) -> dict[AssetClass, float]:
    return mix_of(valuation.portfolio.user.asset_class_targets)


def _assumptions(question: Question, valuation: Valuation) -> dict[str, Any]:
    user = valuation.portfolio.user
    amounts = valuation.breakdowns[Dimension.ASSET_CLASS]
    mix = combined(question.mix)
    return {
        "target_income": _dollars(question.income),
        "years_until_retirement": user.years_until_retirement,
        "years_in_retirement": question.years_in_retirement,
        "yearly_contribution": _dollars(question.contribution),
        "inflation_percent": _percent(question.inflation),
        "mean_return_percent": _percent(mix.mean),
        "deviation_percent": _percent(mix.deviation),
        "mix_percent": {str(name): _percent(weight) for name, weight in question.mix.items()},
        "returns_percent": _models(question.mix),
        "runs": question.runs,
        "seed": question.seed,
        "without_price": list(valuation.missing_prices),
        "unclassified": str(amounts.get(UNCLASSIFIED, 0)),
    }


def _models(mix: Mapping[AssetClass, float]) -> dict[str, Any]:
    return {
        str(name): {"mean": _percent(MODELS[name].mean), "deviation": _percent(MODELS[name].deviation)} for name in mix
    }


def _percent(fraction: float) -> float:
    return round(100 * float(fraction), 1)


def _dollars(amount: float) -> int:
    return round(float(amount))


def _shown(amount: float) -> str:
    return f"${amount:,.0f}"

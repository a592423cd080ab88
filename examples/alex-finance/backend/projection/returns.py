"""Assumed yearly returns: normal, independent from year to year and between asset classes, rebalanced every year.

They are assumptions of this example, not forecasts. Independence makes a mixed portfolio look somewhat calmer than
it is, because in bad years most classes fall together.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from agent_framework.errors import ProjectError
from backend.portfolio.vocabulary import UNCLASSIFIED, AssetClass


@dataclass(frozen=True, slots=True)
class YearlyReturn:
    """Mean and standard deviation as fractions."""

    mean: float
    deviation: float


MODELS: Mapping[AssetClass, YearlyReturn] = {
    AssetClass.EQUITY: YearlyReturn(0.07, 0.18),
    AssetClass.FIXED_INCOME: YearlyReturn(0.04, 0.05),
    AssetClass.REAL_ESTATE: YearlyReturn(0.06, 0.12),
    AssetClass.COMMODITIES: YearlyReturn(0.04, 0.16),
    AssetClass.ALTERNATIVES: YearlyReturn(0.05, 0.10),
    AssetClass.CASH: YearlyReturn(0.02, 0.0),
}


def mix_of(amounts: Mapping[str, Decimal]) -> dict[AssetClass, float]:
    """Weights by asset class. What is not classified is taken to be invested like the rest.

    Raises:
        ProjectError: nothing is classified, and there is money.
    """
    known = {AssetClass(name): float(amount) for name, amount in amounts.items() if name != UNCLASSIFIED and amount}
    if not known:
        if any(amounts.values()):
            raise ProjectError(
                "no instrument of the portfolio is classified, so nothing can be assumed about its returns; let the "
                "tagger classify them first"
            )
        return {AssetClass.CASH: 1.0}
    total = math.fsum(known.values())
    return {name: amount / total for name, amount in known.items()}


def combined(mix: Mapping[AssetClass, float]) -> YearlyReturn:
    """The return of a mix: weighted mean, and the deviation of independent classes."""
    mean = math.fsum(weight * MODELS[name].mean for name, weight in mix.items())
    variance = math.fsum((weight * MODELS[name].deviation) ** 2 for name, weight in mix.items())
    return YearlyReturn(mean, math.sqrt(variance))

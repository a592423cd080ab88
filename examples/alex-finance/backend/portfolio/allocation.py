"""Allocations: what per cent of an instrument is where. A valid one adds up to 100 within 0.05."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from types import MappingProxyType

from agent_framework.errors import ProjectError

from .money import split
from .vocabulary import CATEGORIES, Dimension

Allocation = Mapping[str, Decimal]
HUNDRED = Decimal(100)
TOLERANCE = Decimal("0.05")
REPAIRABLE = Decimal(5)
"""A sum this far from 100 is taken for rounding and scaled; beyond, nobody knows what was meant."""
_HUNDREDTH = Decimal("0.01")


class PortfolioError(ProjectError):
    """What is said about a portfolio or an instrument cannot be true; the message says what, and of which."""


def checked(dimension: Dimension, given: Mapping[str, Decimal], *, of: str) -> Allocation:
    """The allocation, zero shares left out.

    Raises:
        PortfolioError: a category is unknown, a share negative, or the sum off.
    """
    known = list(CATEGORIES[dimension])
    for category, percent in given.items():
        if category not in known:
            raise PortfolioError(f"{of}: {category!r} is no {dimension} (there are {', '.join(known)})")
        if not percent.is_finite() or percent < 0:
            raise PortfolioError(f"{of}: {dimension} {category} cannot be {percent} %")
    total = sum(given.values(), Decimal(0))
    if abs(total - HUNDRED) > TOLERANCE:
        raise PortfolioError(f"{of}: {dimension} adds up to {total} %, not to 100 (within {TOLERANCE})")
    return MappingProxyType({category: percent for category, percent in given.items() if percent})


def repaired(given: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Shares scaled to exactly 100, in hundredths, the largest remainders first.

    Only where the sum is within 5 of 100; anything else is returned as it is, for `checked` to refuse.
    """
    total = sum(given.values(), Decimal(0))
    if not total.is_finite() or abs(total - HUNDRED) > REPAIRABLE or any(percent < 0 for percent in given.values()):
        return dict(given)
    exact = {category: percent * HUNDRED / total for category, percent in given.items()}
    scaled = {category: percent.quantize(_HUNDREDTH, rounding=ROUND_FLOOR) for category, percent in exact.items()}
    left = int((HUNDRED - sum(scaled.values(), Decimal(0))) / _HUNDREDTH)
    for category in sorted(scaled, key=lambda name: scaled[name] - exact[name])[:left]:
        scaled[category] += _HUNDREDTH
    return scaled


def spread(amount: Decimal, allocation: Allocation) -> dict[str, Decimal]:
    """``amount`` over the allocation's categories, in cents that add up to it."""
    return dict(zip(allocation, split(amount, list(allocation.values())), strict=True))

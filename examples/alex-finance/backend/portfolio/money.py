"""Amounts of money: exact decimals in dollars, rounded to cents half up, shown as ``$1,234.50``."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(amount: Decimal) -> Decimal:
    """Rounded to whole cents, half away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def dollars(amount: Decimal) -> str:
    """``$1,234.50``."""
    return f"{'-' if amount < 0 else ''}${abs(cents(amount)):,.2f}"


def share(part: Decimal, whole: Decimal) -> Decimal:
    """Per cent with one decimal; 0 of nothing is 0."""
    return (100 * part / whole).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP) if whole else Decimal("0.0")


def split(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """``amount`` in whole cents by weights, so that the parts add up to it exactly.

    Each part is rounded down; the cents that are left go to the largest remainders, the first ones where those are
    equal.

    Raises:
        ValueError: there is no positive weight, or one is negative.
    """
    total = sum(weights, Decimal(0))
    if total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError(f"money cannot be split by the weights {[str(weight) for weight in weights]}")
    exact = [amount * weight / total for weight in weights]
    parts = [part.quantize(CENT, rounding=ROUND_FLOOR) for part in exact]
    left = int((amount - sum(parts, Decimal(0))) / CENT)
    order = sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])
    for index in order[:left]:
        parts[index] += CENT
    return parts

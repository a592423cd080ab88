"""How figures leave a stage (text, rounded numbers) and how a reader sees them (currency, separators)."""

import math
from collections import Counter
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from .values import EXACT

CENT = Decimal("0.01")
MINUS = "\u2212"
NOTHING = "\u2013"
SYMBOLS = {"GBP": "£", "USD": "$", "EUR": "€", "JPY": "¥", "INR": "₹"}


def money(value: Decimal | float) -> str:
    """Two decimals, rounded half up, as text: ``"1234.50"``."""
    return str((value if isinstance(value, Decimal) else Decimal(repr(value))).quantize(CENT, ROUND_HALF_UP, EXACT))


def exact_money(value: Decimal) -> str:
    """Every decimal the value has, and at least two: ``"0.00"``, ``"12.50"``, ``"0.001"``."""
    decimals = -int(value.normalize(EXACT).as_tuple().exponent)
    return f"{value:.{max(2, decimals)}f}"


def percent(part: Decimal | float, whole: Decimal | float) -> float | None:
    """``part`` of ``whole`` in per cent, one decimal; None where the whole is zero."""
    return round(float(part) / float(whole) * 100, 1) + 0.0 if whole else None


def change(new: Decimal | float, old: Decimal | float) -> float | None:
    """The change from ``old`` to ``new`` in per cent, one decimal; None where the old value is zero."""
    return percent(float(new) - float(old), float(old))


def counts(values: Iterable[object]) -> dict[str, int]:
    """How often each value occurs, in the order of first occurrence."""
    return dict(Counter(map(str, values)))


def plain(value: Decimal) -> int | float:
    """A quantity as a JSON number: whole where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)


def finite(value: float, digits: int = 2) -> float | None:
    """A rounded float, or None where it is not a number JSON can hold."""
    return round(value, digits) if math.isfinite(value) else None


def show_money(text: str | None, currency: str | None) -> str:
    """``"1234.50"`` as ``£1,234.50``, ``CHF 1,234.50`` or ``1,234.50``; a dash where there is no figure."""
    if text is None:
        return NOTHING
    sign, digits = (MINUS, text[1:]) if text.startswith("-") else ("", text)
    whole, _, decimals = digits.partition(".")
    prefix = SYMBOLS.get(currency or "", f"{currency} " if currency else "")
    return f"{sign}{prefix}{int(whole):,}.{decimals}" if decimals else f"{sign}{prefix}{int(whole):,}"


def show_number(value: int | float | None) -> str:
    """``12345`` as ``12,345``; a dash where there is no figure."""
    return NOTHING if value is None else f"{value:,}".replace("-", MINUS)


def show_count(number: int, one: str, many: str | None = None) -> str:
    """``1 outlier``, ``2 outliers``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def show_percent(value: float | None, *, signed: bool = False) -> str:
    """``12.3`` as ``12.3 %`` or ``+12.3 %``; a dash where there is no figure."""
    if value is None:
        return NOTHING
    return (f"{value:+,.1f} %" if signed else f"{value:,.1f} %").replace("-", MINUS)

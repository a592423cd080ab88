"""Which product codes name no product: postage, fees, vouchers, manual bookings.

A code is *not* a product where

* it is a known service code (`SERVICE_CODES`, or ``non_product_codes`` of the job's input), or
* it is odd: at least 100 distinct codes are there, one or two shapes cover 95 % of them, and this code has another
  shape. A code's shape replaces each run of digits by 9 and each run of letters by A: ``85123A`` is ``9A``.

``product_codes`` of the job's input overrules both. Letter case never matters.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

SERVICE_CODES = (
    "POST", "POSTAGE", "SHIPPING", "SHIP", "DELIVERY", "FREIGHT", "CARRIAGE", "DOT", "C2", "D", "DISCOUNT", "M",
    "MANUAL", "S", "SAMPLES", "B", "BANK CHARGES", "AMAZONFEE", "FEE", "FEES", "CRUK", "PADS", "ADJUST", "ADJUST[0-9]*",
    "TEST", "TEST[0-9]*", "VOUCHER", "VOUCHER[-_]*", "GIFT[-_]*", "GIFTCARD*", "TIP", "DEPOSIT", "ROUNDING",
)  # fmt: skip
KNOWN = "known service code"
ODD = "unlike the other codes"

_MIN_CODES = 100
_COMMON_SHARE = 0.95


def non_product_reasons(
    codes: Iterable[str], extra: Sequence[str] = (), products: Sequence[str] = ()
) -> dict[str, str]:
    """The distinct codes that are no products, each with the reason (`KNOWN` or `ODD`)."""
    distinct = list(dict.fromkeys(codes))
    common = _common_shapes(distinct)
    reasons: dict[str, str] = {}
    for code in distinct:
        if _matches(code, products):
            continue
        if _matches(code, (*SERVICE_CODES, *extra)):
            reasons[code] = KNOWN
        elif common and shape(code) not in common:
            reasons[code] = ODD
    return reasons


def shape(code: str) -> str:
    """The form of a code: ``gift_0001_40`` is ``A_9_9``."""
    return re.sub(r"[^\W\d_]+", "A", re.sub(r"\d+", "9", code.upper()))


def _matches(code: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(code.upper(), pattern.upper()) for pattern in patterns)


def _common_shapes(codes: Sequence[str]) -> set[str]:
    if len(codes) < _MIN_CODES:
        return set()
    leading = Counter(map(shape, codes)).most_common(2)
    for size in (1, 2):
        if sum(count for _, count in leading[:size]) >= _COMMON_SHARE * len(codes):
            return {form for form, _ in leading[:2]}
    return set()

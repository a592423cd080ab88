"""From text to numbers, dates and ids. What cannot be read is None: the caller counts it and goes on.

Numbers. The decimal mark is found once per column: values such as ``1.234,50`` or ``2,5`` speak for the comma, values
such as ``1,234.50`` or ``2.5`` for the point. Only where nothing speaks for the point is the comma used. The other mark
is accepted as a thousands separator only in groups of three, so ``2,5`` in a column with points is unreadable rather
than 25. Currency signs, spaces and brackets for negative numbers are understood; more than `MAX_DIGITS` before or
`MAX_DECIMALS` after the mark are not.

Dates. ISO first (``2024-05-01 10:30``, also ``2024/5/1`` and ``2024-05``), then ``1/5/2024``: the day comes first
unless some date in the column has a second number above 12 and none has a first number above 12. Then ``1 May 2024``.
A zone is dropped: the wall-clock time stays.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Context, Decimal

MAX_DIGITS = 9
MAX_DECIMALS = 6
EXACT = Context(prec=60)
"""Enough digits for the exact sum of a billion products of two numbers within the limits above."""

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_NOWHERE = frozenset({"", "-", "n/a", "nan", "null", "none", "unknown", "unspecified"})
_NOBODY = _NOWHERE | {"0", "0.0", "na", "guest"}
_VOTES_COMMA = re.compile(r"^-?(\d{1,3}(\.\d{3})+,\d+|\d+,(\d{1,2}|\d{4,}))$")
_VOTES_POINT = re.compile(r"^-?(\d{1,3}(,\d{3})+\.\d+|\d*\.(\d{1,2}|\d{4,}))$")
_DECORATION = re.compile(r"[\s\u00a0\u202f'£$€¥₹]")
_CURRENCY_CODE = re.compile(r"^[A-Z]{3}(?=[-\d(])|(?<=[\d)])[A-Z]{3}$")
_PLAIN = {
    ".": re.compile(r"^[+-]?(?=[.,]?\d)(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?(E[+-]?\d{1,2})?$"),
    ",": re.compile(r"^[+-]?(?=[.,]?\d)(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?(E[+-]?\d{1,2})?$"),
}
_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ]+(.*))?$")
_SLASHED = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[T, ]+(.*))?$")
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp][Mm])?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$")
_NAMED = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %Y", "%B %Y", "%Y%m%d")


def decimal_mark(texts: Iterable[str]) -> str:
    """The decimal mark of a column, ``"."`` or ``","``, by the rule in the module's docstring."""
    comma = False
    for text in texts:
        stripped = _undecorated(text)
        if _VOTES_POINT.match(stripped):
            return "."
        comma = comma or bool(_VOTES_COMMA.match(stripped))
    return "," if comma else "."


def parse_number(text: str, mark: str) -> Decimal | None:
    """The exact value of one number, or None where it is unreadable or beyond the limits."""
    stripped = _undecorated(text).upper()
    if not _PLAIN[mark].match(stripped):
        return None
    value = Decimal(stripped.replace("," if mark == "." else ".", "").replace(",", "."))
    too_fine = value != round(value, MAX_DECIMALS) if abs(value) < 10**MAX_DIGITS else True
    return None if too_fine else value


def _undecorated(text: str) -> str:
    stripped = _CURRENCY_CODE.sub("", _DECORATION.sub("", text)).replace("\u2212", "-")
    return f"-{stripped[1:-1]}" if stripped.startswith("(") and stripped.endswith(")") else stripped


def parse_dates(texts: Iterable[str], date_format: str | None = None) -> tuple[dict[str, datetime | None], str | None]:
    """Every distinct text with its date (or None), and a note where the order of day and month was a choice."""
    distinct = list(dict.fromkeys(texts))
    if date_format is not None:
        return {text: _strptime(text.strip(), date_format) for text in distinct}, None
    slashed = [match for text in distinct if (match := _SLASHED.match(text.strip()))]
    first_above_12 = any(int(match[1]) > 12 for match in slashed)
    second_above_12 = any(int(match[2]) > 12 for match in slashed)
    day_first = first_above_12 or not second_above_12
    readers: tuple[Callable[[str], datetime | None], ...] = (_iso, lambda text: _slashed_date(text, day_first), _named)
    dates = {text: next((found for read in readers if (found := read(text.strip()))), None) for text in distinct}
    note = None
    if slashed and first_above_12 == second_above_12:
        note = (
            "Dates such as "
            + repr(slashed[0].string)
            + " were read with the day first; give date_format if that is wrong."
        )
    return dates, note


def _strptime(text: str, date_format: str) -> datetime | None:
    try:
        return _plausible(datetime.strptime(text, date_format))  # noqa: DTZ007 - wall-clock time
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    match = _ISO.match(text)
    return _build(int(match[1]), int(match[2]), int(match[3] or 1), match[4]) if match else None


def _slashed_date(text: str, day_first: bool) -> datetime | None:
    match = _SLASHED.match(text)
    if not match:
        return None
    day, month = (int(match[1]), int(match[2])) if day_first else (int(match[2]), int(match[1]))
    year = int(match[3])
    if len(match[3]) == 2:
        year += 2000 if year < 70 else 1900
    return _build(year, month, day, match[4])


def _named(text: str) -> datetime | None:
    return next((found for form in _NAMED if (found := _strptime(text, form))), None)


def _build(year: int, month: int, day: int, clock: str | None) -> datetime | None:
    hour = minute = second = 0
    if clock and clock.strip():
        match = _CLOCK.match(clock.strip())
        if not match:
            return None
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        if match[4]:
            hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
    try:
        return _plausible(datetime(year, month, day, hour, minute, second))  # noqa: DTZ001 - wall-clock time
    except ValueError:
        return None


def _plausible(moment: datetime) -> datetime | None:
    return moment.replace(tzinfo=None) if 1970 <= moment.year <= 2100 else None


def one_line(text: str) -> str:
    """Text without control characters, direction marks, line breaks and outer or doubled spaces."""
    return " ".join(_INVISIBLE.sub(" ", text).split())


def parse_customer(text: str) -> str:
    """A customer's id; a spreadsheet's ``17850.0`` is ``17850``; ``0``, ``NA``, ``guest`` and the like are empty."""
    stripped = text.strip()
    if stripped.casefold() in _NOBODY:
        return ""
    return stripped[:-2] if re.fullmatch(r"\d+\.0", stripped) else stripped


def parse_country(text: str) -> str:
    """A country as written; empty where there is none. ``NA`` stays: it is Namibia's code."""
    stripped = text.strip()
    return "" if stripped.casefold() in _NOWHERE else stripped


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum without rounding."""
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total

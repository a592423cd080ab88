"""What every report must pass before anybody sees it.

It decides by rule, so it cannot be talked into anything, and what it cannot decide does not pass.

- 2,800 characters or more, and the four sections, each with something in it.
- Every amount in dollars is one of the facts': exact, or rounded to whole dollars, or in thousands or millions with an
  error below 5 %.
- No HTML, and no pictures or links: nothing is loaded from elsewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

MIN_CHARACTERS = 2_800
MIN_SECTION = 150
SECTIONS = ("executive summary", "observations", "risks", "recommendations")
_AMOUNT = re.compile(
    r"""(?:(?:US)?\$|USD)\s?(?P<before>\d[\d,]*(?:\.\d+)?)\s?(?P<unit>k\b|m\b|bn?\b|thousand|million|billion)?
    |(?P<after>\d[\d,]*(?:\.\d+)?)\s?(?P<unit_after>k|m|bn?|thousand|million|billion)?\s?(?:US\s)?(?:dollars?|USD)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_UNITS = {"k": 10**3, "t": 10**3, "m": 10**6, "b": 10**9}
_FOREIGN = re.compile(r"<[a-zA-Z/!]|!?\[[^\]]*\]\([^)]*\)|https?://")
_HEADING = re.compile(r"^#{1,4}\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Review:
    """What is wrong with a report; nothing, if it passed."""

    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Nothing is wrong with it."""
        return not self.problems


def review(report: str, amounts: Iterable[Decimal]) -> Review:
    """Judge a report in Markdown against the amounts that are known."""
    problems: list[str] = []
    if len(report) < MIN_CHARACTERS:
        problems.append(f"{len(report)} characters; {MIN_CHARACTERS} are the least")
    problems += _missing_sections(report)
    unknown = unknown_amounts(report, amounts)
    if unknown:
        problems.append(f"amounts that are not the portfolio's: {', '.join(unknown[:10])}")
    if _FOREIGN.search(report):
        problems.append("HTML, a picture or a link in it")
    return Review(tuple(problems))


def unknown_amounts(text: str, known: Iterable[Decimal]) -> list[str]:
    """The amounts in a text that are none of the known ones."""
    figures = [abs(figure) for figure in known]
    return [match.group(0).strip() for match in _AMOUNT.finditer(text) if not _is_known(match, figures)]


def amounts_in(text: str) -> set[Decimal]:
    """The amounts that a text names."""
    return {_read(match)[0] for match in _AMOUNT.finditer(text)}


def _read(match: re.Match[str]) -> tuple[Decimal, Decimal, bool]:
    """The amount, the size of its last digit, and whether it has a unit."""
    number = (match["before"] or match["after"]).replace(",", "")
    unit = (match["unit"] or match["unit_after"] or "").lower()
    scale = Decimal(_UNITS[unit[0]] if unit else 1)
    return Decimal(number) * scale, scale.scaleb(-len(number.partition(".")[2])), bool(unit)


def _is_known(match: re.Match[str], figures: list[Decimal]) -> bool:
    shown, step, has_unit = _read(match)
    if has_unit and step > shown / 10:
        return False
    return any(abs(figure - shown) * 2 <= step for figure in figures)


def _missing_sections(report: str) -> list[str]:
    found: dict[str, int] = {}
    headings = list(_HEADING.finditer(report))
    for index, heading in enumerate(headings):
        end = headings[index + 1].start() if index + 1 < len(headings) else len(report)
        for section in SECTIONS:
            if section in heading[1].lower():
                found[section] = len(report[heading.end() : end].strip())
    return [
        f"section {section!r} is missing" if section not in found else f"section {section!r} says next to nothing"
        for section in SECTIONS
        if found.get(section, 0) < MIN_SECTION
    ]

"""Does a sentence only name figures that the results hold? Used on sentences that a language model wrote."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def numbers_in(text: str) -> set[Decimal]:
    """The figures of a text, without signs and separators: ``£1,234.50`` is ``1234.5``."""
    return {Decimal(found.replace(",", "")) for found in _NUMBER.findall(text)}


def known_numbers(results: Any) -> set[Decimal]:
    """Every figure anywhere in JSON-like results, those inside texts included."""
    if isinstance(results, bool) or results is None:
        return set()
    if isinstance(results, (int, float)):
        return {abs(Decimal(str(results)))}
    if isinstance(results, str):
        return numbers_in(results)
    values: Iterable[Any] = results.values() if isinstance(results, Mapping) else results
    return set().union(*(known_numbers(value) for value in values))


def traceable(sentences: Sequence[str], results: Any) -> list[str]:
    """The sentences whose figures all occur in the results, in order."""
    known = known_numbers(results)
    return [sentence for sentence in sentences if numbers_in(sentence) <= known]

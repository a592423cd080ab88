"""Titles and descriptions by a model, used where they are short and name no amount that the chart has not."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from backend.reporting.judge import unknown_amounts

LONGEST_TITLE, LONGEST_DESCRIPTION = 60, 400


def worded(charts: Mapping[str, Any], wordings: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The charts with new words where these can be used."""
    by_key = {wording["key"]: wording for wording in wordings}
    return {key: {**chart, **_usable(chart, by_key.get(key))} for key, chart in charts.items()}


def _usable(chart: Mapping[str, Any], wording: Mapping[str, str] | None) -> dict[str, str]:
    if wording is None:
        return {}
    title, description = wording["title"].strip(), wording["description"].strip()
    fits = 0 < len(title) <= LONGEST_TITLE and 0 < len(description) <= LONGEST_DESCRIPTION
    values = [Decimal(str(part["value"])) for part in chart["data"]]
    known = [*values, sum(values, Decimal(0))]
    usable = fits and not unknown_amounts(f"{title} {description}", known)
    return {"title": title, "description": description} if usable else {}

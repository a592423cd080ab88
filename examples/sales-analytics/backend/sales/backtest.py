"""How wrong each method would have been: a rolling-origin back-test.

For each of the latest `MAX_ORIGINS` origins (fewer where the history is short) a method sees only the values before the
origin and forecasts the horizon; the errors against what came are kept by origin and by step. Values that were filled
in (gaps) are never counted. Measures: MAE, the mean absolute error per period, and WAPE, the sum of the absolute errors
in per cent of the sum of the actual values.

Intervals come from the same errors: a step's half-width is the normal quantile of the level times the root mean square
of the errors at that step, never narrower than at the step before. `coverage` checks them on origins whose errors were
left out of the width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from .methods import Method, Series

MAX_ORIGINS = 20
MIN_ORIGINS = 6


@dataclass(frozen=True, slots=True)
class Score:
    """One method's back-test; ``errors`` has one row per origin and one column per step (NaN: not counted)."""

    method: Method
    mae: float
    wape_percent: float | None
    errors: NDArray[np.float64]


def score(method: Method, values: Series, filled: Sequence[bool], horizon: int, shortest_past: int) -> Score | None:
    """Back-test one method; None where it could not be fitted at some origin or nothing could be counted."""
    counted = ~np.asarray(filled)
    last = len(values) - horizon
    first = max(shortest_past, last - MAX_ORIGINS + 1)
    rows: list[Series] = []
    actuals: list[Series] = []
    for origin in range(first, last + 1):
        future = method.forecast(values[:origin], horizon)
        if future is None:
            return None
        window = slice(origin, origin + horizon)
        actual = np.where(counted[window], values[window], np.nan)
        rows.append(future - actual)
        actuals.append(actual)
    errors = np.vstack(rows)
    if np.isnan(errors).all():
        return None
    total = float(np.nansum(np.vstack(actuals)))
    wape = float(np.nansum(np.abs(errors))) / total * 100 if total else None
    return Score(method, float(np.nanmean(np.abs(errors))), wape, errors)


def half_widths(errors: NDArray[np.float64], level_percent: float) -> Series:
    """The half-width of the interval at each step."""
    quantile = NormalDist().inv_cdf(0.5 + level_percent / 200)
    counts = np.maximum((~np.isnan(errors)).sum(axis=0), 1)
    spread = np.sqrt(np.nansum(errors**2, axis=0) / counts)
    return quantile * np.maximum.accumulate(spread)


def coverage(errors: NDArray[np.float64], level_percent: float) -> float | None:
    """The part of the errors, in per cent, inside an interval measured without their own origin."""
    inside = total = 0
    for row in range(len(errors)):
        widths = half_widths(np.delete(errors, row, axis=0), level_percent)
        own = np.abs(errors[row])
        known = ~np.isnan(own)
        inside += int((own[known] <= widths[known]).sum())
        total += int(known.sum())
    return inside / total * 100 if total else None

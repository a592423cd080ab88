"""Sales too far from the rest to be summed with them unseen.

Definition: the distance of a line's value from the median, on a log10 scale, in robust standard deviations
(1.4826 x the median absolute deviation). At or above the threshold (6 unless the job says otherwise) a line is an
outlier. The log scale is used because sales are skewed: wholesale beside single pieces is no error. Only the upper side
is cut, small sales distort nothing. With fewer than `MIN_LINES` lines, or where half the lines have the same value,
there is no scale to measure with and nothing is removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_LINES = 20
MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class OutlierRule:
    """Line values above ``limit`` are outliers; None where nothing could be measured, and ``note`` says why."""

    threshold: float
    median: float | None
    limit: float | None
    note: str


def outlier_rule(values: Sequence[float], threshold: float) -> OutlierRule:
    """Measure the positive line values of the sales."""
    if len(values) < MIN_LINES:
        return OutlierRule(threshold, None, None, f"fewer than {MIN_LINES} sales: outliers were not looked for")
    logs = np.log10(np.asarray(values, dtype=float))
    centre = float(np.median(logs))
    spread = MAD_TO_SD * float(np.median(np.abs(logs - centre)))
    if spread == 0:
        return OutlierRule(threshold, 10**centre, None, "half of the sales have the same value: no scale for outliers")
    exponent = min(centre + threshold * spread, 300.0)
    note = f"sales worth more than the limit are {threshold:g} or more robust standard deviations above the median"
    return OutlierRule(threshold, 10**centre, 10**exponent, note)

"""The coming weeks (or months), by the method that was least wrong in the past.

1. The usable periods of the unit of analysis (see `periods`); incomplete ones at the ends are left out, gaps between
   them are bridged by a straight line and never counted as actual values.
2. A baseline: one year earlier (52 weeks, 12 months) where every back-test past holds a year, otherwise the last
   value repeated.
3. Baseline and models are back-tested alike; the lowest mean absolute error forecasts. A model has to beat the
   baseline.
4. An interval (80 %) from the back-test errors. Lower ends stop at zero.

Too little history is a result (``status: not_enough_data`` with a reason), not an error.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from .backtest import MAX_ORIGINS, MIN_ORIGINS, Score, coverage, half_widths, score
from .figures import change, finite, money, show_count
from .methods import Series, baseline, models
from .periods import MAX_GAP_SHARE, Period, Unit, calendar, next_start, period_name, periods
from .values import exact_sum

LEVEL_PERCENT = 80
SEASON = {"week": 52, "month": 12}
MIN_PAST = {"week": 12, "month": 8}
WEEKS_PER_MONTH = 4
MAX_HISTORY = 104


def forecast(lines: pd.DataFrame, forecast_weeks: int = 8, currency: str | None = None) -> dict[str, Any]:
    """Everything `time_series_forecast` reports. The series is the sales (kept lines, returns not deducted)."""
    span = calendar(lines)
    unit = span.unit
    horizon = forecast_weeks if unit == "week" else -(-forecast_weeks // WEEKS_PER_MONTH)
    every = periods(lines, span, unit)
    series = _trimmed(every)
    facts: dict[str, Any] = {
        "currency": currency,
        "unit": unit,
        "horizon": horizon,
        "season_length": SEASON[unit],
        "periods": len(series),
        "first": series[0].name if series else None,
        "last": series[-1].name if series else None,
        "incomplete_left_out": [period.name for period in every if not period.complete],
        "gaps_bridged": sum(period.gap for period in series),
    }
    reason = _too_little(series, unit, horizon)
    if reason:
        return {"status": "not_enough_data", "reason": reason, **facts}
    values, filled = _bridged(series)
    scores, baseline_name = _scores(values, filled, unit, horizon)
    if not scores:
        return {"status": "not_enough_data", "reason": "no method could be fitted to this series", **facts}
    return {"status": "ok", "reason": None, **facts, **_result(scores, baseline_name, series, values, horizon)}


def _trimmed(every: list[Period]) -> list[Period]:
    """From the first to the last usable period."""
    usable = [index for index, period in enumerate(every) if period.usable]
    return every[usable[0] : usable[-1] + 1] if usable else []


def _too_little(series: list[Period], unit: Unit, horizon: int) -> str | None:
    needed = MIN_PAST[unit] + horizon + MIN_ORIGINS - 1
    if len(series) < needed:
        history = f"{show_count(len(series), f'complete {unit}')} of history"
        return f"{history}; a forecast of {show_count(horizon, unit)} with a back-test needs {needed}"
    gaps = sum(period.gap for period in series)
    if gaps > MAX_GAP_SHARE * len(series):
        return f"{gaps} of {len(series)} {unit}s have no data at all"
    return None


def _bridged(series: list[Period]) -> tuple[Series, list[bool]]:
    filled = [not period.usable for period in series]
    known = [index for index, gap in enumerate(filled) if not gap]
    values = np.interp(range(len(series)), known, [float(series[index].sales) for index in known])
    return values, filled


def _scores(values: Series, filled: list[bool], unit: Unit, horizon: int) -> tuple[list[Score], str]:
    season = SEASON[unit]
    seasonal = len(values) - horizon - season + 1 >= MIN_ORIGINS
    shortest = season if seasonal else MIN_PAST[unit]
    earliest = max(shortest, len(values) - horizon - MAX_ORIGINS + 1)
    base = baseline(season if seasonal else None)
    found = [score(method, values, filled, horizon, shortest) for method in (base, *models(season, earliest))]
    return [entry for entry in found if entry is not None], base.name


def _result(
    scores: list[Score], baseline_name: str, series: list[Period], values: Series, horizon: int
) -> dict[str, Any]:
    best = min(scores, key=lambda entry: entry.mae)  # the baseline comes first, so it wins a tie
    future = best.method.forecast(values, horizon)
    if future is None:
        best = scores[0]
        future = np.asarray(best.method.forecast(values, horizon))
    widths = half_widths(best.errors, LEVEL_PERCENT)
    points = _points(future, widths, series[-1])
    total = exact_sum(Decimal(point["forecast"]) for point in points)
    recent = exact_sum(period.sales for period in [period for period in series if period.usable][-horizon:])
    by_name = {entry.method.name: entry for entry in scores}
    base = by_name.get(baseline_name)
    rivals = [entry for entry in scores if entry.method.name != baseline_name]
    return {
        "method": best.method.name,
        "method_label": best.method.label,
        "baseline": baseline_name,
        "baseline_wins": best.method.name == baseline_name,
        "best_model_vs_baseline_percent": change(min(entry.mae for entry in rivals), base.mae)
        if base and rivals
        else None,
        "backtest": {
            "origins": len(best.errors),
            "horizon": horizon,
            "methods": [_score_row(entry) for entry in scores],
            "interval_level_percent": LEVEL_PERCENT,
            "interval_coverage_percent": _rounded(coverage(best.errors, LEVEL_PERCENT)),
        },
        "points": points,
        "total": money(total),
        "recent_total": money(recent),
        "change_percent": change(total, recent),
        "history": [[period.name, money(period.sales), period.usable] for period in series[-MAX_HISTORY:]],
    }


def _points(future: Series, widths: Series, last: Period) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    start: date = last.start
    for value, width in zip(future, widths, strict=True):
        start = next_start(start, last.unit)
        points.append(
            {
                "start": period_name(start, last.unit),
                "forecast": money(float(value)),
                "low": money(max(0.0, float(value - width))),
                "high": money(float(value + width)),
            }
        )
    return points


def _score_row(entry: Score) -> dict[str, Any]:
    return {
        "name": entry.method.name,
        "label": entry.method.label,
        "mae": money(entry.mae),
        "wape_percent": _rounded(entry.wape_percent),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else finite(value, 1)

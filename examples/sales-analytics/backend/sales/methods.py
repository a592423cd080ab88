"""The ways to continue a series: two baselines and three models. Each takes the past and a horizon, none may see more.

    naive            the last value, repeated
    seasonal_naive   the value one season earlier
    smoothing        simple exponential smoothing
    damped_trend     exponential smoothing with a damped trend
    seasonal         STL decomposition, its season carried on and the rest smoothed with a damped trend;
                     needs two seasons and a bit

A forecast of sales is never below zero. The series is scaled before a model is fitted, so that currency units don't
matter to the optimiser.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.forecasting.stl import STLForecast
from statsmodels.tsa.holtwinters import ExponentialSmoothing

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Method:
    """One way to continue a series."""

    name: str
    label: str
    continue_: Callable[[Series, int], Series]

    def forecast(self, past: Series, horizon: int) -> Series | None:
        """``horizon`` values after ``past``, none below zero; None where the method cannot be fitted to this past."""
        scale = float(np.mean(np.abs(past))) or 1.0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # convergence warnings: the back-test judges the result anyway
                future = self.continue_(past / scale, horizon) * scale
        except (ValueError, np.linalg.LinAlgError):
            return None
        return np.maximum(future, 0.0) if np.isfinite(future).all() else None


def baseline(season: int | None) -> Method:
    """The seasonal baseline, or the naive one where ``season`` is None."""
    if season is None:
        return Method("naive", "last value repeated", lambda past, horizon: np.repeat(past[-1], horizon))
    return Method(
        "seasonal_naive", "same period one year earlier", lambda past, horizon: _one_season_ago(past, horizon, season)
    )


def models(season: int, shortest_past: int) -> list[Method]:
    """The models that can be fitted to every past of at least ``shortest_past`` values."""
    found = [
        Method("smoothing", "simple exponential smoothing", _smoothing),
        Method("damped_trend", "exponential smoothing with a damped trend", _damped_trend),
    ]
    if shortest_past > 2 * season:
        found.append(
            Method(
                "seasonal",
                "seasonal decomposition (STL) with a damped trend",
                lambda past, horizon: _stl(past, horizon, season),
            )
        )
    return found


def _one_season_ago(past: Series, horizon: int, season: int) -> Series:
    return np.array([past[len(past) - season + step % season] for step in range(horizon)])


def _smoothing(past: Series, horizon: int) -> Series:
    fitted: Any = ExponentialSmoothing(past, initialization_method="estimated").fit()
    return np.asarray(fitted.forecast(horizon))


def _damped_trend(past: Series, horizon: int) -> Series:
    fitted: Any = ExponentialSmoothing(past, trend="add", damped_trend=True, initialization_method="estimated").fit()
    return np.asarray(fitted.forecast(horizon))


def _stl(past: Series, horizon: int, season: int) -> Series:
    options = {"trend": "add", "damped_trend": True, "initialization_method": "estimated"}
    fitted: Any = STLForecast(past, ExponentialSmoothing, model_kwargs=options, period=season, robust=True).fit()
    return np.asarray(fitted.forecast(horizon))

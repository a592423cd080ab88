"""Forecasts: honest about too little history, about baselines that win, and about their own errors."""

import json
import math
import random
from datetime import date

import numpy as np
from backend.sales.backtest import coverage, half_widths, score
from backend.sales.forecasting import forecast
from backend.sales.insights import forecast_sentences
from backend.sales.methods import Method, baseline, models
from support import clean, csv_of, weekly

MONDAY = date(2023, 1, 2)


def _forecast(values, weeks=8):
    return forecast(clean(csv_of(weekly(MONDAY, values)), outlier_threshold=100), weeks)


def test_too_short_a_series_is_a_clear_result():
    result = _forecast([70.0] * 10)
    assert result["status"] == "not_enough_data"
    assert "10 complete weeks of history" in result["reason"]
    assert forecast_sentences(result) == [f"There is no forecast: {result['reason']}."]


def test_a_constant_series_is_continued_and_the_baseline_wins():
    result = _forecast([70.0] * 40)
    assert result["baseline_wins"]
    assert {point["forecast"] for point in result["points"]} == {"70.00"}
    assert result["backtest"]["methods"][0]["mae"] == "0.00"
    assert "The baseline wins" in forecast_sentences(result)[1]


def test_a_random_walk_leaves_the_last_value_hard_to_beat_and_noise_does_not():
    generator = random.Random(3)
    noise = _forecast([700 + generator.gauss(0, 120) for _ in range(50)])
    assert noise["baseline"] == "naive"
    assert not noise["baseline_wins"]
    assert noise["best_model_vs_baseline_percent"] < 0


def test_a_season_makes_the_baseline_seasonal_and_seen_by_the_seasonal_model():
    generator = random.Random(5)
    values = [1000 + 400 * math.sin(2 * math.pi * week / 52) + generator.gauss(0, 40) for week in range(156)]
    result = _forecast(values)
    assert result["baseline"] == "seasonal_naive"
    assert "seasonal" in {row["name"] for row in result["backtest"]["methods"]}
    expected = [1000 + 400 * math.sin(2 * math.pi * week / 52) for week in range(156, 164)]
    found = [float(point["forecast"]) for point in result["points"]]
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < 150


def test_gaps_are_bridged_counted_and_never_scored():
    values = [70.0, 77.0] * 20
    values[30] = None
    result = _forecast(values)
    assert result["status"] == "ok"
    assert result["gaps_bridged"] == 1
    assert ["2023-07-31", "0.00", False] in result["history"]


def test_mostly_gaps_turn_to_months_and_then_to_a_clear_result():
    values = [70.0 if week % 3 == 0 else None for week in range(60)]
    result = _forecast(values)
    assert result["unit"] == "month"
    assert result["status"] == "not_enough_data" or result["horizon"] == 2


def test_points_follow_the_history_and_stay_above_zero():
    generator = random.Random(7)
    result = _forecast([max(1.0, generator.gauss(50, 60)) for _ in range(45)])
    assert result["points"][0]["start"] == "2023-11-13"
    assert all(0 <= float(p["low"]) <= float(p["forecast"]) <= float(p["high"]) for p in result["points"])
    json.dumps(result, allow_nan=False)
    assert sum(round(float(p["forecast"]) * 100) for p in result["points"]) == round(float(result["total"]) * 100)


def test_the_backtest_never_shows_a_method_the_future():
    seen = []

    def spy(past, horizon):
        seen.append(len(past))
        return np.repeat(past[-1], horizon)

    values = np.arange(1.0, 41.0)
    result = score(Method("spy", "spy", spy), values, [False] * 40, 4, 12)
    assert max(seen) == 36
    assert result is not None
    assert result.errors.shape == (20, 4)
    assert result.mae == 2.5


def test_intervals_widen_and_their_coverage_is_measured():
    errors = np.array([[1.0, -2.0, 1.0], [-1.0, 2.0, np.nan], [1.0, 2.0, -1.0]])
    widths = half_widths(errors, 80)
    assert np.allclose(widths, 1.2816 * np.array([1, 2, 2]), atol=1e-3)
    assert coverage(errors, 80) == 100.0


def test_methods_survive_series_of_any_size():
    for scale in (1e-3, 1e12):
        past = scale * np.array([1.0, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1])
        for method in (baseline(None), *models(52, 13)):
            future = method.forecast(past, 3)
            assert future is not None
            assert (future <= 5 * scale).all()

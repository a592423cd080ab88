"""Weeks and months: completeness, gaps, units; trends and segments on figures one can do by hand."""

import json
from datetime import date

from backend.sales import segments, trends
from backend.sales.periods import calendar, periods
from support import clean, csv_of, daily, weekly


def test_weeks_start_on_monday_and_the_ends_are_incomplete():
    lines = clean(csv_of(daily(date(2024, 5, 1), [1.0] * 20)))
    weeks = periods(lines, calendar(lines), "week")
    assert [week.name for week in weeks] == ["2024-04-29", "2024-05-06", "2024-05-13", "2024-05-20"]
    assert [week.complete for week in weeks] == [False, True, True, False]


def test_closing_days_make_no_week_incomplete():
    weekdays_only = [None if offset % 7 >= 5 else 1.0 for offset in range(33)]
    lines = clean(csv_of(daily(date(2024, 5, 6), weekdays_only)))
    assert all(week.complete for week in periods(lines, calendar(lines), "week"))


def test_a_week_without_lines_is_a_gap():
    lines = clean(csv_of(weekly(date(2024, 5, 6), [70, 70, None, 70, 70])))
    weeks = periods(lines, calendar(lines), "week")
    assert [week.gap for week in weeks] == [False, False, True, False, False]
    assert trends.calculate(lines)["periods"]["gaps"] == ["2024-05-20"]


def test_monthly_data_is_analysed_by_month_and_complete():
    rows = [f"{month},2024-{month:02d}-01,P1,Lamp,1,{100 + month},7,France" for month in range(1, 13)]
    result = trends.calculate(clean(csv_of(rows)))
    assert result["unit"] == "month"
    assert all(month["complete"] for month in result["months"])
    assert result["trend"]["direction"] == "rising"
    assert result["trend"]["change_per_period"] == "1.00"


def test_a_trend_needs_enough_periods():
    result = trends.calculate(clean(csv_of(daily(date(2024, 5, 6), [1.0] * 14))))
    assert result["trend"]["direction"] == "not enough data"
    assert "2 complete weeks" in result["trend"]["reason"]


def test_a_single_day_gives_clear_results_without_nan():
    lines = clean(csv_of(["1,2024-05-01,P1,Lamp,2,3.50,7,France"]))
    result = {**trends.calculate(lines), **segments.analyse(lines)}
    json.dumps(result, allow_nan=False)
    assert result["totals"]["sales"] == "7.00"
    assert result["latest_month"] is None
    assert result["periods"]["usable"] == 0
    assert result["windows"] is None


def test_totals_and_changes_by_hand():
    rows = [
        *(f"a{day},2024-01-{day:02d},P1,Lamp,1,10.00,7,France" for day in range(1, 32)),
        *(f"b{day},2024-02-{day:02d},P2,Vase,2,10.00,8,Spain" for day in range(1, 30)),
        "Ca1,2024-02-03,P1,Lamp,-1,10.00,7,France",
    ]
    lines = clean(csv_of(rows))
    result = trends.calculate(lines, "EUR")
    assert result["totals"] == {
        "sales": "890.00", "returns": "-10.00", "net_sales": "880.00", "return_rate_percent": 1.1, "return_lines": 1,
        "orders": 60, "units": 89, "lines": 60, "average_order": "14.83",
    }  # fmt: skip
    assert result["latest_month"]["before"] == {"month": "2024-01", "sales": "310.00", "change_percent": 87.1}
    found = segments.analyse(lines)
    assert found["products"]["top"][0]["name"] == "Vase"
    assert found["products"]["top1_percent"] == 65.2
    assert found["windows"] == {"months": 1, "before": ["2024-01"], "latest": ["2024-02"]}
    assert found["country_movers"]["rose"][0]["difference"] == "580.00"
    assert found["country_movers"]["fell"][0]["change_percent"] == -100.0
    assert found["repeat_customers"]["repeat"] == 2


def test_uneven_files_are_flagged():
    dense = [f"d{number},2024-01-{1 + number % 28:02d},P{number},Lamp,1,5.00,7,France" for number in range(300)]
    sparse = [f"s{number},2024-{2 + number % 10:02d}-15,P1,Lamp,1,5.00,7,France" for number in range(60)]
    coverage = trends.calculate(clean(csv_of([*dense, *sparse])))["coverage"]
    assert coverage["uneven"]
    assert coverage["busiest_month"] == "2024-01"
    assert coverage["times_median"] == 50.0

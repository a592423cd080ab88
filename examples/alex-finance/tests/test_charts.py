"""Charts fit their schema, add up to the portfolio's total, and are drawn without scripts."""

import json
from decimal import Decimal
from xml.etree import ElementTree

import jsonschema
import pytest
from backend.charting.drawing import draw
from backend.charting.fan import draw_fan
from backend.charting.model import SCHEMA_FILE, checked_charts, schema
from backend.charting.portfolio_charts import portfolio_charts
from backend.portfolio.valuation import value
from backend.portfolio.values import Instrument
from backend.portfolio.vocabulary import InstrumentKind
from hypothesis import given
from hypothesis import strategies as st
from support import REFERENCE, account, portfolio

from agent_framework.errors import OutputValidationError

FULL = account(1, "401(k)", "5000", SPY="100", QQQ="50", BND="200", VEA="150", GLD="25")


def _sum(chart: dict) -> Decimal:
    return sum((Decimal(str(part["value"])) for part in chart["data"]), Decimal(0))


def test_the_committed_schema_is_that_of_the_model():
    assert SCHEMA_FILE.read_text("utf-8") == schema()


def test_five_charts_fit_the_schema_and_add_up():
    valuation = value(portfolio(FULL, account(2, "Roth", "1000"), account(3, "Taxable", "2500")))
    charts = portfolio_charts(valuation)
    jsonschema.validate(charts, json.loads(schema()))
    assert len(charts) == 5
    assert {chart["type"] for chart in charts.values()} == {"pie", "bar", "donut", "horizontalBar"}
    assert all(_sum(chart) == valuation.total for chart in charts.values())
    by_class = {part["name"]: part["value"] for part in charts["asset_allocation"]["data"]}
    assert by_class == {"Equity": 71545.0, "Fixed Income": 14500.0, "Cash": 8500.0, "Commodities": 4892.5}


quantities = st.decimals(min_value="0.001", max_value=99_999, places=3).map(str)


@given(st.dictionaries(st.sampled_from(sorted(REFERENCE)), quantities, min_size=1), st.integers(0, 10**7))
def test_any_portfolio_s_charts_add_up_to_the_cent(held, cash):
    valuation = value(portfolio(account(1, "A", str(Decimal(cash) / 100), **held)))
    charts = portfolio_charts(valuation)
    assert all(_sum(chart) == valuation.total for chart in charts.values())
    assert all(len(chart["data"]) <= 12 for chart in charts.values())


def test_accounts_with_the_same_name_are_two_parts():
    charts = portfolio_charts(value(portfolio(account(1, "Savings", "100"), account(2, "Savings", "200"))))
    assert [part["name"] for part in charts["accounts"]["data"]] == ["Savings (2)", "Savings (1)"]


def test_what_is_not_classified_is_shown():
    untagged = Instrument("VTI", "Total", InstrumentKind.ETF, Decimal(235))
    charts = portfolio_charts(value(portfolio(account(1, "A", "10", VTI="2"), more=(untagged,))))
    assert [part["name"] for part in charts["regions"]["data"]] == ["Unclassified", "Cash"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda charts: charts["regions"]["data"].pop(), "regions adds up to"),
        (lambda charts: charts["regions"]["data"][0].update(color="blue"), "regions.data.0.color"),
        (lambda charts: charts["regions"].update(type="radar"), "regions.type"),
        (lambda charts: charts["regions"]["data"][0].update(value=float("nan")), "regions.data.0.value"),
        (lambda charts: [charts.pop("regions"), charts.pop("sectors")], "at least 4"),
    ],
)
def test_charts_that_are_wrong_are_refused_by_name(change, words):
    valuation = value(portfolio(FULL))
    charts = portfolio_charts(valuation)
    change(charts)
    with pytest.raises(OutputValidationError) as caught:
        checked_charts(charts, total=valuation.total)
    assert words in str(caught.value)


def test_a_portfolio_worth_nothing_has_no_charts():
    unpriced = Instrument("XYZ", "Somewhere", InstrumentKind.STOCK)
    with pytest.raises(OutputValidationError):
        portfolio_charts(value(portfolio(account(1, "A", XYZ="5"), more=(unpriced,))))


def test_every_chart_is_drawn_as_plain_svg_with_its_amounts_in_words():
    charts = portfolio_charts(value(portfolio(account(1, "<b>A&B</b>", "5000", SPY="1", VEA="2"))))
    for chart in charts.values():
        drawn = draw(chart)
        root = ElementTree.fromstring(drawn)
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "path", "rect", "line", "text"}
        assert f"{chart['data'][0]['value']:,.2f}" in root.attrib["aria-label"]


def test_the_fan_chart_is_drawn_for_any_milestones():
    row = {"percentile_10": 0, "median": 0, "percentile_90": 0, "with_money_percent": 0.0}
    ElementTree.fromstring(draw_fan([{**row, "year": 0, "phase": "retirement"}]))
    later = {"percentile_10": 5, "median": 70_000, "percentile_90": 3_456_789}
    drawn = draw_fan([{**row, "year": 0, "phase": "saving"}, {**later, "year": 1, "phase": "retirement"}])
    assert "$70,000" in drawn
    assert "Retirement" in drawn

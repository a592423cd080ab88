"""Valuation by hand, to the cent: accounts, breakdowns, missing prices, and what is refused."""

from decimal import Decimal

import pytest
from backend.portfolio.allocation import PortfolioError, checked, repaired
from backend.portfolio.money import split
from backend.portfolio.reference import reference_instruments
from backend.portfolio.valuation import value
from backend.portfolio.values import Account, Instrument, User
from backend.portfolio.vocabulary import Dimension, InstrumentKind
from hypothesis import given
from hypothesis import strategies as st
from support import account, portfolio, position

MAIN = account(1, "401(k)", "5000", SPY="100", QQQ="50", BND="200", VEA="150", GLD="25")


def test_the_reference_data_are_22_instruments_with_all_allocations():
    instruments = reference_instruments()
    assert len({instrument.symbol for instrument in instruments}) == 22
    assert all(instrument.is_classified and instrument.price for instrument in instruments)


def test_totals_are_those_of_a_calculation_by_hand():
    found = value(portfolio(MAIN, account(2, "Roth", "1000"), account(3, "Taxable", "2500")))
    by_hand = {"SPY": 45025, "QQQ": 19275, "BND": 14500, "VEA": 7245, "GLD": Decimal("4892.5")}
    assert found.holdings == by_hand
    assert [str(one.total) for one in found.accounts] == ["95937.50", "1000.00", "2500.00"]
    assert str(found.total) == "99437.50"
    assert str(found.cash) == "8500.00"


def test_breakdowns_are_those_of_a_calculation_by_hand_and_add_up():
    found = value(portfolio(MAIN))
    classes = found.breakdowns[Dimension.ASSET_CLASS]
    assert classes == {
        "equity": Decimal(45025 + 19275 + 7245),
        "fixed_income": Decimal(14500),
        "cash": Decimal(5000),
        "commodities": Decimal("4892.50"),
    }
    regions = found.breakdowns[Dimension.REGION]
    assert regions["europe"] == Decimal("4347.00")
    assert regions["oceania"] == Decimal("362.25")
    assert regions["global"] == Decimal("4892.50")
    assert found.breakdowns[Dimension.SECTOR]["treasury"] == Decimal("6090.00")
    assert all(sum(parts.values()) == found.total for parts in found.breakdowns.values())


def test_accounts_with_the_same_name_stay_apart():
    found = value(portfolio(account(1, "Savings", "100", SPY="1"), account(2, "Savings", "200", SPY="2")))
    assert [str(one.total) for one in found.accounts] == ["550.25", "1100.50"]
    assert found.holdings == {"SPY": Decimal("1350.75")}


def test_fractional_shares_are_rounded_once_per_position():
    found = value(portfolio(account(1, "A", SPY="0.33333333")))
    assert str(found.total) == "150.08"


def test_a_missing_price_is_named_and_counts_as_nothing_everywhere():
    unpriced = Instrument("XYZ", "Somewhere", InstrumentKind.STOCK)
    found = value(portfolio(account(1, "A", "10", XYZ="5"), more=(unpriced,)))
    assert found.missing_prices == ("XYZ",)
    assert str(found.total) == "10.00"
    assert all(sum(parts.values()) == found.total for parts in found.breakdowns.values())
    assert found.to_dict()["accounts"][0]["positions"][0]["value"] is None


def test_what_has_no_allocation_stands_under_its_own_name():
    untagged = Instrument("VTI", "Total", InstrumentKind.ETF, Decimal(235))
    found = value(portfolio(account(1, "A", VTI="2"), more=(untagged,)))
    assert found.portfolio.unclassified == ("VTI",)
    assert found.breakdowns[Dimension.REGION] == {"unclassified": Decimal(470)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: position("SPY", "-1"), "SPY: a quantity of -1"),
        (lambda: position("SPY", "NaN"), "quantity of NaN"),
        (lambda: account(1, "A", "-5"), "cash of -5"),
        (lambda: portfolio(account(1, "A", NOPE="1")), "nothing is known about NOPE"),
        (lambda: Instrument("SPY", "S", InstrumentKind.ETF, Decimal(0)), "price of 0"),
        (lambda: Instrument("spy", "S", InstrumentKind.ETF), "no symbol"),
        (lambda: User("u", "U", -1), "-1 years"),
        (lambda: User("u", "U", 5, Decimal(-1)), "target income of -1"),
        (lambda: User("u", "U", asset_class_targets={"equity": Decimal(90)}), "adds up to 90"),
        (lambda: Account("a", "A", "p", Decimal(0), Decimal("4.5")), "fraction"),
        (
            lambda: Account("a", "A", "p", positions=(position("SPY", "1"), position("SPY", "2"))),
            "two positions of SPY",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, words):
    with pytest.raises(PortfolioError) as caught:
        make()
    assert words in str(caught.value)


@given(
    st.decimals(min_value=0, max_value=10**9, places=2),
    st.lists(st.decimals(min_value=0, max_value=100, places=2), min_size=1, max_size=12).filter(lambda w: sum(w) > 0),
)
def test_split_money_adds_up_to_the_cent(amount, weights):
    parts = split(amount, weights)
    assert sum(parts) == amount
    assert all(part >= 0 for part in parts)


@given(st.lists(st.decimals(min_value=0, max_value=60, places=2), min_size=1, max_size=8))
def test_a_sum_near_100_is_repaired_to_100_and_others_are_left(percents):
    given_shares = dict(zip(("technology", "healthcare", "financials", "energy", "utilities", "materials",
                             "industrials", "other"), percents, strict=False))  # fmt: skip
    fixed = repaired(given_shares)
    if abs(sum(percents) - 100) <= 5:
        assert sum(checked(Dimension.SECTOR, fixed, of="X").values()) == 100
    else:
        assert fixed == given_shares


def test_an_allocation_is_valid_within_a_twentieth_per_cent():
    checked(Dimension.REGION, {"europe": Decimal("99.95")}, of="X")
    with pytest.raises(PortfolioError, match=r"adds up to 99\.94 %"):
        checked(Dimension.REGION, {"europe": Decimal("99.94")}, of="X")
    with pytest.raises(PortfolioError, match="'mars' is no region"):
        checked(Dimension.REGION, {"mars": Decimal(100)}, of="X")

"""Report, charts, retirement and a calculation by hand agree: total, asset classes, regions and sectors.

The portfolio has two accounts with the same name, fractions of shares, and an instrument that nobody has a price of.
"""

import asyncio
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from backend.charting.portfolio_charts import OTHER
from backend.data.settings import open_store
from backend.portfolio.money import dollars
from backend.portfolio.values import Instrument, User
from backend.portfolio.vocabulary import CASH, UNCLASSIFIED, Dimension, InstrumentKind, words
from backend.trial import portfolios_in, try_job
from support import REFERENCE, position

from agent_framework import Job, JobStatus

HELD = (
    {"SPY": "12.5", "BND": "40.125", "XYZ": "9"},
    {"SPY": "0.33333333", "VEA": "17", "GLD": "3.3", "VNQ": "8"},
)
CASH_HELD = (Decimal("1234.56"), Decimal("0.44"))
CHARTS = {Dimension.ASSET_CLASS: "asset_allocation", Dimension.REGION: "regions", Dimension.SECTOR: "sectors"}
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder: Path = tmp_path_factory.mktemp("agreement")
    with portfolios_in(folder):
        store = open_store()
        store.add_instruments([Instrument("XYZ", "Somewhere", InstrumentKind.STOCK)])
        store.put_user(User("pat", "Pat", 20, Decimal(30_000)))
        for quantities, cash in zip(HELD, CASH_HELD, strict=True):
            account = store.add_account("pat", "Savings", cash=cash)
            for symbol, quantity in quantities.items():
                store.put_position(account, position(symbol, quantity))
        done = asyncio.run(try_job(folder, "pat"))
    assert done.status is JobStatus.COMPLETED, done.error_message
    return done


def by_hand() -> tuple[list[Decimal], dict[Dimension, dict[str, Decimal]]]:
    """What each account is worth, and what each category is, not rounded."""
    accounts: list[Decimal] = []
    parts: dict[Dimension, dict[str, Decimal]] = {dimension: defaultdict(Decimal) for dimension in Dimension}
    for quantities, cash in zip(HELD, CASH_HELD, strict=True):
        worth = cash
        for symbol, quantity in quantities.items():
            price = REFERENCE[symbol].price if symbol in REFERENCE else None
            amount = (Decimal(quantity) * (price or 0)).quantize(CENT, ROUND_HALF_UP)
            worth += amount
            for dimension in Dimension if price else ():
                for category, percent in REFERENCE[symbol].allocations[dimension].items():
                    parts[dimension][category] += amount * percent / 100
        for dimension in Dimension:
            parts[dimension][CASH] += cash
        accounts.append(worth)
    return accounts, parts


@pytest.mark.parametrize("dimension", Dimension)
def test_charts_and_report_have_the_parts_of_a_calculation_by_hand(job: Job, dimension: Dimension):
    _, parts = by_hand()
    drawn = job.agent_results["charter"][CHARTS[dimension]]["data"]
    charted = {part["name"]: Decimal(str(part["value"])) for part in drawn}
    expected = {words(name): amount for name, amount in parts[dimension].items() if amount.quantize(CENT)}
    shown = {name: amount for name, amount in expected.items() if name in charted}
    others = sum((amount for name, amount in expected.items() if name not in charted), Decimal(0))
    positions = sum(map(len, HELD))
    for name, amount in shown.items():
        assert abs(charted[name] - amount) <= CENT * positions, name
    for part in drawn[:4]:  # as many as the report names
        assert dollars(Decimal(str(part["value"]))) in job.agent_results["reporter"]["content"], part["name"]
    assert abs(charted.get(OTHER, Decimal(0)) - others) <= CENT * positions * max(1, len(expected))
    assert sum(charted.values()) == sum(by_hand()[0])
    assert UNCLASSIFIED not in expected


def test_all_agents_have_the_total_of_a_calculation_by_hand(job: Job):
    accounts, _ = by_hand()
    results = job.agent_results
    assert results["planner"]["total"] == str(sum(accounts))
    assert results["retirement"]["portfolio_value"] == str(sum(accounts))
    assert f"{dollars(sum(accounts))}" in results["reporter"]["content"]
    for agent, missing in (("planner", results["planner"]["missing_prices"]),
                           ("retirement", results["retirement"]["assumptions"]["without_price"])):  # fmt: skip
        assert missing == ["XYZ"], agent
    assert "No price is known of XYZ" in results["reporter"]["content"]


def test_accounts_with_the_same_name_stay_apart_in_chart_and_report(job: Job):
    accounts, _ = by_hand()
    drawn = job.agent_results["charter"]["accounts"]["data"]
    assert sorted(Decimal(str(part["value"])) for part in drawn) == sorted(accounts)
    assert all(dollars(amount) in job.agent_results["reporter"]["content"] for amount in accounts)


def test_retirement_s_mix_is_that_of_the_asset_classes(job: Job):
    accounts, parts = by_hand()
    total = sum(accounts)
    mix = job.agent_results["retirement"]["assumptions"]["mix_percent"]
    by_class = {name: float(100 * amount / total) for name, amount in parts[Dimension.ASSET_CLASS].items() if amount}
    assert mix == pytest.approx(by_class, abs=0.06)


def test_the_charts_flag_what_has_no_price(job: Job):
    said = job.agent_results["charter"]["holdings"]["description"]
    assert said == "Each holding over all accounts, and cash. No price is known of XYZ: it counts as nothing."

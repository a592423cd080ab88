"""The simulation against results known otherwise, its promises as properties, and its speed."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from backend.portfolio.valuation import value
from backend.portfolio.values import User
from backend.portfolio.vocabulary import AssetClass
from backend.projection.narrative import analysis
from backend.projection.outlook import outlook, question_of
from backend.projection.returns import MODELS, combined, mix_of
from backend.projection.simulation import Question, simulate
from backend.projection.speed import cpu_ms
from hypothesis import given, settings
from hypothesis import strategies as st
from support import account, portfolio

from agent_framework.errors import ProjectError

CASH = {AssetClass.CASH: 1.0}
MIXED = {AssetClass.EQUITY: 0.6, AssetClass.FIXED_INCOME: 0.3, AssetClass.COMMODITIES: 0.1}
FULL = account(1, "401(k)", "5000", SPY="100", QQQ="50", BND="200", VEA="150", GLD="25")


def test_every_asset_class_has_a_return():
    assert set(MODELS) == set(AssetClass)
    assert MODELS[AssetClass.COMMODITIES].mean > 0
    assert MODELS[AssetClass.COMMODITIES].deviation > 0


def test_a_mix_has_the_weighted_mean_and_the_deviation_of_independent_classes():
    mix = combined({AssetClass.EQUITY: 0.5, AssetClass.FIXED_INCOME: 0.5})
    assert mix.mean == pytest.approx(0.055)
    assert mix.deviation == pytest.approx(((0.09) ** 2 + (0.025) ** 2) ** 0.5)


def test_without_chance_the_years_go_by_the_stated_conventions():
    found = simulate(Question(100.0, CASH, 2, 60.0, contribution=10.0, years_in_retirement=3, inflation=0.1, runs=3))
    first = 100 * 1.02 + 10
    second = first * 1.02 + 10
    third = (second - 60) * 1.02
    fourth = third - 66
    assert fourth < 0
    assert found.balances[:, 0] == pytest.approx([100, first, second, third, 0, 0])
    assert found.years_paid.tolist() == [1, 1, 1]
    assert found.success_rate == 0


def test_the_expected_value_at_retirement_is_that_of_the_closed_form():
    question = Question(50_000, MIXED, 20, 0, runs=40_000)
    growth = 1 + combined(MIXED).mean
    exact = 50_000 * growth**20 + 10_000 * (growth**20 - 1) / (growth - 1)
    assert simulate(question).at_retirement.mean() == pytest.approx(exact, rel=0.01)


def test_the_same_seed_gives_the_same_runs_and_another_one_does_not():
    question = Question(50_000, MIXED, 5, 10_000, runs=100)
    assert np.array_equal(simulate(question).balances, simulate(question).balances)
    assert not np.array_equal(simulate(question).balances, simulate(replace(question, seed=1)).balances)


questions = st.builds(
    Question,
    balance=st.floats(0, 5e6),
    mix=st.sampled_from([CASH, MIXED, {AssetClass.EQUITY: 1.0}]),
    years_to_retirement=st.integers(0, 30),
    income=st.floats(0, 3e5),
    contribution=st.floats(0, 5e4),
    years_in_retirement=st.integers(0, 30),
    runs=st.just(200),
)


@settings(max_examples=60, deadline=None)
@given(questions, st.floats(0, 1e5), st.floats(0, 1e6))
def test_more_income_never_does_better_and_more_money_never_worse(question, income, money):
    rate = simulate(question).success_rate
    assert simulate(replace(question, income=question.income + income)).success_rate <= rate
    assert simulate(replace(question, balance=question.balance + money)).success_rate >= rate
    assert simulate(replace(question, contribution=question.contribution + income)).success_rate >= rate


@settings(max_examples=30, deadline=None)
@given(questions)
def test_balances_are_never_negative_and_years_paid_never_too_many(question):
    found = simulate(question)
    assert (found.balances >= 0).all()
    assert found.years_paid.max() <= question.years_in_retirement
    assert found.balances.shape == (question.years + 1, 200)


def test_the_outlook_counts_every_year_and_keeps_its_scenarios_in_order():
    valuation = value(portfolio(FULL))
    question = question_of(valuation, runs=2_000)
    assert question is not None
    found = outlook(valuation, question)
    assert [row["year"] for row in found["milestones"]] == list(range(56))
    assert found["milestones"][24]["phase"] == "saving"
    assert found["milestones"][25]["phase"] == "retirement"
    rates = [found["scenarios"][name]["success_rate"] for name in ("pessimistic", "base", "optimistic")]
    assert rates == sorted(rates)
    assert rates[1] == found["success_rate"]
    assert found["portfolio_value"] == "95937.50"
    rule = found["four_percent_rule"]
    assert rule["needed_at_retirement"] == 2_500_000
    assert rule["gap"] == 2_500_000 - found["expected_value_at_retirement"]
    assert len(found["levers"]) == 5
    assert found["levers"][-1]["success_rate"] >= 80
    assert "4 % rule" in analysis(found)


def test_goals_that_nobody_gave_are_not_simulated():
    for user in (User("u", "U"), User("u", "U", 10), User("u", "U", None, Decimal(5))):
        assert question_of(value(portfolio(FULL, user=user))) is None


def test_retiring_today_and_no_income_are_answered_plainly():
    today = value(portfolio(FULL, user=User("u", "U", 0, Decimal(5_000))))
    question = question_of(today, runs=500)
    assert question is not None
    found = outlook(today, question)
    assert found["expected_value_at_retirement"] == round(float(today.total))
    assert "from today" in analysis(found)
    nothing = value(portfolio(FULL, user=User("u", "U", 10, Decimal(0))))
    question = question_of(nothing, runs=500)
    assert question is not None
    found = outlook(nothing, question)
    assert found["success_rate"] == 100
    assert "No income is asked" in analysis(found)


def test_what_is_not_classified_is_taken_to_be_like_the_rest_and_named():
    assert mix_of({"equity": Decimal(50), "unclassified": Decimal(50)}) == {AssetClass.EQUITY: 1.0}
    assert mix_of({}) == CASH
    with pytest.raises(ProjectError, match="no instrument of the portfolio is classified"):
        mix_of({"unclassified": Decimal(50)})


@pytest.mark.parametrize(
    "wrong",
    [{"years_to_retirement": -1}, {"balance": float("nan")}, {"income": -1.0}, {"runs": 0}, {"contribution": -5.0}],
)
def test_what_cannot_be_simulated_is_refused(wrong):
    with pytest.raises(ProjectError):
        Question(**{"balance": 1.0, "mix": CASH, "years_to_retirement": 1, "income": 1.0, **wrong})


def test_ten_thousand_runs_of_55_years_take_less_than_a_tenth_of_a_second(record_property):
    taken = cpu_ms()
    record_property("fact", f"10,000 runs of 55 years: {taken:.0f} ms of one core")
    assert taken < 100

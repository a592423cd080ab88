"""Reports: the one by rules always passes, invented amounts never do, and knowledge is optional."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from backend.portfolio.valuation import value
from backend.portfolio.values import Instrument, User
from backend.portfolio.vocabulary import InstrumentKind
from backend.reporting.compose import compose
from backend.reporting.facts import amounts, facts_of
from backend.reporting.finished import finished_report
from backend.reporting.judge import review, unknown_amounts
from backend.reporting.knowledge import search
from hypothesis import given, settings
from hypothesis import strategies as st
from support import REFERENCE, account, portfolio

NO_NOTES = {"status": "unavailable", "reason": "there are no notes", "notes": []}
FULL = account(1, "401(k)", "5000", SPY="100", QQQ="50", BND="200", VEA="150", GLD="25")
FACTS = facts_of(value(portfolio(FULL, account(2, "Roth", "1000"))))
BY_RULES = compose(FACTS, NO_NOTES)


def test_the_report_by_rules_has_the_four_sections_and_the_length():
    assert review(BY_RULES, amounts(FACTS)).passed
    assert len(BY_RULES) >= 2800
    for section in ("Executive summary", "Observations", "Risks", "Recommendations"):
        assert f"## {section}\n" in BY_RULES


def test_every_dollar_of_the_report_is_a_figure_of_the_portfolio():
    shown = {Decimal(text.replace(",", "")) for text in re.findall(r"\$([\d,]+\.\d\d)", BY_RULES)}
    assert Decimal("96937.50") in shown
    assert len(shown) > 15
    assert shown <= amounts(FACTS)


def test_the_figures_against_targets_are_those_of_a_calculation_by_hand():
    equity = FACTS["against_targets"][0]
    assert equity["value"] == "71545.00"
    assert equity["target_value"] == "67856.25"
    assert equity["difference"] == "3688.75"
    assert FACTS["against_targets"][3]["value"] == "7245.00"  # VEA; gold is global
    assert FACTS["yearly_interest_on_cash"] == "240.00"


held = st.dictionaries(
    st.sampled_from(sorted(REFERENCE)), st.decimals(min_value="0.01", max_value=9999, places=2).map(str), min_size=1
)
names = st.text(min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    held, st.integers(0, 10**6), names, st.sampled_from([None, 0, 25]), st.sampled_from([None, Decimal(0), Decimal(9)])
)
def test_the_report_by_rules_passes_for_any_portfolio(quantities, cash, name, years, income):
    owner = User("u", name, years, income)
    facts = facts_of(value(portfolio(account(1, name, str(cash), **quantities), user=owner)))
    assert review(compose(facts, NO_NOTES), amounts(facts)).problems == ()


def test_a_missing_price_and_an_unclassified_instrument_are_said_first():
    unpriced = Instrument("XYZ", "Somewhere", InstrumentKind.STOCK)
    facts = facts_of(value(portfolio(account(1, "A", "10", XYZ="5", SPY="1"), more=(unpriced,))))
    summary = compose(facts, NO_NOTES).partition("## Observations")[0]
    assert "No price is known of XYZ" in summary
    assert "Not classified yet, and shown apart: XYZ" in summary


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:2000], "2000 characters"),
        (lambda text: text.replace("## Risks", "## Weather"), "'risks' is missing"),
        (lambda text: text + "\nYou could make $1,000,000 a year.", "$1,000,000"),
        (lambda text: text + "\nAnother 5 million dollars.", "5 million dollars"),
        (lambda text: text + "\n<script>alert(1)</script>", "HTML"),
        (lambda text: text + "\n![x](https://example.com/x.png)", "a picture"),
    ],
)
def test_a_bad_report_does_not_pass_and_is_replaced(change, words):
    draft = change(BY_RULES)
    assert words in "; ".join(review(draft, amounts(FACTS)).problems)
    made = finished_report(draft, FACTS, NO_NOTES)
    assert made["content"] == BY_RULES
    assert made["written_by"] == "rules"
    assert words in "; ".join(made["problems"])


def test_a_model_s_report_that_passes_is_published_as_it_is():
    draft = BY_RULES.replace("**Markets.**", "**The markets.**")
    made = finished_report(draft, FACTS, NO_NOTES)
    assert made == {"content": draft, "written_by": "model", "problems": []}


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("$96,937.50", []),
        ("$96,938", []),
        ("$96.9k and US$ 96.94 thousand", []),
        ("USD 96937.50, 96,937.50 dollars", []),
        ("$96,937.51", ["$96,937.51"]),
        ("$0.1 million", ["$0.1 million"]),
        ("$97,000", ["$97,000"]),
        ("100 %, 25 years, 401(k)", []),
    ],
)
def test_amounts_are_found_in_every_usual_form(text: str, unknown: list[str]):
    assert unknown_amounts(text, {Decimal("96937.50")}) == unknown


def test_knowledge_finds_what_a_question_is_about():
    found = search("How risky is a large share of technology sector funds?")
    assert found["status"] == "ok"
    assert found["notes"][0]["title"].startswith("Concentration in sectors")
    assert search("gold")["notes"][0]["title"].startswith("Gold")
    assert search("xylophone")["notes"] == []


def test_notes_name_no_amounts_and_pass_inside_a_report():
    found = search("bonds gold cash technology rebalancing regions withdrawals real estate holdings", limit=20)
    assert len(found["notes"]) == 9
    facts = FACTS
    assert review(compose(facts, found), amounts(facts)).passed


def test_knowledge_that_is_not_there_degrades(tmp_path: Path):
    assert search("gold", folder=tmp_path)["status"] == "unavailable"
    (tmp_path / "broken.md").write_bytes(b"\xff\xfe\xfa")
    found = search("gold", folder=tmp_path)
    assert found["status"] == "unavailable"
    assert "cannot be read" in found["reason"]
    assert "could not be used" in compose(FACTS, found)

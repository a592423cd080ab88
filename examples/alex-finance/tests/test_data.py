"""The store on SQLite and, where the tests are given them, on PostgreSQL and Aurora's Data API: the same tests."""

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from backend.data.drivers import SqliteDriver
from backend.data.seed import FIRST_USER, SECOND_USER, VTI, seed
from backend.data.settings import driver_for
from backend.data.store import Store
from backend.portfolio.allocation import PortfolioError
from backend.portfolio.valuation import value
from backend.portfolio.values import User
from backend.portfolio.vocabulary import Dimension
from support import DAY, REFERENCE, position

from agent_framework.errors import ConfigError, ProjectError, RetryableError, SchemaVersionError

POSTGRES = os.environ.get("ALEX_TEST_POSTGRES")
AURORA = os.environ.get("ALEX_TEST_AURORA")


@pytest.fixture(params=["sqlite", *(["postgres"] if POSTGRES else []), *(["aurora"] if AURORA else [])])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A seeded store, made anew for each test."""
    if request.param == "sqlite":
        made = Store(SqliteDriver(tmp_path / "alex.sqlite"))
    else:
        address = POSTGRES if request.param == "postgres" else AURORA
        assert address
        made = Store(driver_for(address))
        with made.driver.transaction() as transaction:
            transaction.run("DROP TABLE IF EXISTS positions, accounts, users, instruments, alex_migrations")
    seed(made)
    return made


def test_the_test_user_has_three_accounts_and_the_known_total(store: Store):
    portfolio = store.portfolio(FIRST_USER)
    assert [account.name for account in portfolio.accounts] == ["401(k)", "Roth IRA", "Taxable"]
    assert portfolio.user.target_income == Decimal(100_000)
    assert portfolio.accounts[0].cash_interest == Decimal("0.045")
    assert str(value(portfolio).total) == "99437.50"


def test_what_is_read_is_what_was_written(store: Store):
    portfolio = store.portfolio(FIRST_USER)
    assert portfolio.instruments["VEA"] == REFERENCE["VEA"]
    assert portfolio.accounts[0].positions[0] == position("SPY", "100")


def test_seeding_again_changes_nothing(store: Store):
    before = value(store.portfolio(SECOND_USER)).to_dict()
    seed(store)
    after = value(store.portfolio(SECOND_USER)).to_dict()
    for valued in (before, after):
        valued["accounts"] = [{**account, "id": ""} for account in valued["accounts"]]
    assert before == after


def test_vti_arrives_unclassified_and_keeps_its_first_classification(store: Store):
    assert store.portfolio(SECOND_USER).unclassified == ("VTI",)
    allocations = dict(REFERENCE["SPY"].allocations)
    store.classify("VTI", kind="etf", allocations=allocations, source="offline", rationale="broad")
    store.classify("VTI", kind="stock", allocations=allocations, source="model", rationale="later")
    stored = store.instrument("VTI")
    assert stored is not None
    assert (stored.classified_by, stored.rationale, stored.kind) == ("offline", "broad", "etf")
    assert stored.allocations[Dimension.SECTOR]["technology"] == 28
    assert stored.price == VTI.price


def test_fractional_quantities_and_amounts_are_kept_exactly(store: Store):
    account = store.add_account(FIRST_USER, "Fractions", cash=Decimal("0.07"))
    store.put_position(account, position("SPY", "0.12345678"))
    kept = store.portfolio(FIRST_USER).accounts[-1]
    assert kept.positions[0].quantity == Decimal("0.12345678")
    assert kept.cash == Decimal("0.07")


def test_a_user_without_accounts_has_an_empty_portfolio(store: Store):
    store.put_user(User("empty", "Nobody"))
    found = store.portfolio("empty")
    assert found.accounts == ()
    assert found.user.years_until_retirement is None
    assert found.user.target_income is None


def test_new_prices_replace_old_ones(store: Store):
    store.set_prices({"SPY": Decimal("612.345")}, as_of=DAY, source="polygon")
    stored = store.instrument("SPY")
    assert stored is not None
    assert (stored.price, stored.price_as_of, stored.price_source) == (Decimal("612.345"), DAY, "polygon")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda store, account: store.put_position(account, position("NOPE", "1")), "'NOPE'"),
        (lambda store, account: store.put_position("nowhere", position("SPY", "1")), "refuses"),
        (lambda store, account: store.add_account("nobody", "A"), "refuses"),
        (lambda store, account: store.add_account(FIRST_USER, "A", cash=Decimal(-1)), "cash of -1"),
        (lambda store, account: store.add_account(FIRST_USER, ""), "refuses"),
    ],
)
def test_what_cannot_be_is_refused(store: Store, act, words):
    account = store.portfolio(FIRST_USER).accounts[0].id
    with pytest.raises(PortfolioError) as caught:
        act(store, account)
    assert words in str(caught.value)


def test_the_tables_refuse_what_others_write_wrongly(store: Store):
    account = store.portfolio(FIRST_USER).accounts[0].id
    wrong = [
        ("UPDATE positions SET quantity = '-1' WHERE account_id = :id", account),
        ("UPDATE accounts SET cash_interest = '4.5' WHERE id = :id", account),
        ("UPDATE instruments SET current_price = '0' WHERE symbol = :id", "SPY"),
        ("UPDATE users SET years_until_retirement = 99 WHERE clerk_user_id = :id", FIRST_USER),
        ("DELETE FROM instruments WHERE symbol = :id", "SPY"),
    ]
    for sql, key in wrong:
        with pytest.raises(PortfolioError), store.driver.transaction() as transaction:
            transaction.run(sql, {"id": key})
    assert str(value(store.portfolio(FIRST_USER)).total) == "99437.50"


def test_an_unknown_user_and_a_missing_database_are_told_with_the_remedy(store: Store, tmp_path: Path):
    with pytest.raises(ProjectError, match="there is no user 'who'"):
        store.portfolio("who")
    with pytest.raises(ProjectError, match=r"backend\.data reset"):
        Store(SqliteDriver(tmp_path / "none.sqlite")).portfolio(FIRST_USER)


def test_tables_that_nobody_made_are_told_on_both_databases(store: Store):
    with store.driver.transaction() as transaction:
        for table in ("positions", "accounts", "users"):
            transaction.run(f"DROP TABLE {table}")
    with pytest.raises(ProjectError, match="makes the tables"):
        store.portfolio(FIRST_USER)


def test_a_database_that_cannot_be_reached_is_worth_another_attempt():
    store = Store(driver_for("postgresql://me:secret@127.0.0.1:1/db"))
    with pytest.raises(RetryableError) as caught:
        store.portfolio(FIRST_USER)
    assert "secret" not in str(caught.value)


def test_an_address_of_aurora_without_its_parts_is_told():
    with pytest.raises(ConfigError, match="cluster=ARN&secret=ARN"):
        driver_for("aurora://alex?cluster=arn:aws:rds:eu-central-1:123456789012:cluster:jobs")


def test_a_newer_schema_is_refused(store: Store):
    with store.driver.transaction() as transaction:
        transaction.run("INSERT INTO alex_migrations (number, name) VALUES (99, 'later')")
    with pytest.raises(SchemaVersionError, match="newer version"):
        store.migrate()


def test_passwords_are_not_shown():
    assert "secret" not in driver_for("postgresql://me:secret@localhost/db").place


def test_a_classification_completes_what_is_known_in_part(store: Store):
    part = {Dimension.ASSET_CLASS: REFERENCE["SPY"].allocations[Dimension.ASSET_CLASS]}
    store.add_instruments([replace(VTI, symbol="ABC", allocations=part, classified_by="somebody")])
    store.classify("ABC", kind="etf", allocations=dict(REFERENCE["SPY"].allocations), source="model", rationale="r")
    stored = store.instrument("ABC")
    assert stored is not None
    assert stored.is_classified
    assert stored.classified_by == "model"

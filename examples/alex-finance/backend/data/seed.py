"""The reference instruments and two test users.

``test_user_001`` has three accounts and goals. ``test_user_002`` also holds VTI, which is in no reference data: it is
added by the same calls that anybody uses, with a price somebody typed in and without a classification.
"""

from datetime import date
from decimal import Decimal

from backend.portfolio.reference import reference_instruments
from backend.portfolio.values import Instrument, Position, User
from backend.portfolio.vocabulary import InstrumentKind

from .store import Store

FIRST_USER = "test_user_001"
SECOND_USER = "test_user_002"
AS_OF = date(2025, 1, 2)
VTI = Instrument(
    "VTI",
    "Vanguard Total Stock Market ETF",
    InstrumentKind.ETF,
    Decimal("235.00"),
    price_as_of=AS_OF,
    price_source="entered",
)


def seed(store: Store) -> None:
    """Tables, instruments and test users, the latter as they were at first."""
    store.migrate()
    store.add_instruments(reference_instruments())
    store.remove_users([FIRST_USER, SECOND_USER])
    _first_user(store)
    _second_user(store)


def _first_user(store: Store) -> None:
    store.put_user(User(FIRST_USER, "Test User", 25, Decimal(100_000)))
    main = store.add_account(
        FIRST_USER, "401(k)", purpose="Employer's retirement plan", cash=Decimal(5000), interest=Decimal("0.045")
    )
    for symbol, quantity in {"SPY": 100, "QQQ": 50, "BND": 200, "VEA": 150, "GLD": 25}.items():
        store.put_position(main, Position(symbol, Decimal(quantity), AS_OF))
    store.add_account(
        FIRST_USER, "Roth IRA", purpose="Tax-free retirement savings", cash=Decimal(1000), interest=Decimal("0.04")
    )
    store.add_account(FIRST_USER, "Taxable", purpose="Taxable savings", cash=Decimal(2500), interest=Decimal("0.035"))


def _second_user(store: Store) -> None:
    store.put_user(User(SECOND_USER, "Second Test User", 15, Decimal(60_000)))
    account = store.add_account(SECOND_USER, "Savings", purpose="Long-term savings", cash=Decimal(2000))
    store.add_instruments([VTI])
    for symbol, quantity in {"VTI": "120.5", "BND": "150", "VNQ": "40"}.items():
        store.put_position(account, Position(symbol, Decimal(quantity), AS_OF))

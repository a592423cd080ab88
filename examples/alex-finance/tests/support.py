"""Small portfolios by hand, for tests that need no database."""

from datetime import date
from decimal import Decimal

from backend.portfolio.reference import reference_instruments
from backend.portfolio.values import Account, Instrument, Portfolio, Position, User

DAY = date(2025, 1, 2)
REFERENCE = {instrument.symbol: instrument for instrument in reference_instruments()}


def position(symbol: str, quantity: str) -> Position:
    """So much of something."""
    return Position(symbol, Decimal(quantity), DAY)


def account(number: int, name: str, cash: str = "0", **quantities: str) -> Account:
    """``account(1, "401(k)", "5000", SPY="100")``."""
    held = tuple(position(symbol, quantity) for symbol, quantity in quantities.items())
    return Account(f"account-{number}", name, "retirement", Decimal(cash), Decimal("0.04"), held)


def portfolio(*accounts: Account, user: User | None = None, more: tuple[Instrument, ...] = ()) -> Portfolio:
    """A portfolio of reference instruments and some more."""
    known = REFERENCE | {instrument.symbol: instrument for instrument in more}
    return Portfolio(user or User("u1", "Pat", 25, Decimal(100_000)), accounts, known)

"""Users, accounts, positions and instruments, as values that cannot change and cannot be wrong.

Cash, prices and quantities are exact decimals. Quantities may be fractions of a share. Accounts are told apart by id:
two accounts with the same name are two accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from .allocation import Allocation, PortfolioError, checked
from .vocabulary import Dimension, InstrumentKind

NOTHING: Mapping[Dimension, Allocation] = {}


@dataclass(frozen=True, slots=True)
class Instrument:
    """Something that can be bought. ``price`` is None where nobody knows it; an allocation may be missing."""

    symbol: str
    name: str
    kind: InstrumentKind
    price: Decimal | None = None
    allocations: Mapping[Dimension, Allocation] = field(default_factory=lambda: NOTHING)
    price_as_of: date | None = None
    price_source: str = ""
    classified_by: str = ""
    rationale: str = ""

    def __post_init__(self) -> None:
        symbol = self.symbol
        if not 0 < len(symbol) <= 20 or symbol != symbol.strip().upper():
            raise PortfolioError(
                f"{symbol!r} is no symbol: 1 to 20 characters, letters in upper case, no spaces around"
            )
        if self.price is not None and not (self.price.is_finite() and self.price > 0):
            raise PortfolioError(f"{symbol}: a price of {self.price} cannot be; leave it out where it is not known")
        for dimension, allocation in self.allocations.items():
            checked(dimension, allocation, of=symbol)

    @property
    def is_classified(self) -> bool:
        """Whether asset classes, regions and sectors are all known."""
        return all(self.allocations.get(dimension) for dimension in Dimension)


@dataclass(frozen=True, slots=True)
class Position:
    """So much of one instrument in one account."""

    symbol: str
    quantity: Decimal
    as_of: date

    def __post_init__(self) -> None:
        if not self.quantity.is_finite() or self.quantity < 0:
            raise PortfolioError(f"{self.symbol}: a quantity of {self.quantity} cannot be; sold short is not supported")


@dataclass(frozen=True, slots=True)
class Account:
    """One account. ``cash_interest`` is a fraction: 0.045 is 4.5 % a year."""

    id: str
    name: str
    purpose: str
    cash: Decimal = Decimal(0)
    cash_interest: Decimal = Decimal(0)
    positions: tuple[Position, ...] = ()

    def __post_init__(self) -> None:
        if not self.cash.is_finite() or self.cash < 0:
            raise PortfolioError(f"account {self.name!r}: cash of {self.cash} cannot be; debts are not supported")
        if not Decimal(0) <= self.cash_interest < 1:
            raise PortfolioError(
                f"account {self.name!r}: interest of {self.cash_interest} cannot be; give a fraction, 0.045 for 4.5 %"
            )
        symbols = [position.symbol for position in self.positions]
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if twice:
            raise PortfolioError(f"account {self.name!r} has two positions of {', '.join(twice)}")


@dataclass(frozen=True, slots=True)
class User:
    """Whose portfolio it is, and what it is for; goals that nobody gave are None."""

    id: str
    name: str
    years_until_retirement: int | None = None
    target_income: Decimal | None = None
    asset_class_targets: Mapping[str, Decimal] = field(
        default_factory=lambda: {"equity": Decimal(70), "fixed_income": Decimal(30)}
    )
    region_targets: Mapping[str, Decimal] = field(
        default_factory=lambda: {"north_america": Decimal(50), "international": Decimal(50)}
    )

    def __post_init__(self) -> None:
        years, income = self.years_until_retirement, self.target_income
        if years is not None and not 0 <= years <= 60:
            raise PortfolioError(f"user {self.id}: {years} years until retirement cannot be; 0 to 60 can")
        if income is not None and not (income.is_finite() and income >= 0):
            raise PortfolioError(f"user {self.id}: a target income of {income} cannot be")
        checked(Dimension.ASSET_CLASS, self.asset_class_targets, of=f"user {self.id}, targets")
        checked(Dimension.REGION, self.region_targets, of=f"user {self.id}, targets")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A user's accounts with the instruments in them."""

    user: User
    accounts: tuple[Account, ...]
    instruments: Mapping[str, Instrument]

    def __post_init__(self) -> None:
        unknown = sorted({position.symbol for position in self.positions} - self.instruments.keys())
        if unknown:
            raise PortfolioError(f"nothing is known about {', '.join(unknown)}; add the instrument first")

    @property
    def positions(self) -> tuple[Position, ...]:
        """Those of all accounts, without empty ones."""
        return tuple(held for account in self.accounts for held in account.positions if held.quantity)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Each symbol that is held, once, in order of first mention."""
        return tuple(dict.fromkeys(position.symbol for position in self.positions))

    def at_prices(self, prices: Mapping[str, Decimal]) -> "Portfolio":
        """The same with these prices; instruments that are not named keep theirs."""
        known = {
            symbol: replace(one, price=prices[symbol]) if symbol in prices else one
            for symbol, one in self.instruments.items()
        }
        return replace(self, instruments=known)

    @property
    def unclassified(self) -> tuple[str, ...]:
        """Held symbols that lack an allocation."""
        return tuple(symbol for symbol in self.symbols if not self.instruments[symbol].is_classified)

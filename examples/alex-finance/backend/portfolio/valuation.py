"""What a portfolio is worth, and what that consists of.

- A position is worth quantity times price, rounded to cents; everything else is a sum of those and of cash.
- A position without a price counts as nothing everywhere, and is named in ``missing_prices``.
- Each breakdown adds up to the total to the cent: positions are spread by their instrument's allocation, cash and what
  has no allocation stand under names of their own (``cash``, ``unclassified``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from .allocation import spread
from .money import ZERO, cents, share
from .values import Account, Instrument, Portfolio, Position
from .vocabulary import CASH, UNCLASSIFIED, Dimension


@dataclass(frozen=True, slots=True)
class PositionValue:
    """A position and its worth; ``value`` is None where there is no price."""

    position: Position
    instrument: Instrument
    value: Decimal | None

    @property
    def counted(self) -> Decimal:
        """What it adds to every sum."""
        return self.value if self.value is not None else ZERO


@dataclass(frozen=True, slots=True)
class AccountValue:
    """An account with its positions and cash."""

    account: Account
    positions: tuple[PositionValue, ...]

    @property
    def cash(self) -> Decimal:
        """Cash in cents."""
        return cents(self.account.cash)

    @property
    def total(self) -> Decimal:
        """Positions and cash."""
        return sum((held.counted for held in self.positions), ZERO) + self.cash


@dataclass(frozen=True)
class Valuation:
    """Every amount of a portfolio."""

    portfolio: Portfolio
    accounts: tuple[AccountValue, ...]

    @cached_property
    def total(self) -> Decimal:
        """All accounts."""
        return sum((account.total for account in self.accounts), ZERO)

    @cached_property
    def cash(self) -> Decimal:
        """Cash of all accounts."""
        return sum((account.cash for account in self.accounts), ZERO)

    @cached_property
    def holdings(self) -> Mapping[str, Decimal]:
        """By symbol, over all accounts; largest first."""
        return _largest_first((held.position.symbol, held.counted) for held in self._positions)

    @cached_property
    def missing_prices(self) -> tuple[str, ...]:
        """Symbols that are held and have no price."""
        return tuple(dict.fromkeys(held.position.symbol for held in self._positions if held.value is None))

    @cached_property
    def breakdowns(self) -> Mapping[Dimension, Mapping[str, Decimal]]:
        """By dimension and category, each adding up to the total; largest first."""
        return {dimension: self._breakdown(dimension) for dimension in Dimension}

    @property
    def _positions(self) -> Iterable[PositionValue]:
        return (held for account in self.accounts for held in account.positions)

    def _breakdown(self, dimension: Dimension) -> Mapping[str, Decimal]:
        parts: list[tuple[str, Decimal]] = [(CASH, self.cash)]
        for held in self._positions:
            allocation = held.instrument.allocations.get(dimension)
            parts += spread(held.counted, allocation).items() if allocation else [(UNCLASSIFIED, held.counted)]
        return _largest_first(parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: amounts as text with two decimals, shares in per cent with one."""
        return {
            "total": str(self.total),
            "cash": str(self.cash),
            "accounts": [_account(account, self.total) for account in self.accounts],
            "holdings": self._listed(self.holdings, lambda symbol: {"symbol": symbol}),
            "missing_prices": list(self.missing_prices),
            "unclassified": list(self.portfolio.unclassified),
            **{
                str(dimension): self._listed(parts, lambda category: {"category": category})
                for dimension, parts in self.breakdowns.items()
            },
        }

    def _listed(self, parts: Mapping[str, Decimal], named: Callable[[str], dict[str, str]]) -> list[dict[str, Any]]:
        return [
            {**named(name), "value": str(value), "share_percent": float(share(value, self.total))}
            for name, value in parts.items()
        ]


def value(portfolio: Portfolio) -> Valuation:
    """What the portfolio is worth now."""
    return Valuation(portfolio, tuple(_value_account(account, portfolio) for account in portfolio.accounts))


def _value_account(account: Account, portfolio: Portfolio) -> AccountValue:
    held = [position for position in account.positions if position.quantity]
    return AccountValue(account, tuple(_value_position(position, portfolio) for position in held))


def _value_position(position: Position, portfolio: Portfolio) -> PositionValue:
    instrument = portfolio.instruments[position.symbol]
    worth = None if instrument.price is None else cents(position.quantity * instrument.price)
    return PositionValue(position, instrument, worth)


def _largest_first(parts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for name, amount in parts:
        sums[name] = sums.get(name, ZERO) + amount
    return dict(sorted(((name, amount) for name, amount in sums.items() if amount), key=lambda item: -item[1]))


def _account(value_of: AccountValue, total: Decimal) -> dict[str, Any]:
    account = value_of.account
    return {
        "id": account.id,
        "name": account.name,
        "purpose": account.purpose,
        "total": str(value_of.total),
        "share_percent": float(share(value_of.total, total)),
        "cash": str(value_of.cash),
        "cash_interest_percent": float(100 * account.cash_interest),
        "positions": [_position(held) for held in value_of.positions],
    }


def _position(held: PositionValue) -> dict[str, Any]:
    instrument = held.instrument
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "kind": str(instrument.kind),
        "quantity": f"{held.position.quantity.normalize():f}",
        "price": None if instrument.price is None else str(instrument.price),
        "price_as_of": instrument.price_as_of.isoformat() if instrument.price_as_of else None,
        "price_source": instrument.price_source,
        "value": None if held.value is None else str(held.value),
    }

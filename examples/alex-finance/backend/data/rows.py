"""Between rows of the tables and values. Decimals travel as text, which both databases take without rounding."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from backend.portfolio.allocation import Allocation
from backend.portfolio.money import cents
from backend.portfolio.values import Account, Instrument, Position, User
from backend.portfolio.vocabulary import Dimension, InstrumentKind

from .drivers import Row

_ALLOCATIONS = {
    Dimension.ASSET_CLASS: "allocation_asset_class",
    Dimension.REGION: "allocation_regions",
    Dimension.SECTOR: "allocation_sectors",
}


def as_json(allocation: Allocation | None) -> str | None:
    """An allocation as JSON with plain numbers, as other readers of the table expect."""
    if not allocation:
        return None
    numbers = {name: int(share) if share == int(share) else float(share) for name, share in allocation.items()}
    return json.dumps(numbers)


INSTRUMENT_FIELDS: Mapping[str, Callable[[Instrument], Any]] = {
    "symbol": lambda one: one.symbol,
    "name": lambda one: one.name,
    "instrument_type": lambda one: str(one.kind),
    "current_price": lambda one: None if one.price is None else str(one.price),
    "price_as_of": lambda one: one.price_as_of.isoformat() if one.price_as_of else None,
    "price_source": lambda one: one.price_source,
    "allocation_asset_class": lambda one: as_json(one.allocations.get(Dimension.ASSET_CLASS)),
    "allocation_regions": lambda one: as_json(one.allocations.get(Dimension.REGION)),
    "allocation_sectors": lambda one: as_json(one.allocations.get(Dimension.SECTOR)),
    "classified_by": lambda one: one.classified_by,
    "classification_rationale": lambda one: one.rationale,
}
"""The columns of ``instruments``, and what of an instrument goes there."""


def instrument_from(row: Row) -> Instrument:
    """An instrument."""
    allocations = {dimension: _allocation(row[column]) for dimension, column in _ALLOCATIONS.items()}
    return Instrument(
        symbol=row["symbol"],
        name=row["name"],
        kind=InstrumentKind(row["instrument_type"]),
        price=_decimal(row["current_price"]),
        allocations={dimension: found for dimension, found in allocations.items() if found},
        price_as_of=date.fromisoformat(row["price_as_of"]) if row["price_as_of"] else None,
        price_source=row["price_source"],
        classified_by=row["classified_by"],
        rationale=row["classification_rationale"],
    )


def user_from(row: Row) -> User:
    """A user."""
    return User(
        row["clerk_user_id"],
        row["display_name"],
        row["years_until_retirement"],
        _decimal(row["target_retirement_income"]),
        _allocation(row["asset_class_targets"]),
        _allocation(row["region_targets"]),
    )


def account_from(row: Row, positions: tuple[Position, ...]) -> Account:
    """An account with its positions."""
    cash, interest = Decimal(str(row["cash_balance"])), Decimal(str(row["cash_interest"]))
    return Account(row["id"], row["account_name"], row["account_purpose"], cash, interest, positions)


def position_from(row: Row) -> Position:
    """A position."""
    return Position(row["symbol"], Decimal(str(row["quantity"])), date.fromisoformat(row["as_of_date"]))


def _decimal(value: Any) -> Decimal | None:
    """A number without the zeros that a column of fixed scale adds, and with two decimals at least."""
    if value is None:
        return None
    exact = Decimal(str(value)).normalize()
    return cents(exact) if cents(exact) == exact else exact


def _allocation(value: Any) -> dict[str, Decimal]:
    """PostgreSQL hands out JSON parsed, SQLite as text."""
    parsed = json.loads(value) if isinstance(value, str) else value
    return {name: Decimal(str(share)) for name, share in (parsed or {}).items()}

"""What of a model's classifications is stored.

- The kind is normalised: case, spaces and hyphens do not matter, usual other names are known.
- An allocation that adds up to 100 within 0.05 is taken as it is. Within 5 it is scaled to 100 (and the result says
  so); further off, or with an unknown category or a negative share, the instrument is refused.
- A classification without a reason is refused. What was not asked for is refused.

A refused instrument stays unclassified: every agent shows it as such, and the next job asks again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backend.data.store import Store
from backend.portfolio.allocation import HUNDRED, TOLERANCE, Allocation, PortfolioError, checked, repaired
from backend.portfolio.vocabulary import Dimension, InstrumentKind

from .classification import InstrumentClassification

_ALIASES = {
    "exchange_traded_fund": InstrumentKind.ETF,
    "equity_etf": InstrumentKind.ETF,
    "index_fund": InstrumentKind.MUTUAL_FUND,
    "fund": InstrumentKind.MUTUAL_FUND,
    "equity": InstrumentKind.STOCK,
    "share": InstrumentKind.STOCK,
    "common_stock": InstrumentKind.STOCK,
    "bond_etf": InstrumentKind.BOND_FUND,
    "real_estate_investment_trust": InstrumentKind.REIT,
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A classification that may be stored; ``repaired`` names the dimensions whose shares were scaled."""

    symbol: str
    kind: InstrumentKind
    allocations: Mapping[Dimension, Allocation]
    repaired: tuple[str, ...]
    rationale: str

    def to_dict(self, source: str) -> dict[str, Any]:
        """As JSON."""
        return {
            "symbol": self.symbol,
            "instrument_type": str(self.kind),
            **{
                str(dimension): {category: float(share) for category, share in allocation.items()}
                for dimension, allocation in self.allocations.items()
            },
            "repaired": list(self.repaired),
            "rationale": self.rationale,
            "source": source,
        }


def accept(said: InstrumentClassification) -> Accepted:
    """One classification, checked and repaired.

    Raises:
        PortfolioError: it cannot be used; the message says why.
    """
    if not said.rationale.strip():
        raise PortfolioError(f"{said.symbol}: no reason was given")
    given = {
        Dimension.ASSET_CLASS: _shares(said.asset_classes, said.symbol),
        Dimension.REGION: _shares(said.regions, said.symbol),
        Dimension.SECTOR: _shares(said.sectors, said.symbol),
    }
    off = tuple(dimension for dimension, shares in given.items() if abs(_sum(shares) - HUNDRED) > TOLERANCE)
    allocations = {
        dimension: checked(dimension, repaired(shares) if dimension in off else shares, of=said.symbol)
        for dimension, shares in given.items()
    }
    return Accepted(said.symbol, _kind(said), allocations, tuple(map(str, off)), said.rationale.strip())


def store_classifications(
    store: Store, wanted: Sequence[str], said: Sequence[InstrumentClassification], *, source: str
) -> dict[str, Any]:
    """Store what can be used: ``{tagged, updated, errors, classifications}``."""
    errors: list[dict[str, str]] = []
    accepted: dict[str, Accepted] = {}
    for one in said:
        symbol = one.symbol.strip().upper()
        if symbol not in wanted or symbol in accepted:
            errors.append({"symbol": one.symbol, "reason": "was not asked for, or answered already"})
            continue
        try:
            accepted[symbol] = accept(one.model_copy(update={"symbol": symbol}))
        except PortfolioError as exc:
            errors.append({"symbol": symbol, "reason": str(exc)})
    for symbol, one in accepted.items():
        store.classify(symbol, kind=one.kind, allocations=one.allocations, source=source, rationale=one.rationale)
    answered = {*accepted, *(error["symbol"] for error in errors)}
    errors += [
        {"symbol": symbol, "reason": "no classification was given"} for symbol in wanted if symbol not in answered
    ]
    return {
        "tagged": len(accepted),
        "updated": list(accepted),
        "errors": errors,
        "classifications": [one.to_dict(source) for one in accepted.values()],
    }


def _kind(said: InstrumentClassification) -> InstrumentKind:
    word = "_".join(said.instrument_type.lower().replace("-", " ").replace("_", " ").split())
    if word in _ALIASES:
        return _ALIASES[word]
    try:
        return InstrumentKind(word.removesuffix("s"))
    except ValueError as exc:
        raise PortfolioError(
            f"{said.symbol}: {said.instrument_type!r} is no kind of instrument (there are {', '.join(InstrumentKind)})"
        ) from exc


def _shares(said: Sequence[Any], symbol: str) -> dict[str, Decimal]:
    shares: dict[str, Decimal] = {}
    for part in said:
        category = "_".join(part.category.lower().replace("-", " ").replace("_", " ").split())
        if category in shares:
            raise PortfolioError(f"{symbol}: {category} is named twice")
        if not math.isfinite(part.percent):
            raise PortfolioError(f"{symbol}: {category} cannot be {part.percent} %")
        shares[category] = Decimal(str(part.percent))
    return shares


def _sum(shares: Mapping[str, Decimal]) -> Decimal:
    return sum(shares.values(), Decimal(0))

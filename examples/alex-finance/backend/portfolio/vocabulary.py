"""The words by which instruments are classified. ``cash`` and ``unclassified`` are no classes of an instrument: they
name what a breakdown holds besides."""

from enum import StrEnum

CASH = "cash"
UNCLASSIFIED = "unclassified"


class Dimension(StrEnum):
    """What a portfolio is broken down by."""

    ASSET_CLASS = "asset_class"
    REGION = "region"
    SECTOR = "sector"


class AssetClass(StrEnum):
    """What kind of risk is carried."""

    EQUITY = "equity"
    FIXED_INCOME = "fixed_income"
    REAL_ESTATE = "real_estate"
    COMMODITIES = "commodities"
    CASH = "cash"
    ALTERNATIVES = "alternatives"


class Region(StrEnum):
    """Where it is invested."""

    NORTH_AMERICA = "north_america"
    EUROPE = "europe"
    ASIA = "asia"
    LATIN_AMERICA = "latin_america"
    AFRICA = "africa"
    MIDDLE_EAST = "middle_east"
    OCEANIA = "oceania"
    GLOBAL = "global"
    INTERNATIONAL = "international"


class Sector(StrEnum):
    """What it is invested in."""

    TECHNOLOGY = "technology"
    HEALTHCARE = "healthcare"
    FINANCIALS = "financials"
    CONSUMER_DISCRETIONARY = "consumer_discretionary"
    CONSUMER_STAPLES = "consumer_staples"
    COMMUNICATION = "communication"
    INDUSTRIALS = "industrials"
    ENERGY = "energy"
    UTILITIES = "utilities"
    REAL_ESTATE = "real_estate"
    MATERIALS = "materials"
    TREASURY = "treasury"
    CORPORATE = "corporate"
    MORTGAGE = "mortgage"
    GOVERNMENT_RELATED = "government_related"
    COMMODITIES = "commodities"
    DIVERSIFIED = "diversified"
    OTHER = "other"


class InstrumentKind(StrEnum):
    """What is bought."""

    ETF = "etf"
    MUTUAL_FUND = "mutual_fund"
    STOCK = "stock"
    BOND = "bond"
    BOND_FUND = "bond_fund"
    COMMODITY = "commodity"
    REIT = "reit"


CATEGORIES: dict[Dimension, type[StrEnum]] = {
    Dimension.ASSET_CLASS: AssetClass,
    Dimension.REGION: Region,
    Dimension.SECTOR: Sector,
}


def words(category: str) -> str:
    """A category as people write it: ``north_america`` becomes ``North America``."""
    return category.replace("_", " ").title()

"""What the tagger's model answers: for each instrument its kind, three allocations and why."""

from pydantic import BaseModel, Field

from backend.portfolio.vocabulary import CATEGORIES, Dimension, InstrumentKind


def _one_of(dimension: Dimension) -> str:
    return f"One of {', '.join(CATEGORIES[dimension])}."


class AssetClassShare(BaseModel):
    """A part of an instrument."""

    category: str = Field(description=_one_of(Dimension.ASSET_CLASS))
    percent: float


class RegionShare(BaseModel):
    """A part of an instrument."""

    category: str = Field(description=_one_of(Dimension.REGION))
    percent: float


class SectorShare(BaseModel):
    """A part of an instrument."""

    category: str = Field(description=_one_of(Dimension.SECTOR))
    percent: float


class InstrumentClassification(BaseModel):
    """One instrument. Each list of shares adds up to 100."""

    symbol: str
    instrument_type: str = Field(description=f"One of {', '.join(InstrumentKind)}.")
    asset_classes: list[AssetClassShare]
    regions: list[RegionShare]
    sectors: list[SectorShare]
    rationale: str = Field(description="One or two sentences: what it holds, and how sure this is.")


class Classifications(BaseModel):
    """All instruments that were asked for."""

    classifications: list[InstrumentClassification]

"""The form of the charts: ``{key: {title, type, description, data: [{name, value, color}]}}``, four to six of them.

Values are dollars as numbers with two decimals, which charting libraries need; sums are checked in exact decimals.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from agent_framework.errors import OutputValidationError

SCHEMA_FILE = Path(__file__).with_name("charts.schema.json")
ChartKind = Literal["pie", "bar", "donut", "horizontalBar"]


class Slice(BaseModel):
    """One part of a chart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=80)
    value: float = Field(ge=0, allow_inf_nan=False, description="Dollars.")
    color: str = Field(pattern="^#[0-9A-Fa-f]{6}$")


class Chart(BaseModel):
    """One chart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, max_length=100)
    type: ChartKind
    description: str = Field(min_length=1, max_length=500)
    data: tuple[Slice, ...] = Field(min_length=1, max_length=24)


class Charts(RootModel[dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")], Chart]]):
    """The charts of one job, by key."""

    root: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")], Chart] = Field(min_length=4, max_length=6)


def checked_charts(payload: dict[str, Any], *, total: Decimal) -> dict[str, Any]:
    """The charts as JSON, if their form is right and each adds up to the portfolio's total.

    Raises:
        OutputValidationError: they do not; the message names every chart that is wrong.
    """
    try:
        charts = Charts.model_validate(payload).root
    except ValidationError as exc:
        wrong = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in exc.errors(include_url=False)]
        raise OutputValidationError(f"the charts do not fit their schema: {'; '.join(wrong)}") from exc
    sums = {key: sum((Decimal(str(part.value)) for part in chart.data), Decimal(0)) for key, chart in charts.items()}
    off = [f"{key} adds up to {amount}" for key, amount in sums.items() if amount != total]
    if off:
        raise OutputValidationError(f"the portfolio is worth {total}, but {'; '.join(off)}")
    return {key: chart.model_dump(mode="json") for key, chart in charts.items()}


def schema() -> str:
    """The JSON Schema of the payload, as ``charts.schema.json`` holds it."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Charts.model_json_schema()}
    return json.dumps(made, indent=2) + "\n"

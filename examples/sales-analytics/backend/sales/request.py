"""What a job of this project asks for, checked before any file is opened."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_framework.errors import ConfigError, Problem

FIELDS = ("order_id", "product", "quantity", "unit_price", "date", "customer", "country", "description")
REQUIRED_FIELDS = FIELDS[:5]

FieldName = Literal["order_id", "product", "quantity", "unit_price", "date", "customer", "country", "description"]


class SalesRequest(BaseModel):
    """The input of a job, as written in input.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    analysis_type: Literal["full", "quick"] = "full"
    """``full`` adds the forecast to what ``quick`` does."""
    csv: str = Field(min_length=1)
    """A path (relative ones start at the project's folder), or ``storage:<key>`` for a file kept in the storage."""
    columns: dict[FieldName, str] = Field(default_factory=dict)
    """Our field -> the file's column; what is missing here is guessed from common column names."""
    currency: str | None = None
    """A code such as ``GBP``; None shows amounts without a currency."""
    decimal: Literal["auto", ".", ","] = "auto"
    """The decimal mark of the file's numbers."""
    date_format: str | None = None
    """A strptime format, for dates that `values.parse_dates` would read wrongly."""
    forecast_weeks: int = Field(default=8, ge=1, le=26)
    """Weeks to forecast; months are used instead (a quarter as many, rounded up) where the data is monthly."""
    outlier_threshold: float = Field(default=6.0, ge=3.0, le=100.0)
    """Robust standard deviations, on a log scale, from which on a sale is an outlier (see `outliers`)."""
    non_product_codes: list[str] = Field(default_factory=list)
    """More product codes that are no products; ``*`` stands for any text."""
    product_codes: list[str] = Field(default_factory=list)
    """Codes that are products whatever the rules in `codes` say; ``*`` stands for any text."""
    return_prefix: str = "C"
    """An order number that starts with this and goes on with a digit is a return (see `cleaning`)."""


def parse_request(payload: Mapping[str, Any]) -> SalesRequest:
    """The validated input of a job.

    Raises:
        ConfigError: one problem per wrong or unknown entry, named by its path in the input.
    """
    try:
        return SalesRequest.model_validate(dict(payload))
    except ValidationError as exc:
        problems = [
            Problem(_wording(error), path=".".join(map(str, ("input", *error["loc"])))) for error in exc.errors()
        ]
        raise ConfigError(problems) from exc


def _wording(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return f"is not an entry this project knows; it knows {', '.join(SalesRequest.model_fields)}"
    if error["type"] == "missing":
        return "is missing; a job names at least its csv file"
    return f"{error['msg'][:1].lower()}{error['msg'][1:]} (got {error['input']!r})"

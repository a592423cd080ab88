"""Values on their way through the RDS Data API: parameters to typed fields, records to rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._rows import Row


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer."""

    name: str
    type: str

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> "Column":
        """From the answer's ``columnMetadata``."""
        return cls(metadata.get("label") or metadata["name"], metadata.get("typeName", ""))


def parameters(names: Sequence[str], params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Typed parameters; the statements cast where text is not what a column takes.

    Raises:
        ProviderError: a text is no Unicode, or an integer has more than 64 bits.
    """
    return [{"name": name, "value": _field(name, params[name])} for name in names]


def _field(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ProviderError(f"{name} cannot be stored: the integer has more than 64 bits")
        return {"longValue": value}
    text = str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ProviderError(f"{name} cannot be stored: {exc}") from exc
    return {"stringValue": text}


def records(answer: Mapping[str, Any]) -> list[Row]:
    """The rows of an answer with metadata; times are seconds since the epoch, JSON is text."""
    columns = [Column.of(metadata) for metadata in answer.get("columnMetadata", ())]
    return [
        {column.name: _value(column, field) for column, field in zip(columns, record, strict=True)}
        for record in answer.get("records", ())
    ]


def _value(column: Column, field: Mapping[str, Any]) -> Any:
    if field.get("isNull"):
        return None
    value = next(iter(field.values()))
    return _seconds(value) if column.type == "timestamptz" else value


def row_from_json(columns: Sequence[Column], row: Mapping[str, Any]) -> Row:
    """A row that was read as JSON, in the form that `records` gives."""
    return {column.name: _from_json(column, row[column.name]) for column in columns}


def _from_json(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type in ("json", "jsonb"):
        return to_json(value, what=column.name)
    return _seconds(value) if column.type == "timestamptz" else value


def _seconds(text: str) -> float:
    """A time as the Data API writes it: UTC, without saying so."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

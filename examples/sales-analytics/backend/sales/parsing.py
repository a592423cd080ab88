"""From rows of text to values by line: which column means what, numbers, dates, ids.

A row that cannot be used keeps its place and gets a reason; a column that cannot be read at all is an error.
"""

from decimal import Decimal
from typing import Any

import pandas as pd

from agent_framework.errors import ProjectError

from .columns import ColumnMap, map_columns
from .figures import counts
from .loading import RawTable
from .request import SalesRequest
from .values import EXACT, decimal_mark, one_line, parse_country, parse_customer, parse_dates, parse_number


class ParsedTable:
    """The rows with their values read; what could not be read is named in the ``reason`` of the row."""

    def __init__(self, table: RawTable, request: SalesRequest) -> None:
        """Read every value.

        Raises:
            ConfigError: the columns cannot be mapped.
            ProjectError: no date, no quantity or no price at all can be read.
        """
        self.table = table
        self.request = request
        self.columns: ColumnMap = map_columns(table.header, dict(request.columns), table.name)
        self.notes = list(table.notes)
        self.marks: dict[str, str] = {}
        self.lines = self._lines()
        self._refuse_unreadable_columns()

    def _texts(self, field: str) -> list[str]:
        position = self.columns.index.get(field)
        if position is None:
            return [""] * len(self.table.rows)
        return [row.values[position] if position < len(row.values) else "" for row in self.table.rows]

    def _numbers(self, field: str) -> list[Decimal | None]:
        texts = self._texts(field)
        distinct = set(texts)
        mark = decimal_mark(distinct) if self.request.decimal == "auto" else self.request.decimal
        self.marks[field] = mark
        if mark == ",":
            self.notes.append(f"{self.columns.names[field]!r}: the comma was read as the decimal mark.")
        values = {text: parse_number(text, mark) for text in distinct}
        return [values[text] for text in texts]

    def _lines(self) -> pd.DataFrame:
        dates, note = parse_dates(self._texts("date"), self.request.date_format)
        if note:
            self.notes.append(note)
        quantities, prices = self._numbers("quantity"), self._numbers("unit_price")
        amounts = [_product(quantity, price) for quantity, price in zip(quantities, prices, strict=True)]
        lines = pd.DataFrame(
            {
                "line": [row.line for row in self.table.rows],
                "order_id": [one_line(text) for text in self._texts("order_id")],
                "product": [one_line(text) for text in self._texts("product")],
                "description": [one_line(text) for text in self._texts("description")],
                "quantity": pd.Series(quantities, dtype=object),
                "unit_price": pd.Series(prices, dtype=object),
                "amount": pd.Series(amounts, dtype=object),
                "date": pd.Series([dates[text] for text in self._texts("date")], dtype="datetime64[s]"),
                "customer": [parse_customer(one_line(text)) for text in self._texts("customer")],
                "country": [parse_country(one_line(text)) for text in self._texts("country")],
            }
        )
        lines["reason"] = self._reasons(lines)
        return lines

    def _reasons(self, lines: pd.DataFrame) -> list[str]:
        expected = len(self.table.header)
        checks = (
            ([len(row.values) != expected for row in self.table.rows], "wrong number of fields"),
            (lines["date"].isna(), "unreadable date"),
            (lines["quantity"].isna(), "unreadable quantity"),
            (lines["unit_price"].isna(), "unreadable price"),
            (lines["order_id"] == "", "no order number"),
            (lines["product"] == "", "no product code"),
            ([quantity == 0 for quantity in lines["quantity"]], "quantity of zero"),
        )
        reasons = [""] * len(lines)
        for flags, reason in checks:
            reasons = [old or (reason if flag else "") for old, flag in zip(reasons, flags, strict=True)]
        return reasons

    def _refuse_unreadable_columns(self) -> None:
        for field, remedy in (
            ("date", 'give its form in the input, such as "date_format": "%d.%m.%Y"'),
            ("quantity", 'check the column, or give "decimal": ","'),
            ("unit_price", 'check the column, or give "decimal": ","'),
        ):
            if self.lines[field].isna().all():
                first = self.table.rows[0]
                shown = self._texts(field)[0][:40]
                raise ProjectError(
                    f"{self.table.name}: no value of column {self.columns.names[field]!r} can be read as "
                    f"{field.replace('_', ' ')} (line {first.line}: {shown!r}); {remedy}"
                )

    def summary(self) -> dict[str, Any]:
        """What was found in the file, as `validate_schema` reports it."""
        invalid = self.lines[self.lines["reason"] != ""]
        return {
            "file": self.table.name,
            "currency": self.request.currency,
            "encoding": self.table.encoding,
            "delimiter": self.table.delimiter,
            "lines": len(self.lines),
            "columns": [
                {"field": field, "column": column, "guessed": field in self.columns.guessed}
                for field, column in self.columns.names.items()
            ],
            "invalid_lines": len(invalid),
            "invalid_reasons": counts(invalid["reason"]),
            "invalid_examples": [
                {"line": int(row.line), "reason": row.reason} for row in invalid.head(5).itertuples(index=False)
            ],
            "notes": self.notes,
        }


def _product(quantity: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if quantity is None or price is None else EXACT.multiply(quantity, price)

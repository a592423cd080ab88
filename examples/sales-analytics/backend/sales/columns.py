"""Which column of the file holds which of our fields: as given in the job's input, otherwise guessed by name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_framework.errors import ConfigError, Problem

from .request import FIELDS, REQUIRED_FIELDS

GUESSES: Mapping[str, tuple[str, ...]] = {
    "order_id": ("orderid", "orderno", "ordernumber", "order", "invoiceno", "invoice", "invoiceid", "invoicenumber",
                 "transactionid", "transaction", "receipt", "receiptno", "orderref"),
    "product": ("product", "productid", "productcode", "stockcode", "sku", "item", "itemid", "itemcode", "articleno",
                "article", "productname"),
    "quantity": ("quantity", "qty", "units", "unitssold", "amountordered", "quantityordered", "pieces", "count"),
    "unit_price": ("unitprice", "price", "priceeach", "itemprice", "unitcost", "sellingprice", "netprice", "rate"),
    "date": ("date", "orderdate", "invoicedate", "transactiondate", "saledate", "salesdate", "datetime", "timestamp",
             "createdat", "orderedat"),
    "customer": ("customer", "customerid", "customerno", "customernumber", "client", "clientid", "buyer", "buyerid",
                 "userid", "customername"),
    "country": ("country", "countryname", "countrycode", "shipcountry", "shippingcountry", "market", "region"),
    "description": ("description", "productdescription", "itemdescription", "productname", "itemname", "item", "name",
                    "title"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """``index``: field -> position in a row; ``names``: field -> the file's column; ``guessed``: the guessed fields."""

    index: dict[str, int]
    names: dict[str, str]
    guessed: list[str]


def map_columns(header: Sequence[str], given: Mapping[str, str], name: str) -> ColumnMap:
    """Map our fields onto the header.

    A given column must be there (letter case and outer spaces don't matter). Guesses compare letters and digits only:
    ``Invoice No.`` reads as ``invoiceno``. A column serves one field.

    Raises:
        ConfigError: a given column is not in the file or twice in it, or a required field has no column.
    """
    problems: list[Problem] = []
    names: dict[str, str] = {}
    for field, column in given.items():
        matches = [found for found in header if found.casefold() == column.strip().casefold()]
        if len(matches) == 1:
            names[field] = matches[0]
        else:
            trouble = "no column" if not matches else f"{len(matches)} columns"
            problems.append(Problem(f"there is {trouble} {column!r}; {_found(header)}", f"input.columns.{field}", name))
    guessed: list[str] = []
    for field in FIELDS:
        column = None if field in given else _guess(field, header, set(names.values()))
        if column is not None:
            names[field] = column
            guessed.append(field)
    missing = [field for field in REQUIRED_FIELDS if field not in names and field not in given]
    if missing:
        problems.append(Problem(_missing(missing, header), "input.columns", name))
    if problems:
        raise ConfigError(problems)
    return ColumnMap({field: header.index(column) for field, column in names.items()}, names, guessed)


def _guess(field: str, header: Sequence[str], taken: set[str]) -> str | None:
    plain = {re.sub(r"[^a-z0-9]", "", column.casefold()): column for column in reversed(header) if column not in taken}
    return next((plain[guess] for guess in GUESSES[field] if guess in plain), None)


def _found(header: Sequence[str]) -> str:
    shown = ", ".join(repr(column[:60]) for column in header[:40])
    return f"the file's columns are {shown}{' ...' if len(header) > 40 else ''}"


def _missing(missing: Sequence[str], header: Sequence[str]) -> str:
    example = ", ".join(f'"{field}": "<column>"' for field in missing)
    return (
        f'no column was recognised for {", ".join(missing)}; {_found(header)}; name them with "columns": {{{example}}}'
    )

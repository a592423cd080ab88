"""Reading what is larger than an answer of the Data API: the rows as one JSON text, in parts that fit an answer each.

Each part is cut out of a text that the database makes anew, so the text must not change between them: its time is that
of the transaction, and the text's digest comes with every part.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._data_api_values import Column, records, row_from_json
from agent_framework.infrastructure.database._postgres_dialect import DIALECT
from agent_framework.infrastructure.database._rows import Row
from agent_framework.infrastructure.database._script import Params

PART_CHARACTERS = 15_000
"""Characters of one part: at four bytes each still below the limit of a row."""
PARTS = 10
"""Parts in one request."""
TRIES = 3
"""How often rows are read whose text is not the same in all parts."""


class Request(Protocol):
    """Executes a statement in a transaction in which nothing changes; answers as the Data API does, with metadata."""

    def __call__(self, sql: str, params: Params) -> Mapping[str, Any]: ...


def read_in_parts(request: Request, sql: str, params: Params, *, place: str) -> Sequence[Row]:
    """The rows of the reading statement ``sql``; ``place`` names the database in an error.

    Raises:
        ProviderError: the text was another one in each try.
    """
    sql = sql.replace(DIALECT.now, "transaction_timestamp()")
    described = request(f"SELECT * FROM ({sql}) AS whole LIMIT 0", params)
    columns = [Column.of(metadata) for metadata in described.get("columnMetadata", ())]
    for _ in range(TRIES):
        parts = _parts(request, sql, params)
        text = "".join(part["text"] for part in parts) or "[]"
        if not parts or {part["digest"] for part in parts} == {hashlib.sha256(text.encode()).hexdigest()}:
            return [row_from_json(columns, row) for row in loads(text)]
    raise ProviderError(f"{place}: an answer changed while it was read in parts", retryable=True)


def _parts(request: Request, sql: str, params: Params) -> list[Row]:
    parts_sql = f"""SELECT part, digest, substr(body, part * {PART_CHARACTERS} + 1, {PART_CHARACTERS}) AS text
        FROM (SELECT body, encode(sha256(convert_to(body, 'UTF8')), 'hex') AS digest
        FROM (SELECT CAST(json_agg(row_to_json(whole)) AS TEXT) AS body FROM ({sql}) AS whole) AS made) AS digested,
        generate_series(CAST(:first AS INTEGER), CAST(:last AS INTEGER)) AS part
        WHERE part * {PART_CHARACTERS} < length(body) ORDER BY part"""
    parts: list[Row] = []
    while len(parts) % PARTS == 0:
        window = {"first": len(parts), "last": len(parts) + PARTS - 1}
        found = records(request(parts_sql, {**params, **window}))
        if not found:
            break
        parts += found
    return parts

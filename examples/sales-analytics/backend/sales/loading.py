"""From the bytes of a CSV file to rows of text, each with its line number. Nothing is interpreted here.

Encoding: a UTF-16 byte-order mark decides; otherwise UTF-8 (with or without mark), then Windows-1252.
Delimiter: the one of comma, semicolon, tab and pipe that occurs most often in the header line.
"""

import codecs
import csv
import io
from dataclasses import dataclass

from agent_framework.errors import ProjectError

MAX_BYTES = 100_000_000
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass(frozen=True, slots=True)
class RawRow:
    """One record: the line it ends on (the header is line 1) and its fields as written."""

    line: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class RawTable:
    """The file as text. ``notes`` says what had to be assumed to read it."""

    name: str
    encoding: str
    delimiter: str
    header: list[str]
    rows: list[RawRow]
    notes: list[str]


def read_table(data: bytes, name: str) -> RawTable:
    """Read a CSV file.

    Raises:
        ProjectError: the file is empty, binary, too large, has no data, or cannot be split into fields.
    """
    if not data.strip():
        raise ProjectError(f"{name}: the file is empty; give a CSV file with a header line and one line per sale")
    if len(data) > MAX_BYTES:
        raise ProjectError(
            f"{name}: {len(data):,} bytes; this example reads up to {MAX_BYTES:,}: split the file by year"
        )
    text, encoding, notes = _decode(data, name)
    delimiter = _delimiter(text)
    header, rows = _split(text, delimiter, name)
    if not rows:
        raise ProjectError(f"{name}: there is a header line and nothing below it")
    return RawTable(name, encoding, DELIMITERS[delimiter], header, rows, notes)


def _decode(data: bytes, name: str) -> tuple[str, str, list[str]]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\x00" in data:
        raise ProjectError(f"{name}: this is a binary file, not CSV text; export the sheet or table as CSV (UTF-8)")
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        notes = [] if encoding != "cp1252" else ["The file is not UTF-8; it was read as Windows-1252."]
        return text, "utf-8" if encoding == "utf-8-sig" else encoding, notes
    tried = " or ".join(encodings)
    raise ProjectError(f"{name}: the text is neither {tried}; save the file as CSV in UTF-8")


def _delimiter(text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    return max(DELIMITERS, key=header.count)


def _split(text: str, delimiter: str, name: str) -> tuple[list[str], list[RawRow]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[RawRow] = []
    header: list[str] = []
    try:
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if header:
                rows.append(RawRow(reader.line_num, values))
            else:
                header = [value.strip() for value in values]
    except csv.Error as exc:
        raise ProjectError(
            f"{name}: line {reader.line_num} cannot be split into fields ({exc}); look for an unclosed quotation mark"
        ) from exc
    return header, rows

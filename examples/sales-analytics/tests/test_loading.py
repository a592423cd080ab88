"""Reading files: encodings, delimiters, columns, and what is refused with a message that helps."""

import pytest
from backend.sales.columns import map_columns
from backend.sales.loading import read_table
from backend.sales.request import parse_request
from support import clean, csv_of, parsed

from agent_framework.errors import ConfigError, ProjectError

ROW = "1,2024-05-01,P1,Lamp,2,3.50,7,France"


def test_utf8_with_and_without_mark_reads_the_same():
    plain = read_table(csv_of([ROW]), "a.csv")
    marked = read_table(b"\xef\xbb\xbf" + csv_of([ROW]), "a.csv")
    assert plain == marked
    assert plain.encoding == "utf-8"


def test_windows_1252_is_read_and_said():
    table = read_table(csv_of(["1,2024-05-01,P1,Café,2,3.50,7,France"]).decode().encode("cp1252"), "a.csv")
    assert table.rows[0].values[3] == "Café"
    assert any("Windows-1252" in note for note in table.notes)


def test_utf16_is_read_by_its_mark():
    assert read_table(csv_of([ROW]).decode().encode("utf-16"), "a.csv").encoding == "utf-16"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_found_by_the_header(delimiter: str):
    data = csv_of([ROW]).replace(b",", delimiter.encode())
    assert read_table(data, "a.csv").rows[0].values[2] == "P1"


def test_line_numbers_survive_blank_lines_and_quoted_breaks():
    data = csv_of(['1,2024-05-01,P1,"two\nlines",2,3.50,7,France', "", ROW])
    assert [row.line for row in read_table(data, "a.csv").rows] == [3, 5]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"  \n \n", "empty"),
        (b"PK\x03\x04\x00\x00\x00", "binary"),
        (b"\x81\x8d\x8f", "UTF-8"),
        (b"order_id,date\n", "nothing below"),
        (b'a,b\n1,"' + b"x" * 200_000, "line 2"),
    ],
)
def test_unusable_files_are_refused_by_name(data: bytes, words: str):
    with pytest.raises(ProjectError, match=words) as caught:
        read_table(data, "orders.csv")
    assert "orders.csv" in str(caught.value)


def test_common_column_names_are_guessed_and_reported_as_guesses():
    header = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    columns = map_columns(header, {"product": "stockcode"}, "a.csv")
    assert columns.names["order_id"] == "InvoiceNo"
    assert columns.names["product"] == "StockCode"
    assert "product" not in columns.guessed
    assert len(columns.guessed) == 7


def test_a_missing_column_names_the_columns_found_and_the_remedy():
    with pytest.raises(ConfigError) as caught:
        map_columns(["When", "What"], {"date": "Day"}, "orders.csv")
    message = str(caught.value)
    assert "orders.csv: input.columns.date: there is no column 'Day'" in message
    assert "'When', 'What'" in message
    assert '"columns": {"order_id": "<column>"' in message


def test_a_column_named_twice_in_the_file_is_refused():
    with pytest.raises(ConfigError, match="2 columns"):
        map_columns(["a", "a"], {"date": "a"}, "orders.csv")


def test_wrong_input_is_reported_all_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_request({"analysis_type": "deep", "colums": {}, "forecast_weeks": 0})
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"input.analysis_type", "input.csv", "input.colums", "input.forecast_weeks"}


def test_a_column_without_one_readable_date_names_line_and_remedy():
    with pytest.raises(ProjectError, match=r"'date'.*line 2: 'soon'.*date_format"):
        parsed(csv_of(["1,soon,P1,Lamp,2,3.50,7,France"]))


def test_rows_with_too_few_or_many_fields_are_counted_as_invalid():
    lines = clean(csv_of([ROW, "2,2024-05-02,P1", ROW + ",extra"]))
    assert lines["category"].tolist() == ["kept", "invalid", "invalid"]
    assert set(lines["reason"][1:]) == {"wrong number of fields"}

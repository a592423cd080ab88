"""The report: safe, self-contained, complete, and moving with its data."""

import re
from datetime import date
from html.parser import HTMLParser

from backend.sales.charts import draw_charts
from backend.sales.insights import cautions, findings, headline
from backend.sales.page import render_page
from backend.sales.report import write_markdown
from backend.sales.tracing import numbers_in, traceable
from support import csv_of, facts_of, weekly

EVIL = '\x01\u202e<script>alert("1")</script> | [x](javascript:y) $\\frac{1}{2}$ **b** &lt;'


def _report(data: bytes, **request):
    facts = facts_of(data, **request)
    markdown = write_markdown(facts, headline(facts), findings(facts), by_model=False)
    return facts, markdown, render_page(markdown, draw_charts(facts))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href") and not value.startswith("#"):
                self.links.append(value)


def _tags(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    return parser


def test_the_page_needs_nothing_from_anywhere():
    _, _, page = _report(csv_of(weekly(date(2023, 1, 2), [70.0 + week for week in range(40)])), currency="EUR")
    found = _tags(page)
    assert found.links == []
    assert "script" not in found.tags
    assert len(found.ids) == len(set(found.ids))
    assert found.tags.count("svg") >= 4
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_text_from_the_data_stays_text():
    quoted = '"' + EVIL.replace('"', '""') + '"'
    rows = [f"{n},2024-0{1 + n % 4}-0{1 + n % 9},P{n},{quoted},1,{n}.50,{quoted},{quoted}" for n in range(1, 30)]
    _, markdown, page = _report(csv_of(rows))
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "\\frac" in page
    assert markdown.count("| <script") == 0
    assert "<b>" not in page


def test_the_same_data_gives_the_same_bytes():
    data = csv_of(weekly(date(2023, 1, 2), [70.0 + week for week in range(40)]))
    assert _report(data) == _report(data)


def test_a_quick_analysis_says_that_it_has_no_forecast():
    facts = facts_of(csv_of(weekly(date(2023, 1, 2), [70.0] * 9)))
    quick = type(facts)(facts.schema, facts.cleaning, facts.trends, facts.segments, None)
    markdown = write_markdown(quick, headline(quick), findings(quick), by_model=False)
    assert "A quick analysis makes no forecast" in markdown
    assert "forecast" not in draw_charts(quick)


def test_a_report_without_a_model_says_so_and_one_with_a_model_too():
    facts = facts_of(csv_of(weekly(date(2023, 1, 2), [70.0] * 9)))
    assert "without a language model" in write_markdown(facts, "x", [], by_model=False)
    assert "written by a language model" in write_markdown(facts, "x", [], by_model=True)


def test_cautions_name_what_weakens_the_rest():
    rows = weekly(date(2023, 1, 2), [70.0 + week for week in range(40)])
    facts = facts_of(csv_of([*rows, "x1,2023-02-01,P1,Lamp,900000,9.50,7,France", "x2,soon,P1,Lamp,1,9.50,7,France"]))
    text = " ".join(cautions(facts))
    assert "1 outlier" in text
    assert "1 line could not be read" in text


def test_sentences_with_unknown_figures_are_found():
    results = {"sales": "1234.50", "orders": 12, "note": "since 2024-05"}
    said = ["Sales of £1,234.50 in 12 orders.", "Sales grew by 7 %.", "All of it since 2024-05.", "It went well."]
    assert traceable(said, results) == [said[0], said[2], said[3]]
    assert len(numbers_in("1,234.50 and 3")) == 2

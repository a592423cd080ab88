"""The report as Markdown: sentences, tables and links to charts, nothing that is not in the facts.

Sections: key figures, findings, cautions, sales over time, products, countries, customers, what rose and fell,
forecast, data and cleaning, how it was computed. A section without data says so or is left out.
"""

from collections.abc import Sequence
from typing import Any

from .figures import show_count, show_money, show_number, show_percent
from .insights import Facts, cautions, forecast_sentences
from .markdown import bullets, chart, escape, table
from .report_data import cleaning_section, code_section, outlier_section

BY_RULES = "The sentences of this report were composed by rules from the computed figures, without a language model."
BY_MODEL = (
    "The findings were written by a language model; the tables, charts, cautions and every figure come from the "
    "computation."
)


def write_markdown(facts: Facts, headline: str, insights: Sequence[str], *, by_model: bool, left_out: int = 0) -> str:
    """The whole report; charts are linked as ``charts/<name>.svg``."""
    parts = [
        f"# Sales report: {escape(facts.schema['file'])}",
        escape(headline),
        _key_figures(facts),
        bullets("Findings", insights),
        bullets("Read with care", cautions(facts)),
        _over_time(facts),
        _products(facts),
        _countries(facts),
        _customers(facts),
        _movers(facts),
        _forecast(facts),
        cleaning_section(facts),
        outlier_section(facts),
        code_section(facts),
        _method(facts, by_model, left_out),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _key_figures(facts: Facts) -> str:
    totals, currency = facts.trends["totals"], facts.currency
    rows = [
        ("Sales", show_money(totals["sales"], currency)),
        ("Returns", show_money(totals["returns"], currency)),
        ("Sales less returns", show_money(totals["net_sales"], currency)),
        ("Return rate", show_percent(totals["return_rate_percent"])),
        ("Orders", show_number(totals["orders"])),
        ("Average order", show_money(totals["average_order"], currency)),
        ("Units", show_number(totals["units"])),
        ("Products", show_number(facts.segments["products"]["count"])),
    ]
    return "## Key figures\n\n" + table(("Figure", "Value"), rows, 1)


def _over_time(facts: Facts) -> str:
    trends, currency = facts.trends, facts.currency
    rows = [
        (
            month["month"] + ("" if month["complete"] else " (incomplete)") + (" (no lines)" if month["gap"] else ""),
            show_number(month["lines"]),
            show_number(month["orders"]),
            show_money(month["sales"], currency),
        )
        for month in trends["months"]
    ]
    series, hidden = trends["series"], trends["months_left_out"]
    earlier = f"Not listed: {show_count(hidden, 'earlier month')}." if hidden else ""
    omitted = f"The chart leaves out {series['left_out']} earlier {series['unit']}s." if series["left_out"] else ""
    charts = [chart("series", f"Sales by {series['unit']}")] + (
        [chart("months", "Sales by month")] if series["unit"] == "week" else []
    )
    parts = [
        "## Sales over time",
        *charts,
        omitted,
        table(("Month", "Lines in the file", "Orders", "Sales"), rows, 3),
        earlier,
    ]
    days = [
        (day["weekday"], show_money(day["sales"], currency), show_percent(day["share_percent"]))
        for day in trends["weekdays"]
    ]
    parts += ["### By weekday", table(("Weekday", "Sales", "Share"), days, 2)]
    return "\n\n".join(part for part in parts if part)


def _top_table(entries: Sequence[dict[str, Any]], what: str, currency: str | None) -> str:
    named = any(entry["name"] != entry["key"] for entry in entries)
    rows = [
        (
            *((escape(entry["key"]),) if named else ()),
            escape(entry["name"]),
            show_number(entry["units"]),
            show_number(entry["orders"]),
            show_money(entry["sales"], currency),
            show_percent(entry["share_percent"]),
        )
        for entry in entries
    ]
    return table((*(("Code",) if named else ()), what, "Units", "Orders", "Sales", "Share"), rows, 4)


def _products(facts: Facts) -> str:
    products = facts.segments["products"]
    return "\n\n".join(
        [
            "## Products",
            chart("products", "Products with the highest sales"),
            _top_table(products["top"], "Product", facts.currency),
        ]
    )


def _countries(facts: Facts) -> str:
    countries = facts.segments["countries"]
    if not countries["count"]:
        return ""
    drawn = [chart("countries", "Sales by country")] if countries["count"] > 1 else []
    return "\n\n".join(["## Countries", *drawn, _top_table(countries["top"], "Country", facts.currency)])


def _customers(facts: Facts) -> str:
    customers, repeat = facts.segments["customers"], facts.segments["repeat_customers"]
    if not customers["count"]:
        return ""
    known = (
        f"{show_count(customers['count'], 'known customer')}; lines without a customer make "
        f"{show_percent(customers['missing_percent'])} of sales "
        f"({show_money(customers['missing_sales'], facts.currency)}). "
        f"More than one order: {show_count(repeat['repeat'], 'customer')}."
    )
    return "\n\n".join(["## Customers", known, _top_table(customers["top"], "Customer", facts.currency)])


def _movers(facts: Facts) -> str:
    segments, currency = facts.segments, facts.currency
    windows = segments["windows"]
    if not windows:
        return ""
    compared = f"Compared: {', '.join(windows['latest'])} with {', '.join(windows['before'])}."
    parts = ["## What rose and what fell", compared]
    for what, moves in (("Product", segments["product_movers"]), ("Country", segments["country_movers"])):
        rows = [
            (
                escape(move["name"]),
                show_money(move["before"], currency),
                show_money(move["latest"], currency),
                show_money(move["difference"], currency),
                show_percent(move["change_percent"], signed=True),
            )
            for move in (*moves["rose"], *reversed(moves["fell"]))
        ]
        if rows:
            drawn = [chart("movers", "Products that moved most")] if what == "Product" else []
            parts += [*drawn, table((what, "Before", "Latest", "Difference", "Change"), rows, 4)]
    return "\n\n".join(parts) if len(parts) > 2 else ""


def _forecast(facts: Facts) -> str:
    forecast, currency = facts.forecast, facts.currency
    if forecast is None:
        return "## Forecast\n\nA quick analysis makes no forecast; ask for a full one to get it."
    sentences = escape(" ".join(forecast_sentences(forecast)))
    if forecast["status"] != "ok":
        return f"## Forecast\n\n{sentences}"
    level = forecast["backtest"]["interval_level_percent"]
    points = [
        (point["start"], *(show_money(point[key], currency) for key in ("forecast", "low", "high")))
        for point in forecast["points"]
    ]
    scores = [
        (
            row["label"]
            + (" (baseline)" if row["name"] == forecast["baseline"] else "")
            + (", used" if row["name"] == forecast["method"] else ""),
            show_money(row["mae"], currency),
            show_percent(row["wape_percent"]),
        )
        for row in forecast["backtest"]["methods"]
    ]
    return "\n\n".join(
        [
            "## Forecast",
            sentences,
            chart("forecast", f"Sales and forecast by {forecast['unit']}"),
            table((f"{forecast['unit'].title()} from", "Forecast", f"{level} % from", f"{level} % to"), points, 3),
            "### How far off the methods were",
            _backtest_note(forecast),
            table(("Method", f"Mean error a {forecast['unit']}", "Error in % of sales"), scores, 2),
        ]
    )


def _backtest_note(forecast: dict[str, Any]) -> str:
    backtest = forecast["backtest"]
    note = (
        f"Each method forecast {backtest['horizon']} {forecast['unit']}s from each of {backtest['origins']} past "
        "starting points, seeing only what came before."
    )
    if backtest["interval_coverage_percent"] is not None:
        note += (
            f" Intervals meant to hold {backtest['interval_level_percent']} % of the values held "
            f"{show_percent(backtest['interval_coverage_percent'])} of those."
        )
    return note


def _method(facts: Facts, by_model: bool, left_out: int) -> str:
    trend = facts.trends["trend"]
    lines = [
        "Sales are product lines with a positive quantity and price, at full price; returns are shown beside them.",
        "Weeks start on Monday and are named by that day.",
        (
            "The first and last period count as incomplete where the data starts or ends inside them; they are in the "
            "totals and in no comparison."
        ),
    ]
    if trend["direction"] != "not enough data":
        lines.append(
            "The trend is the median of all pairwise slopes (Theil-Sen) with its "
            f"{trend['confidence_percent']} % interval; "
            "it is called rising or falling only where that interval leaves out zero."
        )
    if facts.cleaning["outliers"]["lines"]:
        lines.append(
            f"Outliers: {facts.cleaning['outlier_rule']['note']}, measured on the logarithm of a line's value."
        )
    if facts.forecast and facts.forecast["status"] == "ok":
        lines.append(
            "The forecast comes from the method with the smallest mean error in the back-test; "
            "a model has to beat the baseline."
        )
    lines.append(BY_MODEL if by_model else BY_RULES)
    if left_out:
        lines.append(
            "Left out because they named figures that are not in the results: "
            f"{show_count(left_out, 'sentence')} of the model."
        )
    return "## How this was computed\n\n" + "\n".join(f"- {line}" for line in lines)

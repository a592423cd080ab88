"""The parts of the page. Every text from a payload is escaped or goes through `markdown`."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from backend.charting.drawing import draw
from backend.charting.fan import draw_fan
from backend.portfolio.money import dollars
from backend.portfolio.valuation import Valuation

from .markdown import to_html
from .stored import StoredJob


def key_figures(valuation: Valuation, results: dict[str, Any]) -> str:
    """The figures that one looks for first."""
    figures = [
        ("Portfolio", dollars(valuation.total)),
        ("Cash", dollars(valuation.cash)),
        ("Accounts", str(len(valuation.accounts))),
        ("Holdings", str(len(valuation.holdings) + len(valuation.missing_prices))),
    ]
    found = results.get("retirement")
    if found:
        figures += [
            ("At retirement", f"${found['expected_value_at_retirement']:,}"),
            ("Goal reached", f"{found['success_rate']} %"),
        ]
    cards = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in figures)
    return f'<dl class="figures">{cards}</dl>'


def notice(valuation: Valuation, results: dict[str, Any]) -> str:
    """What is missing, and whether the positions are still those of the job."""
    said: list[str] = []
    if str(valuation.total) != results.get("planner", {}).get("total", str(valuation.total)):
        said.append("Positions or cash were changed after this job; its report, charts and projection are as of then.")
    if valuation.missing_prices:
        said.append(f"No price is known of {', '.join(valuation.missing_prices)}: counted as nothing.")
    if valuation.portfolio.unclassified:
        said.append(f"Not classified: {', '.join(valuation.portfolio.unclassified)}.")
    return f'<p class="notice">{escape(" ".join(said))}</p>' if said else ""


def charts(payload: dict[str, Any] | None) -> str:
    """All charts, drawn."""
    if not payload:
        return ""
    drawn = "".join(
        f"<figure><figcaption><strong>{escape(chart['title'])}</strong> {escape(chart['description'])}</figcaption>"
        f"{draw(chart)}</figure>"
        for chart in payload.values()
    )
    return f'<section id="charts"><h2>Charts</h2><div class="charts">{drawn}</div></section>'


def retirement(payload: dict[str, Any] | None) -> str:
    """The fan chart, the scenarios and the analysis."""
    if not payload:
        return ""
    years = payload["assumptions"]["years_in_retirement"]
    caption = (
        "<strong>Balance by year.</strong> The line is the middle run, the band holds eight runs of ten; "
        f"{payload['assumptions']['runs']:,} runs."
    )
    rows = (
        (
            name.title(),
            f"{found['mean_return_percent']} %",
            f"{found['inflation_percent']} %",
            f"${found['expected_value_at_retirement']:,}",
            f"{found['average_years_lasted']} of {years}",
            f"{found['success_rate']} %",
        )
        for name, found in payload["scenarios"].items()
    )
    heads = ("Scenario", "Return a year", "Inflation", "Expected at retirement", "Years paid", "Goal reached")
    return (
        f'<section id="retirement"><h2>Retirement</h2><figure><figcaption>{caption}</figcaption>'
        f"{draw_fan(payload['milestones'])}</figure>{table(heads, rows, numbers_from=1)}"
        f"{to_html(payload['analysis'], lower=1)}</section>"
    )


def report(payload: dict[str, Any] | None) -> str:
    """The report without its title, which is the page's."""
    if not payload:
        return ""
    text = payload["content"]
    if text.startswith("# "):
        text = text.partition("\n")[2]
    return f'<section id="report">{to_html(text)}</section>'


def plan(stored: StoredJob) -> str:
    """Which agents ran, why, and how long they took."""
    rows = (
        (
            run.agent,
            run.state + (f", {run.attempts} attempts" if run.attempts > 1 else ""),
            "" if run.seconds is None else f"{run.seconds:.2f} s",
            run.why + (f" ({run.note})" if run.note else ""),
        )
        for run in stored.runs
    )
    took = "" if stored.seconds is None else f" in {stored.seconds:.2f} seconds"
    said = f"<p>Job <code>{escape(stored.job.id)}</code>, {escape(str(stored.job.status))}{took}.</p>"
    heads = ("Agent", "Outcome", "Time", "Why it ran")
    return f'<section id="plan"><h2>Plan and timings</h2>{said}{table(heads, rows)}</section>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int | None = None) -> str:
    """A table of texts; columns from ``numbers_from`` on are aligned to the right."""

    def cell(kind: str, column: int, text: str) -> str:
        right = ' class="number"' if numbers_from is not None and column >= numbers_from else ""
        return f"<{kind}{right}>{escape(text)}</{kind}>"

    head = "".join(cell("th", column, text) for column, text in enumerate(heads))
    body = "".join(f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'

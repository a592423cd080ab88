"""The charts of the report as SVG text that can stand inside a page.

Drawn with matplotlib's object interface, without a display; its style settings are global, so one chart at a time.
Text stays text and is never read as a formula, ids carry the chart's name so that several charts fit one page, and the
same figures always give the same bytes.
"""

import io
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .figures import MINUS, SYMBOLS
from .insights import Facts

INK, MUTED, GRID, BLUE, PALE, ORANGE = "#1f2933", "#66788a", "#e4e9ee", "#1f5fa8", "#b9cfe6", "#c8621b"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sales-report",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
WIDTH, HEIGHT = 9.2, 3.5
FORECAST_HISTORY = 30
_LOCK = threading.Lock()


def draw_charts(facts: Facts) -> dict[str, str]:
    """Every chart the facts allow: name -> SVG."""
    currency = facts.currency
    trends, segments, forecast = facts.trends, facts.segments, facts.forecast
    charts = {
        "series": _draw("series", HEIGHT, lambda axes: _series(axes, trends, currency)),
        "months": _draw("months", HEIGHT, lambda axes: _months(axes, trends["months"], currency)),
        "products": _ranking("products", segments["products"]["top"], currency),
    }
    if segments["countries"]["count"] > 1:
        charts["countries"] = _ranking("countries", segments["countries"]["top"], currency)
    moves = [*segments["product_movers"]["rose"], *reversed(segments["product_movers"]["fell"])]
    if moves:
        charts["movers"] = _draw("movers", 0.9 + 0.34 * len(moves), lambda axes: _movers(axes, moves, currency))
    if forecast and forecast["status"] == "ok":
        charts["forecast"] = _draw("forecast", HEIGHT + 0.3, lambda axes: _forecast(axes, forecast, currency))
    return charts


def _draw(name: str, height: float, paint: Callable[[Axes], None]) -> str:
    with _LOCK, matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        paint(axes)
        buffer = io.StringIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # the reader's own fonts draw the text
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _embeddable(buffer.getvalue(), name)


def _embeddable(svg: str, name: str) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    return re.sub(r'(xlink:href|href)="#', rf'\1="#{name}-', body)


def _series(axes: Axes, trends: dict[str, Any], currency: str | None) -> None:
    unit, rows = trends["series"]["unit"], trends["series"]["rows"]
    gaps = set(trends["periods"]["gaps"])
    starts = [_day(name) for name, _, _ in rows]
    values = [float("nan") if name in gaps else float(sales) for name, sales, _ in rows]
    axes.plot(starts, values, color=BLUE, linewidth=1.8, marker="o", markersize=3, label=f"{unit}s")
    left_out = [(day, value) for day, value, (_, _, usable) in zip(starts, values, rows, strict=True) if not usable]
    if left_out:
        axes.plot(
            *zip(*left_out, strict=True), "o", color="white", markeredgecolor=ORANGE, markersize=6, label="incomplete"
        )
    _time_axis(axes)
    _money_axis(axes, currency)
    _legend(axes)


def _months(axes: Axes, months: Sequence[dict[str, Any]], currency: str | None) -> None:
    positions = range(len(months))
    colours = [BLUE if month["complete"] else PALE for month in months]
    axes.bar(positions, [float(month["sales"]) for month in months], color=colours, width=0.72)
    step = -(-len(months) // 18)
    labels = [_month_label(month["month"], with_year=not position) for position, month in enumerate(months)]
    axes.set_xticks(list(positions)[::step], labels[::step])
    axes.tick_params(axis="x", length=0)
    if not all(month["complete"] for month in months):
        axes.bar([0], [0], color=PALE, label="incomplete month")
        _legend(axes)
    _money_axis(axes, currency)


def _ranking(name: str, entries: Sequence[dict[str, Any]], currency: str | None) -> str:
    def paint(axes: Axes) -> None:
        positions = range(len(entries))
        bars = axes.barh(positions, [float(entry["sales"]) for entry in entries], color=BLUE, height=0.7)
        labels = [f" {entry['share_percent']} %" for entry in entries]
        axes.bar_label(bars, labels=labels, color=INK, padding=2)
        axes.set_yticks(positions, [_short(entry["name"]) for entry in entries])
        axes.invert_yaxis()
        axes.margins(x=0.1)
        _horizontal(axes, currency)

    return _draw(name, 0.9 + 0.31 * len(entries), paint)


def _movers(axes: Axes, moves: Sequence[dict[str, Any]], currency: str | None) -> None:
    positions = range(len(moves))
    differences = [float(move["difference"]) for move in moves]
    axes.barh(positions, differences, color=[BLUE if value > 0 else ORANGE for value in differences], height=0.7)
    axes.set_yticks(positions, [_short(move["name"]) for move in moves])
    axes.invert_yaxis()
    axes.axvline(0, color=MUTED, linewidth=1)
    _horizontal(axes, currency)


def _forecast(axes: Axes, forecast: dict[str, Any], currency: str | None) -> None:
    history = forecast["history"][-FORECAST_HISTORY:]
    past = [_day(name) for name, _, _ in history]
    values = [float(sales) if usable else float("nan") for _, sales, usable in history]
    ahead = [_day(point["start"]) for point in forecast["points"]]
    low, centre, high = ([float(point[key]) for point in forecast["points"]] for key in ("low", "forecast", "high"))
    level = forecast["backtest"]["interval_level_percent"]
    axes.fill_between(ahead, low, high, color=ORANGE, alpha=0.18, linewidth=0, label=f"{level} % interval")
    axes.plot(past, values, color=BLUE, linewidth=1.8, marker="o", markersize=3, label="sales")
    axes.plot(ahead, centre, color=ORANGE, linewidth=2, marker="o", markersize=3.5, label="forecast")
    _time_axis(axes)
    _money_axis(axes, currency)
    _legend(axes)


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderpad=0, fontsize=10)


def _time_axis(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=4, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _money_axis(axes: Axes, currency: str | None) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, currency)))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=GRID)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _horizontal(axes: Axes, currency: str | None) -> None:
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, currency)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color=GRID)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="both", length=0)


def _tick(value: float, currency: str | None) -> str:
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            shown = f"{abs(value) / size:g}{letter}"
            break
    else:
        shown = f"{abs(value):g}"
    return f"{MINUS if value < 0 else ''}{SYMBOLS.get(currency or '', '')}{shown}"


def _month_label(name: str, *, with_year: bool) -> str:
    first = _date(name)
    return f"{first:%b}\n{first:%Y}" if with_year or first.month == 1 else f"{first:%b}"


def _date(name: str) -> date:
    return date.fromisoformat(name if len(name) > 7 else f"{name}-01")


def _day(name: str) -> float:
    return float(date2num(_date(name)))


def _short(text: str) -> str:
    return text if len(text) <= 36 else f"{text[:35].rstrip()}…"

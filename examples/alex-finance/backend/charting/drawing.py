"""Charts as SVG: text, paths and rectangles, no script and nothing loaded. Amounts are written beside the parts."""

import math
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

WIDTH = 640
INK, SOFT, LINE = "#1f2933", "#52606d", "#e1e7ed"
_FONT = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"'


def draw(chart: Mapping[str, Any]) -> str:
    """One chart of the payload as an SVG element."""
    body, height = _DRAWERS[chart["type"]](chart["data"])
    label = f"{chart['title']}: " + ", ".join(f"{part['name']} {_amount(part['value'])}" for part in chart["data"])
    return svg(label, height, body)


def svg(label: str, height: float, body: str) -> str:
    """An SVG element around drawn shapes, with what it shows in words."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}" {_FONT}>\n{body}\n</svg>'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", color: str = INK, size: int = 13) -> str:
    """A line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}">{escape(words)}</text>'
    )


def _pie(data: list[dict[str, Any]]) -> tuple[str, float]:
    return _round(data, inner=0)


def _donut(data: list[dict[str, Any]]) -> tuple[str, float]:
    return _round(data, inner=62)


def _round(data: list[dict[str, Any]], *, inner: float) -> tuple[str, float]:
    """A pie or a ring with its legend at the right."""
    height = max(240.0, 26.0 * len(data) + 40)
    total = math.fsum(part["value"] for part in data)
    x, y, radius = 130.0, height / 2, 110.0
    shapes = [_ring(x, y, inner, radius, *arc, part["color"]) for part, arc in _arcs(data, total)]
    if inner:
        shapes.append(text(x, y + 6, _short(total), anchor="middle", size=20))
    top = y - 26 * len(data) / 2 + 18
    return "\n".join([*shapes, *_legend(data, total, top)]), height


def _arcs(data: list[dict[str, Any]], total: float) -> Iterator[tuple[dict[str, Any], tuple[float, float]]]:
    angle = -math.pi / 2
    for part in data:
        following = angle + 2 * math.pi * part["value"] / total
        yield part, (angle, following)
        angle = following


def _ring(x: float, y: float, inner: float, outer: float, start: float, end: float, color: str) -> str:
    """A segment; one that goes all around ends a hair before its start, where an arc would vanish."""
    end = min(end, start + 2 * math.pi - 0.0001)
    large = 1 if end - start > math.pi else 0

    def point(radius: float, angle: float) -> str:
        return f"{x + radius * math.cos(angle):.2f} {y + radius * math.sin(angle):.2f}"

    back = f"L {point(inner, end)} A {inner} {inner} 0 {large} 0 {point(inner, start)}" if inner else f"L {x} {y}"
    path = f"M {point(outer, start)} A {outer} {outer} 0 {large} 1 {point(outer, end)} {back} Z"
    return f'<path d="{path}" fill="{color}" stroke="#fff" stroke-width="1.5"/>'


def _legend(data: list[dict[str, Any]], total: float, top: float) -> Iterator[str]:
    for index, part in enumerate(data):
        y = top + 26 * index
        yield f'<rect x="290" y="{y - 11:.1f}" width="13" height="13" rx="3" fill="{part["color"]}"/>'
        yield text(311, y, _fit(part["name"], 22))
        yield text(545, y, _amount(part["value"]), anchor="end", color=SOFT)
        yield text(WIDTH - 20, y, f"{100 * part['value'] / total:.1f} %", anchor="end", color=SOFT)


def _horizontal(data: list[dict[str, Any]]) -> tuple[str, float]:
    """Bars to the right, with names before and amounts after them."""
    left, room = 170.0, WIDTH - 170.0 - 110
    longest = max(part["value"] for part in data)
    shapes: list[str] = []
    for index, part in enumerate(data):
        y, length = 12 + 28 * index, room * part["value"] / longest
        shapes += [
            text(left - 12, y + 15, _fit(part["name"], 22), anchor="end"),
            _bar(left, y, max(length, 1), 20, part["color"]),
            text(left + max(length, 1) + 8, y + 15, _amount(part["value"]), color=SOFT),
        ]
    return "\n".join(shapes), 24 + 28 * len(data)


def _vertical(data: list[dict[str, Any]]) -> tuple[str, float]:
    """Columns with amounts above and names below them, names on two lines where they have two words."""
    base, room = 230.0, 190.0
    tallest = max(part["value"] for part in data)
    step = (WIDTH - 20) / len(data)
    shapes = [f'<line x1="10" x2="{WIDTH - 10}" y1="{base}" y2="{base}" stroke="{LINE}"/>']
    for index, part in enumerate(data):
        middle, height = 10 + step * (index + 0.5), max(room * part["value"] / tallest, 1)
        width = min(step * 0.62, 80)
        shapes += [
            _bar(middle - width / 2, base - height, width, height, part["color"]),
            text(middle, base - height - 7, _short(part["value"]), anchor="middle", color=SOFT, size=12),
        ]
        for line, word in enumerate(_lines(part["name"])):
            shapes.append(text(middle, base + 18 + 15 * line, word, anchor="middle", size=12))
    return "\n".join(shapes), base + 44


def _bar(x: float, y: float, width: float, height: float, color: str) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {size} rx="3" fill="{color}"/>'


def _lines(name: str) -> list[str]:
    first, _, second = name.partition(" ")
    return [_fit(first, 13), _fit(second, 13)] if second else [_fit(first, 13)]


def _fit(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}\u2026"


def _amount(value: float) -> str:
    return f"${value:,.2f}"


def _short(value: float) -> str:
    """``$1.2M``, ``$99.4k`` or ``$512``."""
    if value >= 1e6:
        return f"${value / 1e6:,.2f}M"
    return f"${value / 1e3:,.1f}k" if value >= 1e3 else f"${value:,.0f}"


_DRAWERS: Mapping[str, Callable[[list[dict[str, Any]]], tuple[str, float]]] = {
    "pie": _pie,
    "donut": _donut,
    "bar": _vertical,
    "horizontalBar": _horizontal,
}

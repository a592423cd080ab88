"""The fan chart of a projection: the middle run, and the band that holds eight runs of ten, year by year."""

from collections.abc import Sequence
from typing import Any

from .drawing import INK, LINE, SOFT, WIDTH, svg, text

LEFT, RIGHT, TOP, BOTTOM = 62.0, 20.0, 16.0, 40.0
HEIGHT = 320.0
BLUE = "#1F5FA8"


def draw_fan(milestones: Sequence[dict[str, Any]]) -> str:
    """An SVG element. The axis ends a little above the band's highest point."""
    years = milestones[-1]["year"] or 1
    step = _step(max(row["percentile_90"] for row in milestones) or 1)
    top = step * -(-max(row["percentile_90"] for row in milestones) // step) or step

    def x(year: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * year / years

    def y(amount: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * amount / top

    def path(field: str, rows: Sequence[dict[str, Any]]) -> str:
        return " ".join(f"{x(row['year']):.1f},{y(row[field]):.1f}" for row in rows)

    band = f"{path('percentile_90', milestones)} {path('percentile_10', milestones[::-1])}"
    shapes = [
        *_grid(step, top, y),
        f'<polygon points="{band}" fill="{BLUE}" fill-opacity="0.16"/>',
        f'<polyline points="{path("median", milestones)}" fill="none" stroke="{BLUE}" stroke-width="2.5"/>',
        *_retirement(milestones, x),
        *(text(x(year), HEIGHT - 20, str(year), anchor="middle", color=SOFT, size=12) for year in _ticks(years)),
        text((LEFT + WIDTH) / 2, HEIGHT - 3, "Years from today", anchor="middle", color=SOFT, size=12),
    ]
    last = milestones[-1]
    label = f"Balance by year; after {years} years the middle run has ${last['median']:,.0f}"
    return svg(label, HEIGHT, "\n".join(shapes))


def _grid(step: float, top: float, y: Any) -> list[str]:
    shapes: list[str] = []
    amount = 0.0
    while amount <= top:
        line = y(amount)
        shapes.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{line:.1f}" y2="{line:.1f}" stroke="{LINE}"/>')
        shapes.append(text(LEFT - 8, line + 4, _axis(amount), anchor="end", color=SOFT, size=12))
        amount += step
    return shapes


def _retirement(milestones: Sequence[dict[str, Any]], x: Any) -> list[str]:
    begins = next((row["year"] for row in milestones if row["phase"] == "retirement"), None)
    if not begins:
        return []
    line = x(begins)
    ends = f'x1="{line:.1f}" x2="{line:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
    dashed = f'<line {ends} stroke="{INK}" stroke-dasharray="4 4" stroke-opacity="0.5"/>'
    return [dashed, text(line + 6, TOP + 12, "Retirement", size=12)]


def _ticks(years: int) -> range:
    return range(0, years + 1, 5 if years > 12 else 1)


def _step(highest: float) -> float:
    """1, 2 or 5 times a power of ten, so that four to eight lines are drawn."""
    size = 1.0
    while True:
        for factor in (1, 2, 5):
            if highest <= 6 * factor * size:
                return factor * size
        size *= 10


def _axis(amount: float) -> str:
    if amount >= 1e6:
        return f"${amount / 1e6:g}M"
    return f"${amount / 1e3:g}k" if amount >= 1e3 else f"${amount:g}"

"""The report as one HTML page: the Markdown rendered, the charts inline, styles inside, nothing loaded from anywhere.

Raw HTML in the Markdown is never passed through. A link to ``charts/<name>.svg`` becomes the drawn chart. Each part
under a second-level heading becomes a section that the style sheet can address.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from .figures import MINUS

WORD_JOINER = "\u2060"
STYLES = Path(__file__).with_name("page.css")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{styles}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def render_page(markdown: str, charts: Mapping[str, str]) -> str:
    """One self-contained page."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _figure)
    parser.add_render_rule("table_open", _scroll_open)
    parser.add_render_rule("table_close", _scroll_close)
    unbroken = markdown.replace(MINUS, MINUS + WORD_JOINER)
    body = _sections(parser.render(unbroken, {"charts": charts}))
    title = re.sub(r"\\(.)", r"\1", markdown.partition("\n")[0].lstrip("# "))
    return _PAGE.format(title=escape(title), styles=STYLES.read_text("utf-8"), body=body)


def _figure(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]) -> str:
    token = tokens[index]
    name = str(token.attrGet("src") or "").removeprefix("charts/").removesuffix(".svg")
    title = escape(token.content)
    svg = env["charts"].get(name)
    if svg is None:
        return f"<em>{title}</em>"
    drawn = svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return f'<span class="figure"><span class="caption">{title}</span>{drawn}</span>'


def _scroll_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="table"><table>'


def _scroll_close(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>"


def _sections(html: str) -> str:
    head, *parts = re.split(r"(?=<h2>)", html)
    sections = [f'<section class="{_slug(part)}">\n{part}</section>' for part in parts]
    return "\n".join([f"<header>\n{head}</header>", *sections])


def _slug(part: str) -> str:
    title = part.removeprefix("<h2>").partition("</h2>")[0]
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-")

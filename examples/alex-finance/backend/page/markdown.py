"""Markdown as HTML. What is HTML in it stays text, and links and pictures are not followed."""

import re

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])


def to_html(markdown: str, *, lower: int = 0) -> str:
    """The text as HTML, its headings ``lower`` levels down; tables can be scrolled on a small screen."""
    html = _PARSER.render(markdown)
    html = re.sub(r"<(/?)h([1-6])>", lambda match: f"<{match[1]}h{min(int(match[2]) + lower, 6)}>", html)
    return html.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")

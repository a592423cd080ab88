"""The few forms of Markdown the report uses: escaped text, bullets, tables, links to charts."""

import re
from collections.abc import Sequence


def escape(text: str) -> str:
    """Text from the data as it is: one line, without meaning in Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|&#~!])", r"\\\1", " ".join(text.split()))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: int) -> str:
    """A Markdown table whose last ``right`` columns are figures; cells have to be escaped already."""
    marks = ["---"] * (len(headers) - right) + ["--:"] * right
    return "\n".join(f"| {' | '.join(row)} |" for row in (headers, marks, *rows))


def bullets(title: str, sentences: Sequence[str]) -> str:
    """A section of escaped sentences; nothing where there are none."""
    if not sentences:
        return ""
    return f"## {title}\n\n" + "\n".join(f"- {escape(sentence)}" for sentence in sentences)


def chart(name: str, title: str) -> str:
    """A link that `page` replaces by the drawing."""
    return f"![{title}](charts/{name}.svg)"

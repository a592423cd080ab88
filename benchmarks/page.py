"""The generated sections of docs/performance.md: each command writes its own between two marks."""

import re
from pathlib import Path

from benchmarks.rounds import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"


def write(name: str, text: str, page: Path = PAGE) -> None:
    """Replace the section ``name``.

    Raises:
        LookupError: the page has no marks for it.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    whole = page.read_text("utf-8")
    if not pattern.search(whole):
        raise LookupError(f"{page.name} has no section between {begin} and {end}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", whole), "utf-8")

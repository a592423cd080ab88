"""The page: all parts in one file with its style inside. A content policy keeps everything else out."""

from html import escape
from pathlib import Path

from backend.portfolio.valuation import Valuation

from . import sections
from .stored import StoredJob

STYLES = Path(__file__).with_name("page.css")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Portfolio of {name}</title>
<style>
{styles}</style>
</head>
<body>
<main>
<header><h1>Portfolio of {name}</h1><p>{summary}</p></header>
{body}
</main>
</body>
</html>
"""


def render_page(stored: StoredJob, valuation: Valuation) -> str:
    """One self-contained page of a job; parts whose agents did not run are left out."""
    results = stored.job.agent_results
    failed = stored.job.error_message
    parts = [
        f'<p class="notice">The job failed: {escape(failed)}</p>' if failed else "",
        sections.key_figures(valuation, results),
        sections.notice(valuation, results),
        sections.report(results.get("reporter")),
        sections.charts(results.get("charter")),
        sections.retirement(results.get("retirement")),
        sections.plan(stored),
    ]
    return _PAGE.format(
        name=escape(valuation.portfolio.user.name),
        summary=escape(results.get("planner", {}).get("summary", "")),
        styles=STYLES.read_text("utf-8"),
        body="\n".join(part for part in parts if part),
    )

"""The insight_reporter agent: the last of every job. It has no tools; everything it needs are earlier results."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, agent
from backend.context import SalesContext
from backend.sales.charts import draw_charts
from backend.sales.insights import Facts, cautions, findings, headline
from backend.sales.page import render_page
from backend.sales.report import write_markdown
from backend.sales.tracing import traceable

from .templates import INSIGHT_REPORTER_INSTRUCTIONS

BULKY = {"trends": ("series",), "forecast": ("history",)}


class Findings(BaseModel):
    """What the model answers."""

    headline: str
    findings: list[str]


def facts_of(results: Mapping[str, dict[str, Any]]) -> Facts:
    """The earlier agents' figures; a quick analysis has no forecast."""
    cleaned, analysed = results["data_cleaner"], results["trend_analyzer"]
    forecast = results.get("forecast_agent")
    return Facts(
        schema=cleaned["schema"],
        cleaning=cleaned["cleaning"],
        trends=analysed["trends"],
        segments=analysed["segments"],
        forecast=forecast["forecast"] if forecast else None,
    )


@agent("insight_reporter")
class InsightReporter(BaseAgent):
    """Generates the executive summary and the report around it."""

    instructions = INSIGHT_REPORTER_INSTRUCTIONS
    output_type = Findings

    async def context(self, job: Job) -> SalesContext:
        """The job and its earlier results."""
        return SalesContext.of(await super().context(job))

    async def task(self, job: Job) -> str:
        """All results as JSON, without the long series that only charts need."""
        return json.dumps(_brief(facts_of(job.agent_results)), ensure_ascii=False)

    def offline_answer(self, turn: OfflineTurn) -> Findings:
        """Headline and findings by rule from the results in the task."""
        facts = Facts(**json.loads(turn.task))
        return Findings(headline=headline(facts), findings=findings(facts))

    async def finish(self, output: dict[str, Any], context: SalesContext) -> dict[str, Any]:
        """Write the report into the storage: Markdown with its charts beside it, and one HTML page."""
        facts = facts_of(context.results)
        by_rule = output == {"headline": headline(facts), "findings": findings(facts)}
        title = traceable([output["headline"]], asdict(facts)) or [headline(facts)]
        kept = traceable(output["findings"], asdict(facts))
        left_out = len(output["findings"]) - len(kept)
        markdown = write_markdown(facts, title[0], kept, by_model=not by_rule, left_out=left_out)
        charts = await asyncio.to_thread(draw_charts, facts)
        return {
            "headline": title[0],
            "findings": kept,
            "cautions": cautions(facts),
            "written_by": "rules" if by_rule else "model",
            "sentences_left_out": left_out,
            "files": await _store(context, markdown, charts),
        }


def _brief(facts: Facts) -> dict[str, Any]:
    """The facts without the long series that only charts need."""
    results = asdict(facts)
    for part, bulky in BULKY.items():
        results[part] = {key: value for key, value in (results[part] or {}).items() if key not in bulky} or None
    return results


async def _store(context: SalesContext, markdown: str, charts: dict[str, str]) -> dict[str, Any]:
    """Put all files; the page comes last, so that a page is never there without the rest."""
    drawings: list[str] = []
    for name, svg in charts.items():
        stored = await context.put(f"charts/{name}.svg", svg, "image/svg+xml")
        drawings.append(stored.key)
    written = await context.put("report.md", markdown, "text/markdown; charset=utf-8")
    page = await context.put("report.html", render_page(markdown, charts), "text/html; charset=utf-8")
    return {"markdown": written.key, "html": page.key, "html_url": page.url, "charts": drawings}

"""The trend_analyzer agent."""

import asyncio
from typing import Any

from agents import RunContextWrapper
from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, agent, tool
from backend.context import SalesContext, checked_output
from backend.sales import segments, trends
from backend.sales.insights import segment_sentences, trend_sentences

from .templates import TREND_ANALYZER_INSTRUCTIONS, TREND_ANALYZER_TASK


class TrendReport(BaseModel):
    """What the model answers."""

    summary: list[str]


def trend_figures(context: SalesContext) -> dict[str, Any]:
    """Totals and development."""
    return context.compute("trends", lambda: trends.calculate(context.cleaned_lines, context.request.currency))


def segment_figures(context: SalesContext) -> dict[str, Any]:
    """Products, countries, customers."""
    return context.compute("segments", lambda: segments.analyse(context.cleaned_lines))


@tool
def calculate_trends(wrapper: RunContextWrapper[SalesContext]) -> dict[str, Any]:
    """Totals, sales by month and week, the long-term trend with its interval, returns, weekdays, coverage."""
    return trend_figures(wrapper.context)


@tool
def segment_analysis(wrapper: RunContextWrapper[SalesContext]) -> dict[str, Any]:
    """Best products, countries and customers with their shares, concentration, and what rose and fell lately."""
    return segment_figures(wrapper.context)


@agent("trend_analyzer")
class TrendAnalyzer(BaseAgent):
    """Finds trends in cleaned sales data."""

    instructions = TREND_ANALYZER_INSTRUCTIONS
    tools = [calculate_trends, segment_analysis]
    output_type = TrendReport

    async def context(self, job: Job) -> SalesContext:
        """The job with its cleaned lines loaded."""
        context = SalesContext.of(await super().context(job))
        await context.load_lines()
        return context

    async def task(self, job: Job) -> str:
        """What to describe; the figures come from the tools."""
        return TREND_ANALYZER_TASK

    def offline_answer(self, turn: OfflineTurn) -> TrendReport:
        """Sentences by rule from the tools' results."""
        found, parts = turn.tool_results["calculate_trends"], turn.tool_results["segment_analysis"]
        return TrendReport(summary=[*trend_sentences(found), *segment_sentences(parts, found["currency"])])

    async def finish(self, output: dict[str, Any], context: SalesContext) -> dict[str, Any]:
        """Add the figures, whichever tools the model called."""
        figures = {
            "trends": await asyncio.to_thread(trend_figures, context),
            "segments": await asyncio.to_thread(segment_figures, context),
        }
        return checked_output(output["summary"], figures, {})

"""The forecast_agent agent."""

import asyncio
from typing import Any

from agents import RunContextWrapper
from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, agent, tool
from backend.context import SalesContext, checked_output
from backend.sales.forecasting import forecast
from backend.sales.insights import forecast_sentences

from .templates import FORECAST_AGENT_INSTRUCTIONS, FORECAST_AGENT_TASK


class ForecastReport(BaseModel):
    """What the model answers."""

    summary: list[str]


def forecast_figures(context: SalesContext) -> dict[str, Any]:
    """The forecast, its intervals and its back-test."""
    request = context.request
    return context.compute(
        "forecast", lambda: forecast(context.cleaned_lines, request.forecast_weeks, request.currency)
    )


@tool
async def time_series_forecast(wrapper: RunContextWrapper[SalesContext]) -> dict[str, Any]:
    """The coming periods with intervals, the method used, and the errors of all methods in a back-test."""
    return await asyncio.to_thread(forecast_figures, wrapper.context)


@agent("forecast_agent")
class ForecastAgent(BaseAgent):
    """Forecasts future sales."""

    instructions = FORECAST_AGENT_INSTRUCTIONS
    tools = [time_series_forecast]
    output_type = ForecastReport

    async def context(self, job: Job) -> SalesContext:
        """The job with its cleaned lines loaded."""
        context = SalesContext.of(await super().context(job))
        await context.load_lines()
        return context

    async def task(self, job: Job) -> str:
        """What to explain; the figures come from the tool."""
        return FORECAST_AGENT_TASK

    def offline_answer(self, turn: OfflineTurn) -> ForecastReport:
        """Sentences by rule from the tool's result."""
        return ForecastReport(summary=forecast_sentences(turn.tool_results["time_series_forecast"]))

    async def finish(self, output: dict[str, Any], context: SalesContext) -> dict[str, Any]:
        """Add the figures, whether or not the model called the tool."""
        figures = {"forecast": await asyncio.to_thread(forecast_figures, context)}
        return checked_output(output["summary"], figures, {})

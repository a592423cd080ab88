"""The reporter: a report in Markdown, published only if it passes the judge."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from agents import RunContextWrapper
from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, SkipAgent, agent, tool
from backend.context import AlexContext, signed
from backend.reporting.compose import compose
from backend.reporting.facts import facts_of
from backend.reporting.finished import finished_report
from backend.reporting.knowledge import find


class Report(BaseModel):
    """What the model answers."""

    markdown: str


@dataclass
class ReportContext:
    """The facts, and the notes that were found."""

    facts: dict[str, Any]
    offline: bool
    knowledge: dict[str, Any] = field(default_factory=lambda: {"status": "not searched", "reason": None, "notes": []})


@tool
async def get_market_insights(wrapper: RunContextWrapper[ReportContext], question: str) -> dict[str, Any]:
    """Search the notes on investing: what a holding, asset class, sector or risk means for a portfolio."""
    found = await asyncio.to_thread(find, question, offline=wrapper.context.offline)
    wrapper.context.knowledge = found
    return found


def largest_parts(turn: OfflineTurn) -> dict[str, str]:
    """What an offline run searches for: the largest parts of the portfolio."""
    facts = json.loads(turn.task)
    parts = [part["category"] for kind in ("asset_class", "sector") for part in facts[kind][:3]]
    return {"question": " ".join(parts).replace("_", " ")}


@agent("reporter")
class Reporter(BaseAgent):
    """Writes the portfolio report."""

    tools = [get_market_insights]
    output_type = Report
    offline_arguments = {"get_market_insights": largest_parts}

    async def context(self, job: Job) -> ReportContext:
        """The facts of the portfolio, if there is one."""
        valuation = (await AlexContext.of(self, job)).valuation
        if not valuation.portfolio.positions:
            raise SkipAgent("there are no positions to report on")
        self._context = ReportContext(facts_of(valuation), self.is_offline)
        return self._context

    async def task(self, job: Job) -> str:
        """The facts."""
        return json.dumps(self._context.facts, ensure_ascii=False)

    def offline_answer(self, turn: OfflineTurn) -> Report:
        """The report by rules."""
        return Report(markdown=compose(json.loads(turn.task), turn.tool_results["get_market_insights"]))

    async def finish(self, output: dict[str, Any], context: ReportContext) -> dict[str, Any]:
        """The report that passed."""
        made = finished_report(output["markdown"], context.facts, context.knowledge)
        searched = {key: context.knowledge.get(key) for key in ("status", "source", "reason")}
        return signed(self, {**made, "knowledge": searched})

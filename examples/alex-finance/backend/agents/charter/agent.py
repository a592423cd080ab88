"""The charter: five charts computed from the portfolio; a model gives them titles and descriptions, never figures."""

import json
from typing import Any

from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, SkipAgent, agent
from backend.charting.model import checked_charts
from backend.charting.portfolio_charts import flagged, portfolio_charts
from backend.charting.wording import worded
from backend.context import AlexContext


class Wording(BaseModel):
    """One chart's words."""

    key: str
    title: str
    description: str


class Wordings(BaseModel):
    """What the model answers."""

    charts: list[Wording]


@agent("charter")
class Charter(BaseAgent):
    """Draws the portfolio."""

    output_type = Wordings

    async def context(self, job: Job) -> AlexContext:
        """The portfolio with its charts, if it is worth something."""
        context = await AlexContext.of(self, job)
        if not context.valuation.total:
            raise SkipAgent("the portfolio is worth nothing that could be drawn")
        self._charts = portfolio_charts(context.valuation)
        return context

    async def task(self, job: Job) -> str:
        """The charts as they are."""
        return json.dumps(self._charts, ensure_ascii=False)

    def offline_answer(self, turn: OfflineTurn) -> dict[str, Any]:
        """The words that the charts have already."""
        return {"charts": [{"key": key, **chart} for key, chart in json.loads(turn.task).items()]}

    async def finish(self, output: dict[str, Any], context: AlexContext) -> dict[str, Any]:
        """The charts with the words that can be used."""
        charts = flagged(worded(self._charts, output["charts"]), context.valuation)
        return checked_charts(charts, total=context.valuation.total)

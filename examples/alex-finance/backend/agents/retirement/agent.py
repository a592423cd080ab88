"""The retirement agent: simulates the owner's goal; a model explains the result, never computes it."""

import asyncio
import json
from typing import Any

from pydantic import BaseModel

from agent_framework import BaseAgent, Job, OfflineTurn, SkipAgent, agent
from backend.context import AlexContext, signed
from backend.projection.narrative import analysis, explained
from backend.projection.outlook import outlook, question_of


class Analysis(BaseModel):
    """What the model answers."""

    analysis: str


@agent("retirement")
class Retirement(BaseAgent):
    """Simulates how long the money may last."""

    output_type = Analysis

    async def context(self, job: Job) -> dict[str, Any]:
        """The projection of the portfolio in the database, if its owner has goals."""
        valuation = (await AlexContext.of(self, job)).valuation
        question = question_of(valuation)
        if question is None:
            raise SkipAgent("the years until retirement or the target income are not known")
        self._found = await asyncio.to_thread(outlook, valuation, question)
        return self._found

    async def task(self, job: Job) -> str:
        """The results; of the milestones every fifth year."""
        return json.dumps({**self._found, "milestones": self._found["milestones"][::5]})

    def offline_answer(self, turn: OfflineTurn) -> Analysis:
        """Sentences by rule."""
        return Analysis(analysis=analysis(json.loads(turn.task)))

    async def finish(self, output: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """The explanation that can be used, and every figure."""
        return signed(self, {**explained(output["analysis"], context), **context})

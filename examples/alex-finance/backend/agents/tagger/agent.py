"""The tagger: classifies what is held and not classified, once for each symbol."""

import asyncio
import json
from typing import Any

from agent_framework import BaseAgent, Job, OfflineTurn, SkipAgent, agent
from agent_framework.errors import OutputValidationError
from backend.context import AlexContext
from backend.tagging.acceptance import store_classifications
from backend.tagging.classification import Classifications
from backend.tagging.scripted import scripted


@agent("tagger")
class Tagger(BaseAgent):
    """Classifies financial instruments."""

    output_type = Classifications

    async def context(self, job: Job) -> AlexContext:
        """The portfolio, if something in it is not classified."""
        self._context = await AlexContext.of(self, job)
        if not self._context.valuation.portfolio.unclassified:
            raise SkipAgent("every instrument is classified")
        return self._context

    async def task(self, job: Job) -> str:
        """The instruments, each once."""
        portfolio = self._context.valuation.portfolio
        known = [portfolio.instruments[symbol] for symbol in portfolio.unclassified]
        return json.dumps([{"symbol": one.symbol, "name": one.name, "type": str(one.kind)} for one in known])

    def offline_answer(self, turn: OfflineTurn) -> dict[str, Any]:
        """Classifications that were written by hand."""
        return scripted([one["symbol"] for one in json.loads(turn.task)])

    async def finish(self, output: dict[str, Any], context: AlexContext) -> dict[str, Any]:
        """Store what can be used.

        Raises:
            OutputValidationError: nothing can.
        """
        said = Classifications.model_validate(output).classifications
        wanted = context.valuation.portfolio.unclassified
        source = "offline" if context.offline else "model"
        found = await asyncio.to_thread(store_classifications, context.store, wanted, said, source=source)
        if not found["tagged"]:
            reasons = "; ".join(f"{error['symbol']}: {error['reason']}" for error in found["errors"])
            raise OutputValidationError(f"nothing was classified: {reasons}")
        return found

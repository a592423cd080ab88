"""The planner: publishes facts before anything else; with ``strategy: agent`` a model then asks for the workers."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from agent_framework import BaseAgent, Job, OfflineTurn, agent
from backend.data.settings import open_store
from backend.preparation import facts_of_portfolio
from backend.prices.refresh import OFFLINE, client_from_environment, kept, refresh


@agent("planner")
class Planner(BaseAgent):
    """Coordinates the analysis of a portfolio."""

    async def prepare(self, job: Job) -> dict[str, Any]:
        """Prices refreshed, and what the portfolio needs."""
        offline = self.is_offline
        client = None if offline else client_from_environment()

        def prices(store: Any, symbols: Any) -> dict[str, Any]:
            return kept(symbols, OFFLINE) if offline else refresh(store, symbols, client)

        return await asyncio.to_thread(facts_of_portfolio, open_store(), job.user_id, prices)

    async def task(self, job: Job) -> str:
        """The facts."""
        return json.dumps(job.agent_results["planner"], ensure_ascii=False)

    def offline_answer(self, turn: OfflineTurn) -> str:
        """The summary of the facts."""
        return json.loads(turn.task)["summary"]

    async def take_turn(self, job_id: str) -> Any:
        """A turn; its answer becomes the summary, beside the facts."""
        reply = await super().take_turn(job_id)
        facts = (await self.load(job_id)).agent_results["planner"]
        return reply if reply.calls else replace(reply, output={**facts, "summary": str(reply.output)})

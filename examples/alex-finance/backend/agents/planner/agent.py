"""The planner: publishes facts before anything else; with ``strategy: agent`` a model then asks for the workers."""

import asyncio
import json
from typing import Any

from agent_framework import AgentContext, BaseAgent, Job, OfflineTurn, agent
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

    async def finish(self, output: dict[str, Any], context: AgentContext) -> dict[str, Any]:
        """A model's last words are the summary, beside the facts."""
        return {**context.results["planner"], "summary": output["result"]}

"""What every agent of this project gets to work with: the job's user and what that user owns.

Only the job's id travels through the queue. Whose portfolio it is says the job, everything else says the database.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from agent_framework import BaseAgent, Job
from backend.data.settings import open_store
from backend.data.store import Store
from backend.portfolio.valuation import Valuation, value


@dataclass(frozen=True)
class AlexContext:
    """One agent's view of one job."""

    job: Job
    store: Store
    valuation: Valuation
    offline: bool

    @classmethod
    async def of(cls, agent: BaseAgent, job: Job) -> "AlexContext":
        """Read the portfolio of the job's user.

        Raises:
            ProjectError: there is no such user.
        """
        store = open_store()
        return cls(job, store, await asyncio.to_thread(valuation_of, job, store), agent.is_offline)


def valuation_of(job: Job, store: Store) -> Valuation:
    """The portfolio at the prices that the job's planner saw, so that all agents of a job have the same total.

    Another job may refresh prices meanwhile; an agent that is tried alone has no planner, and takes the newest.

    Raises:
        ProjectError: there is no such user.
    """
    prices = job.agent_results.get("planner", {}).get("prices_used", {})
    return value(store.portfolio(job.user_id).at_prices({symbol: Decimal(text) for symbol, text in prices.items()}))


def signed(agent: BaseAgent, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload with who made it, and when."""
    return {**payload, "generated_at": datetime.now(UTC).isoformat(timespec="seconds"), "agent": agent.agent_name}

"""What model calls cost: counted per attempt, and held against the job's budget before each call.

A budget lives in one document per job. A call reserves its upper estimate by compare-and-set before it is made and
settles to what it used; a crash leaves the reservation standing, so it is charged.
"""

import asyncio
import uuid
from collections.abc import Callable

from agent_framework.errors import BudgetExceededError, ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import NO_USAGE, JSONDict, Usage, value

NAMESPACE = "budget"
_MAX_CONFLICTS = 200

PriceOf = Callable[[str, int, int], float | None]
"""(model, input tokens, output tokens) -> US dollars, None where the price is unknown."""


@value
class Limits:
    """The job's budget; None is no limit."""

    usd: float | None = None
    tokens: int | None = None

    def __bool__(self) -> bool:
        return self.usd is not None or self.tokens is not None


class AttemptMeter:
    """Counts the calls of one attempt; with limits, refuses a call that could pass them."""

    def __init__(self, db: DatabaseProvider, job_id: str, limits: Limits, price_of: PriceOf) -> None:
        self._db = db
        self._job_id = job_id
        self._limits = limits
        self._price_of = price_of
        self.usage = NO_USAGE

    async def reserve(self, *, model: str, input_tokens: int, max_output_tokens: int) -> str:
        """Hold the call's upper estimate against the budget.

        Raises:
            BudgetExceededError: it could pass; nothing was held.
        """
        receipt = uuid.uuid4().hex
        if not self._limits:
            return receipt
        tokens = input_tokens + max_output_tokens
        usd = self._price_of(model, input_tokens, max_output_tokens)
        if self._limits.usd is not None and usd is None:
            raise BudgetExceededError(
                f"the price of {model} is unknown, so a budget in usd cannot hold it; add it under llm.prices"
            )

        def hold(body: JSONDict) -> JSONDict:
            self._refuse_if_over(body, tokens, usd or 0.0, model)
            return {**body, "held": {**body["held"], receipt: {"tokens": tokens, "usd": usd or 0.0}}}

        await self._update(hold)
        return receipt

    async def settle(self, receipt: str, usage: Usage) -> None:
        """Replace the reservation by what the call used."""
        self.usage += usage
        if not self._limits:
            return

        def spend(body: JSONDict) -> JSONDict:
            held = {key: value for key, value in body["held"].items() if key != receipt}
            tokens = body["tokens"] + usage.input_tokens + usage.output_tokens
            return {"tokens": tokens, "usd": body["usd"] + (usage.cost_usd or 0.0), "held": held}

        await self._update(spend)

    def _refuse_if_over(self, body: JSONDict, tokens: int, usd: float, model: str) -> None:
        committed_tokens = body["tokens"] + sum(held["tokens"] for held in body["held"].values())
        committed_usd = body["usd"] + sum(held["usd"] for held in body["held"].values())
        if self._limits.tokens is not None and committed_tokens + tokens > self._limits.tokens:
            raise BudgetExceededError(
                f"the job's budget of {self._limits.tokens:,} tokens does not allow another call of {model}: "
                f"{committed_tokens:,} are spent or reserved, the call may take {tokens:,}"
            )
        if self._limits.usd is not None and committed_usd + usd > self._limits.usd:
            raise BudgetExceededError(
                f"the job's budget of ${self._limits.usd:g} does not allow another call of {model}: "
                f"${committed_usd:.4f} are spent or reserved, the call may cost ${usd:.4f}"
            )

    async def _update(self, change: Callable[[JSONDict], JSONDict]) -> None:
        for attempt in range(_MAX_CONFLICTS):
            document = await self._db.get_document(NAMESPACE, self._job_id)
            body: JSONDict = document.body if document else {"tokens": 0, "usd": 0.0, "held": {}}
            version = document.version if document else 0
            if await self._db.put_document(NAMESPACE, self._job_id, change(body), expected_version=version):
                return
            await asyncio.sleep(min(0.001 * attempt, 0.05))
        raise ProviderError(
            f"the budget of job {self._job_id} could not be updated: too many writers at once", retryable=True
        )

"""Running agents by name outside the engine's records: for single agents, tests, and the seed's explicit plans."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from agent_framework.core.cursor import Mode
from agent_framework.core.execution import AgentRunner, failure
from agent_framework.core.outputs import to_output
from agent_framework.core.pinned import PinnedPlan
from agent_framework.core.work import Work
from agent_framework.errors import AgentError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.observability.redaction import redact
from agent_framework.types import AttemptKey, JSONDict, Usage


class Steps(ABC):
    """Invokes agents by name; their outputs are stored, nothing else is recorded."""

    @abstractmethod
    async def invoke(self, job_id: str, agent: str) -> JSONDict:
        """Run one agent on a job, wait for it, and store its output.

        Raises:
            AgentError: it failed; the message is the agent's own.
        """

    async def run_parallel(self, job_id: str, agents: Sequence[str]) -> dict[str, Any]:
        """Run agents at once; a failed one answers ``{"error": ...}``."""
        answers = await asyncio.gather(*(self._answer(job_id, agent) for agent in agents))
        return dict(zip(agents, answers, strict=True))

    async def run_sequential(self, job_id: str, agents: Sequence[str]) -> dict[str, Any]:
        """Run agents one after another, up to the first that fails."""
        results: dict[str, Any] = {}
        for agent in agents:
            results[agent] = await self._answer(job_id, agent)
            if failed(results[agent]):
                break
        return results

    async def _answer(self, job_id: str, agent: str) -> JSONDict:
        try:
            return await self.invoke(job_id, agent)
        except AgentError as exc:
            return {"error": redact(str(exc))}


class FunctionSteps(Steps):
    """Agents that are deployed: each is invoked as its Lambda function, on a job that the function reads itself."""

    def __init__(self, function_of: Callable[[str], str], plan: PinnedPlan, *, region: str | None = None) -> None:
        self._function_of = function_of
        self._plan = plan
        self._region = region

    async def invoke(self, job_id: str, agent: str) -> JSONDict:
        from agent_framework.infrastructure.compute.aws_lambda import LambdaInvoker

        invoker = LambdaInvoker(timeout_s=self._plan.policy(agent).timeout_s, region=self._region)
        try:
            return await invoker.invoke(self._function_of(agent), {"job_id": job_id})
        finally:
            await invoker.close()


class StepRunner(Steps):
    """Agents whose code runs in this process."""

    def __init__(self, db: DatabaseProvider, runner: AgentRunner, plan: PinnedPlan) -> None:
        self._db = db
        self._runner = runner
        self._plan = plan

    async def invoke(self, job_id: str, agent: str) -> JSONDict:
        output, _, _ = await self.invoke_measured(job_id, agent)
        return output

    async def invoke_measured(self, job_id: str, agent: str) -> tuple[JSONDict, Usage, int]:
        """The same, with usage and milliseconds."""
        key = AttemptKey(job_id, 1, 0, agent, 1)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._plan.policy(agent).timeout_s):
                done, usage = await self._runner.run(Work(key, agent, Mode.RULE, self._plan))
            output = to_output(done.value, agent=agent, structured=done.structured)
        except AgentError:
            raise
        except Exception as exc:
            raise AgentError(f"agent {agent} failed: {failure(exc, Usage()).error}") from exc
        elapsed_ms = round((time.monotonic() - begun) * 1000)
        await self._db.store_agent_output(job_id, agent, output, execution_time_ms=elapsed_ms)
        return output, usage, elapsed_ms


def failed(result: JSONDict) -> bool:
    """Whether a step's result is the error of an agent that failed, and not an output with a field of that name."""
    return result.keys() == {"error"} and isinstance(result["error"], str)

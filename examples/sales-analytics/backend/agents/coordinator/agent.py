"""The coordinator: under rules it checks the job's input before any worker starts."""

from typing import Any

from agent_framework import BaseAgent, Job, agent
from backend.sales.request import parse_request

from .templates import COORDINATOR_INSTRUCTIONS


@agent("coordinator")
class Coordinator(BaseAgent):
    """Coordinates sales data analysis."""

    instructions = COORDINATOR_INSTRUCTIONS

    async def prepare(self, job: Job) -> dict[str, Any]:
        """What the job asks for, defaults filled in.

        Raises:
            ConfigError: an entry of the input is wrong, missing or unknown; all of them are named.
        """
        return parse_request(job.request_payload).model_dump(mode="json")

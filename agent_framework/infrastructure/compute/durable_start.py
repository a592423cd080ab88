"""Starting durable executions by name: one for each job and run, however often it is asked for.

Lambda gives an execution name to one execution only: the same name with the same payload answers with the execution
there is. An execution that ended while its job has not (AWS stopped it, or its operations were used up) is followed by
another part of the same run; the database knows how far the job is.
"""

import hashlib
import json
import re
from typing import Any

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._aws import AwsService, error_code
from agent_framework.types import JSONDict

ALREADY_STARTED = "DurableExecutionAlreadyStartedException"
"""Lambda's answer to a name that is taken by an execution with another payload."""

MAX_NAME = 64
MAX_PARTS = 100
_OPEN = frozenset({"RUNNING", "PAUSING", "PAUSED"})
_NAME = re.compile(r"[a-zA-Z0-9_-]+")


def execution_name(job_id: str, run: int, part: int = 1) -> str:
    """``<job_id>-<run>``, further parts ``<job_id>-<run>-<part>``; a job id that does not fit gives way to its hash."""
    suffix = f"-{run}" if part == 1 else f"-{run}-{part}"
    if _NAME.fullmatch(job_id) and len(job_id) + len(suffix) <= MAX_NAME:
        return job_id + suffix
    digest = hashlib.sha256(job_id.encode()).hexdigest()[:16]
    readable = re.sub(r"[^a-zA-Z0-9_-]", "_", job_id)[: MAX_NAME - len(suffix) - len(digest) - 1]
    return f"{readable}-{digest}{suffix}"


def start_event(job_id: str, run: int, part: int = 1) -> JSONDict:
    """What the durable function is started with; equal for equal names, or Lambda would refuse it."""
    return {"job_id": job_id, "run": run, "part": part}


class DurableExecutions:
    """The executions of one durable function. ``function_arn`` names a version or an alias: Lambda asks for one."""

    def __init__(self, function_arn: str, *, client: Any = None, region: str | None = None) -> None:
        self._function = function_arn
        self._lambda = AwsService("lambda", label="durable engine", client=client, region=region, threads=4)

    async def start(self, job_id: str, run: int) -> str:
        """See to it that an execution carries the run on, and return its name.

        Raises:
            ProviderError: Lambda refused, or the run has had `MAX_PARTS` executions.
        """
        for part in range(1, MAX_PARTS + 1):
            name = await self.start_part(job_id, run, part)
            if await self._is_open(name):
                return name
        raise ProviderError(
            f"durable engine: run {run} of job {job_id} has had {MAX_PARTS} executions and is not over; look at "
            f"{execution_name(job_id, run)} in Lambda's list of durable executions, then cancel or retry the job"
        )

    async def start_part(self, job_id: str, run: int, part: int) -> str:
        """Start one part of a run unless it was started before, and return its name.

        Raises:
            ProviderError: Lambda refused.
        """
        name = execution_name(job_id, run, part)
        payload = json.dumps(start_event(job_id, run, part), sort_keys=True).encode()
        try:
            await self._lambda.call(
                "invoke",
                FunctionName=self._function,
                InvocationType="Event",
                DurableExecutionName=name,
                Payload=payload,
            )
        except ProviderError as exc:
            if error_code(exc.__cause__) != ALREADY_STARTED:
                raise
        return name

    async def _is_open(self, name: str) -> bool:
        """Whether the execution is at work. One that is not listed yet has just been started."""
        listed = await self._lambda.call(
            "list_durable_executions_by_function", FunctionName=self._function, DurableExecutionName=name
        )
        statuses = {
            execution["Status"]
            for execution in listed.get("DurableExecutions", ())
            if execution["DurableExecutionName"] == name
        }
        return not statuses or bool(statuses & _OPEN)

    async def close(self) -> None:
        """Let go of the client."""
        await self._lambda.close()

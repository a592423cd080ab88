"""A worker's function: performs attempts for the engine, or runs its agent for whoever may invoke it.

It swallows no error. What a caller did wrong is told in the answer; everything else ends the invocation, so that SQS
brings the message back and Lambda sends a lost attempt to the jobs queue.
"""

import asyncio
from dataclasses import replace
from http import HTTPStatus

from agent_framework.core.lambda_answers import RefusedRequestError, each_record, job_answer, refusal_of, store_job
from agent_framework.core.lambda_events import AgentCall, EngineMessage, Records, Request, envelope, read_event
from agent_framework.core.lambda_http import HttpRequest, http_answer
from agent_framework.core.lambda_process import Invocation, perform
from agent_framework.core.messages import LostAttempt, read_message
from agent_framework.core.pinned import ONE_AGENT
from agent_framework.core.runtime import Project
from agent_framework.errors import AgentError, ConfigError, JobNotFoundError
from agent_framework.infrastructure.queue.base import Delivery
from agent_framework.types import Job, JobStatus, JSONDict


class WorkerRole:
    """Runs one agent: for the engine, or directly for whoever may invoke the function."""

    def __init__(self, agent: str, project: Project) -> None:
        self._agent = agent
        self._project = project

    async def answer(self, request: Request, invocation: Invocation) -> JSONDict:
        """An engine's message is performed; anything else runs this agent on a job, and its result is the answer."""
        match request:
            case EngineMessage(body):
                return await self._perform(body, invocation)
            case Records(deliveries):
                return await each_record(deliveries, lambda delivery: self._record(delivery, invocation))
            case HttpRequest():
                return http_answer(await self._http(request, invocation))
            case AgentCall():
                return await self._call(request, invocation)
            case _:
                raise ConfigError(f"agent {self._agent} is a worker; {type(request).__name__} is for the orchestrator")

    async def _perform(self, body: JSONDict, invocation: Invocation) -> JSONDict:
        wanted = read_message(body)
        if isinstance(wanted, str | LostAttempt):
            raise ConfigError(
                f"agent {self._agent} is a worker and performs attempts; this message is for the orchestrator"
            )
        return await perform(self._project, self._agent, wanted, invocation)

    async def _record(self, delivery: Delivery, invocation: Invocation) -> None:
        """One record; a message that comes again is the job of its first time."""
        request = read_event(self._project.queue.read(delivery).body)
        if isinstance(request, AgentCall):
            request = replace(request, client_key=f"sqs:{delivery.id}")
        elif not isinstance(request, EngineMessage):
            raise ConfigError(f"a message for agent {self._agent} asks for work, it is no {type(request).__name__}")
        answer = await self.answer(request, invocation)
        if not answer["ok"]:
            raise AgentError(str(answer["error"]))

    async def _http(self, request: HttpRequest, invocation: Invocation) -> JSONDict:
        refusal = refusal_of(self._agent, request, methods=("POST",))
        if refusal is not None:
            return refusal
        call = AgentCall(request.body, user_id=request.user_id, client_key=request.client_key)
        return await self._call(call, invocation)

    async def _call(self, call: AgentCall, invocation: Invocation) -> JSONDict:
        if call.agent not in (None, self._agent):
            words = f"this is the function of agent {self._agent}, not of {call.agent}"
            return envelope(self._agent, status=HTTPStatus.BAD_REQUEST, error=words)
        if call.job_id is None:
            return await self._new_job(call, invocation)
        return await self._on_job(call.job_id, invocation)

    async def _on_job(self, job_id: str, invocation: Invocation) -> JSONDict:
        """Run the agent on a job that is there, beside its plan; a gate or an end of the job is not gone round."""
        try:
            job = await self._project.jobs.get(job_id)
            refusal = self._refuses(job)
            if refusal is not None:
                return envelope(self._agent, status=HTTPStatus.CONFLICT, job_id=job_id, error=refusal)
            async with asyncio.timeout(invocation.time_left_s()):
                result = await self._project.steps.invoke(job_id, self._agent)
        except JobNotFoundError as exc:
            return envelope(self._agent, status=HTTPStatus.NOT_FOUND, job_id=job_id, error=exc)
        except AgentError as exc:
            return envelope(self._agent, status=HTTPStatus.INTERNAL_SERVER_ERROR, job_id=job_id, error=exc)
        except TimeoutError:
            words = "the agent ran longer than its function may (runtime.timeout)"
            return envelope(self._agent, status=HTTPStatus.GATEWAY_TIMEOUT, job_id=job_id, error=words)
        return envelope(self._agent, job_id=job_id, result=result)

    def _refuses(self, job: Job) -> str | None:
        """Why this agent may not be started on the job by a direct call."""
        config = self._project.registry.get_config(self._agent)
        if job.cancel_requested or job.status in (JobStatus.CANCELLED, JobStatus.FAILED, JobStatus.NEEDS_REVIEW):
            return f"job {job.id} is {'being cancelled' if job.cancel_requested else job.status}"
        if config is not None and config.needs_approval:
            return f"agent {self._agent} needs approval, so only the job's own plan starts it; submit a job"
        return None

    async def _new_job(self, call: AgentCall, invocation: Invocation) -> JSONDict:
        """A job of this agent alone, run here; one that does not end in time is carried on by the orchestrator."""
        project = self._project
        try:
            job_id = await store_job(project, call, job_type=f"{ONE_AGENT}{self._agent}")
        except RefusedRequestError as exc:
            return envelope(self._agent, status=exc.status, error=exc.error)
        try:
            async with asyncio.timeout(invocation.time_left_s()):
                job = await project.orchestrator.drive(job_id)
        except TimeoutError:
            await project.dispatcher.job_ended(job_id)
            return envelope(self._agent, status=HTTPStatus.ACCEPTED, job_id=job_id, metadata={"status": "running"})
        if job.status is JobStatus.WAITING_FOR_APPROVAL:
            return envelope(
                self._agent, status=HTTPStatus.ACCEPTED, job_id=job_id, metadata={"status": job.status.value}
            )
        return await job_answer(project, self._agent, job, result=job.agent_results.get(self._agent))

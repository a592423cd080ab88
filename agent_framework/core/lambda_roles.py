"""What the two kinds of functions do with a request: a worker performs attempts, the orchestrator moves jobs on.

Neither swallows an error. What a caller did wrong is told in the answer; everything else ends the invocation, so that
SQS brings the message back and Lambda sends a lost attempt to the jobs queue.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol

from agent_framework.core.approval_page import HEADERS, approval_page
from agent_framework.core.decide import REDISPATCH_S
from agent_framework.core.engine import Advanced, Engine
from agent_framework.core.failure_report import SESSION_ID
from agent_framework.core.lambda_events import (
    AgentCall,
    EngineMessage,
    Migrate,
    Records,
    Request,
    Sweep,
    batch_answer,
    envelope,
    read_event,
)
from agent_framework.core.lambda_http import HttpRequest, http_answer
from agent_framework.core.lambda_process import Invocation, performer_of
from agent_framework.core.message_handler import MessageHandler
from agent_framework.core.messages import LostAttempt, advance_message, perform_message, read_message
from agent_framework.core.migration import migrate
from agent_framework.core.pinned import ONE_AGENT
from agent_framework.core.runtime import Project
from agent_framework.errors import AgentError, ConfigError, JobNotFoundError, QueueBatchError
from agent_framework.infrastructure.compute.aws_lambda import LambdaDispatcher
from agent_framework.infrastructure.compute.queue import QueueDispatcher
from agent_framework.infrastructure.queue.base import Delivery
from agent_framework.types import Job, JobStatus, JSONDict

logger = logging.getLogger("agent_framework.function")


class Role(Protocol):
    """One kind of function, for the life of its process."""

    async def answer(self, request: Request, invocation: Invocation) -> JSONDict:
        """Do what the request asks for, and the answer for whoever asked."""
        ...


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
                return await _each(deliveries, lambda delivery: self._record(delivery, invocation))
            case HttpRequest():
                return http_answer(await self._http(request, invocation))
            case AgentCall():
                return await self._call(request, invocation)
            case _:
                raise ConfigError(f"agent {self._agent} is a worker; {type(request).__name__} is for the orchestrator")

    async def _perform(self, body: JSONDict, invocation: Invocation) -> JSONDict:
        wanted = read_message(body)
        if isinstance(wanted, str | LostAttempt):
            raise ConfigError(f"agent {self._agent} is a worker and performs attempts; {body} is for the orchestrator")
        performer = performer_of(self._project, invocation)
        outcome = await performer.perform(wanted, time_left_s=invocation.time_left_s())
        state = "not ours" if outcome is None else outcome.state.value
        return envelope(self._agent, job_id=wanted.job_id, metadata={"attempt": str(wanted), "state": state})

    async def _record(self, delivery: Delivery, invocation: Invocation) -> None:
        request = read_event(self._project.queue.read(delivery).body)
        answer = await self.answer(request, invocation)
        if not answer["ok"]:
            raise AgentError(str(answer["error"]))

    async def _http(self, request: HttpRequest, invocation: Invocation) -> JSONDict:
        refusal = _refusal(self._agent, request, methods=("POST",))
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
        try:
            await self._project.jobs.get(call.job_id)
            async with asyncio.timeout(invocation.time_left_s()):
                result = await self._project.steps.invoke(call.job_id, self._agent)
        except JobNotFoundError as exc:
            return envelope(self._agent, status=HTTPStatus.NOT_FOUND, job_id=call.job_id, error=exc)
        except AgentError as exc:
            return envelope(self._agent, status=HTTPStatus.INTERNAL_SERVER_ERROR, job_id=call.job_id, error=exc)
        return envelope(self._agent, job_id=call.job_id, result=result)

    async def _new_job(self, call: AgentCall, invocation: Invocation) -> JSONDict:
        """A job of this agent alone, run here; one that does not end in time is carried on by the orchestrator."""
        project = self._project
        job_id = await project.jobs.submit(
            call.job_input, user_id=call.user_id, job_type=f"{ONE_AGENT}{self._agent}", client_key=call.client_key
        )
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
        return await _job_answer(project, self._agent, job, result=job.agent_results.get(self._agent))


class OrchestratorRole:
    """Moves jobs on: reads the jobs queue, sweeps, takes new jobs, and performs the orchestrator's own attempts."""

    def __init__(self, agent: str, project: Project) -> None:
        self._agent = agent
        self._project = project
        own = QueueDispatcher(project.queue, perform_message)
        dispatcher = LambdaDispatcher(
            lambda name: None if name == agent else project.function_of(name), perform_message, own=own
        )
        self._engine: Engine = project.engine_with(dispatcher)

    async def answer(self, request: Request, invocation: Invocation) -> JSONDict:
        """See `Role.answer`."""
        match request:
            case Records(deliveries):
                return await self._records(deliveries, invocation)
            case Sweep():
                return await self._sweep()
            case Migrate():
                done = await migrate(self._project)
                return envelope(self._agent, result={"schema_version": done.after.current, "before": done.before})
            case EngineMessage(body):
                return await self._engine_message(body, invocation)
            case HttpRequest(approval_id=str(approval_id)) if self._project.config.approvals.endpoint:
                return await self._approval(approval_id, request)
            case HttpRequest():
                return http_answer(await self._http(request))
            case AgentCall():
                return await self._call(request, invocation)

    async def _approval(self, approval_id: str, request: HttpRequest) -> JSONDict:
        """The page behind an approval's link; the token is what lets somebody in, not who they are."""
        page = await approval_page(self._project.approvals, request.method, approval_id, request.fields)
        if page.job_id is not None:
            await self._project.queue.send(advance_message(page.job_id))
        return {"statusCode": page.status.value, "headers": HEADERS, "body": page.html}

    async def _records(self, deliveries: tuple[Delivery, ...], invocation: Invocation) -> JSONDict:
        limit = await self._project.queue.receive_limit()

        async def handle(delivery: Delivery) -> None:
            message = self._project.queue.read(delivery)
            handler, hints = self._handler(invocation)
            await handler.handle(message, receive_limit=limit, time_left_s=invocation.time_left_s())
            await self._send(hints)

        return await _each(deliveries, handle)

    def _handler(self, invocation: Invocation) -> tuple[MessageHandler, list[tuple[str, float]]]:
        """A handler for one message, and the hints that it wants to be sent: (job, seconds from now)."""
        hints: list[tuple[str, float]] = []

        def later(job_id: str, advanced: Advanced) -> None:
            if advanced.due_in_s is not None and 0 < advanced.due_in_s < REDISPATCH_S:
                hints.append((job_id, advanced.due_in_s))

        performer = performer_of(self._project, invocation)
        return MessageHandler(self._project.jobs, self._engine, performer, later=later), hints

    async def _send(self, hints: list[tuple[str, float]]) -> None:
        """Bring jobs up again when a retry is due, sooner than the next sweep would."""
        for job_id, delay_s in hints:
            await self._project.queue.send(advance_message(job_id), delay_s=math.ceil(delay_s))

    async def _advance(self, job_id: str, invocation: Invocation) -> None:
        handler, hints = self._handler(invocation)
        await handler.advance(job_id)
        await self._send(hints)

    async def _sweep(self) -> JSONDict:
        """Wake jobs that are due; each by a message of its own, so that none stands in another's way."""
        due = await self._project.jobs.due()
        try:
            await self._project.queue.send_batch([advance_message(job_id) for job_id in due])
        except QueueBatchError as exc:
            logger.warning("some jobs could not be woken, the next sweep does it: %s", exc)
        if due:
            logger.info("sweep: %s jobs woken", len(due))
        return envelope(self._agent, result={"woken": len(due)})

    async def _engine_message(self, body: JSONDict, invocation: Invocation) -> JSONDict:
        wanted = read_message(body)
        if not isinstance(wanted, str):
            raise ConfigError("attempts reach the orchestrator through the jobs queue, not directly")
        await self._advance(wanted, invocation)
        return envelope(self._agent, job_id=wanted)

    async def _http(self, request: HttpRequest) -> JSONDict:
        refusal = _refusal(self._agent, request, methods=("GET", "POST"))
        if refusal is not None:
            return refusal
        if request.method == "GET":
            return await self._shown(request)
        call = AgentCall(request.body, user_id=request.user_id, client_key=request.client_key)
        return await self._submit(call)

    async def _shown(self, request: HttpRequest) -> JSONDict:
        """A job for its owner; of another's job it is not told whether it exists."""
        job = await self._project.db.get_job(request.job_id) if request.job_id else None
        if job is None or job.user_id != request.user_id:
            words = "there is no such job" if request.job_id else "say which job: a path or query parameter job_id"
            return envelope(self._agent, status=HTTPStatus.NOT_FOUND, job_id=request.job_id, error=words)
        return await _job_answer(self._project, self._agent, job, result=dict(job.agent_results), shown=True)

    async def _call(self, call: AgentCall, invocation: Invocation) -> JSONDict:
        if call.job_id is None:
            return await self._submit(call)
        await self._advance(call.job_id, invocation)
        job = await self._project.jobs.get(call.job_id)
        return envelope(self._agent, job_id=job.id, metadata={"status": job.status.value})

    async def _submit(self, call: AgentCall) -> JSONDict:
        project = self._project
        one = call.agent is not None and call.agent != self._agent
        if one and call.agent not in project.registry.list_agents():
            known = ", ".join(project.registry.list_agents())
            words = f"there is no agent {call.agent!r}; agents: {known}"
            return envelope(self._agent, status=HTTPStatus.BAD_REQUEST, error=words)
        job_type = f"{ONE_AGENT}{call.agent}" if one else "default"
        job_id = await project.jobs.submit(
            call.job_input, user_id=call.user_id, job_type=job_type, client_key=call.client_key
        )
        await project.queue.send(advance_message(job_id))
        return envelope(self._agent, status=HTTPStatus.ACCEPTED, job_id=job_id, metadata={"status": "pending"})


def _refusal(agent: str, request: HttpRequest, *, methods: tuple[str, ...]) -> JSONDict | None:
    if request.approval_id is not None:
        words = "approvals are not answered here; see approvals.endpoint in agents.yaml"
        return envelope(agent, status=HTTPStatus.NOT_FOUND, error=words)
    if request.method not in methods:
        words = f"{request.method} means nothing here; use {' or '.join(methods)}"
        return envelope(agent, status=HTTPStatus.METHOD_NOT_ALLOWED, error=words)
    if request.problem is not None:
        return envelope(agent, status=HTTPStatus.BAD_REQUEST, error=request.problem)
    return None


async def _job_answer(
    project: Project, agent: str, job: Job, *, result: JSONDict | None, shown: bool = False
) -> JSONDict:
    """A job in the envelope: that it failed is an error for who ran it, and a fact for who looks at it."""
    metadata: dict[str, Any] = {"status": job.status.value}
    session_id = project.session_of(job)
    if session_id is not None:
        metadata[SESSION_ID] = session_id
    if job.error_message:
        metadata["reason"] = job.error_message
    if job.status is JobStatus.COMPLETED:
        return envelope(agent, job_id=job.id, result=result, metadata=metadata)
    report = await project.failure_report(job.id)
    if shown:
        return envelope(
            agent, job_id=job.id, result=result, metadata=metadata | ({"failure": report} if report else {})
        )
    error = report or f"the job is {job.status}"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return envelope(agent, status=status, job_id=job.id, result=result, error=error, metadata=metadata)


async def _each(deliveries: tuple[Delivery, ...], handle: Callable[[Delivery], Awaitable[None]]) -> JSONDict:
    """Handle every record of a batch; those that fail are named, and only they come back."""
    outcomes = await asyncio.gather(*map(handle, deliveries), return_exceptions=True)
    failed: list[str] = []
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        if isinstance(outcome, asyncio.CancelledError):
            raise outcome
        if outcome is not None:
            failed.append(delivery.id)
            logger.error("message %s failed and comes back: %s", delivery.id, outcome, exc_info=outcome)
    return batch_answer(failed)

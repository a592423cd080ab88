"""The orchestrator's function: reads the jobs queue, sweeps, takes new jobs, and performs its own attempts.

It swallows no error. What a caller did wrong is told in the answer; everything else ends the invocation, so that SQS
brings the message back.
"""

import logging
import math
from http import HTTPStatus

from agent_framework.core.decide import REDISPATCH_S
from agent_framework.core.engine import Advanced, Engine
from agent_framework.core.lambda_answers import (
    RefusedRequestError,
    approval_answer,
    each_record,
    job_answer,
    refusal_of,
    store_job,
)
from agent_framework.core.lambda_events import AgentCall, EngineMessage, Migrate, Records, Request, Sweep, envelope
from agent_framework.core.lambda_http import HttpRequest, http_answer
from agent_framework.core.lambda_process import Invocation, performer_of
from agent_framework.core.message_handler import MessageHandler
from agent_framework.core.messages import advance_message, perform_message, read_message
from agent_framework.core.pinned import ONE_AGENT
from agent_framework.core.runtime import Project
from agent_framework.core.worker import send_hint
from agent_framework.errors import ConfigError, QueueBatchError
from agent_framework.infrastructure.compute.aws_lambda import LambdaDispatcher
from agent_framework.infrastructure.compute.queue import QueueDispatcher
from agent_framework.infrastructure.queue.base import Delivery
from agent_framework.types import JSONDict

logger = logging.getLogger("agent_framework.function")


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
                return await self._migrate()
            case EngineMessage(body):
                return await self._engine_message(body, invocation)
            case HttpRequest(approval_id=str(approval_id)) if self._project.config.approvals.endpoint:
                return await approval_answer(self._project, request, approval_id)
            case HttpRequest():
                return http_answer(await self._http(request))
            case AgentCall():
                return await self._call(request, invocation)

    async def _migrate(self) -> JSONDict:
        from agent_framework.core.migration import migrate

        done = await migrate(self._project)
        return envelope(self._agent, result={"schema_version": done.after.current, "before": done.before})

    async def _records(self, deliveries: tuple[Delivery, ...], invocation: Invocation) -> JSONDict:
        limit = await self._project.queue.receive_limit()

        async def handle(delivery: Delivery) -> None:
            message = self._project.queue.read(delivery)
            handler, hints = self._handler(invocation)
            await handler.handle(message, receive_limit=limit, time_left_s=invocation.time_left_s())
            await self._send(hints)

        return await each_record(deliveries, handle)

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
        """Wake jobs that are due, each by a message of its own, so that none stands in another's way; then purge."""
        due = await self._project.jobs.due()
        try:
            await self._project.queue.send_batch([advance_message(job_id) for job_id in due])
        except QueueBatchError as exc:
            logger.warning("some jobs could not be woken, the next sweep does it: %s", exc)
        if due:
            logger.info("sweep: %s jobs woken", len(due))
        purged = await self._project.db.purge_documents()
        return envelope(self._agent, result={"woken": len(due), "purged": purged})

    async def _engine_message(self, body: JSONDict, invocation: Invocation) -> JSONDict:
        wanted = read_message(body)
        if not isinstance(wanted, str):
            raise ConfigError("attempts reach the orchestrator through the jobs queue, not directly")
        await self._advance(wanted, invocation)
        return envelope(self._agent, job_id=wanted)

    async def _http(self, request: HttpRequest) -> JSONDict:
        refusal = refusal_of(self._agent, request, methods=("GET", "POST"))
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
        return await job_answer(self._project, self._agent, job, result=dict(job.agent_results), shown=True)

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
        try:
            job_id = await store_job(project, call, job_type=job_type)
        except RefusedRequestError as exc:
            return envelope(self._agent, status=exc.status, error=exc.error)
        await send_hint(project.queue, job_id)
        return envelope(self._agent, status=HTTPStatus.ACCEPTED, job_id=job_id, metadata={"status": "pending"})

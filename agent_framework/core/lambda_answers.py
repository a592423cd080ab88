"""What the roles of functions share: taking a job from a request, and answering about jobs and batches."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol

from agent_framework.core.lambda_events import AgentCall, Request, batch_answer, envelope
from agent_framework.core.lambda_http import HttpRequest
from agent_framework.core.lambda_process import Invocation
from agent_framework.core.runtime import Project
from agent_framework.core.worker import send_hint
from agent_framework.errors import AgentFrameworkError, ConfigError, DataTooLargeError, IdempotencyConflictError
from agent_framework.infrastructure.queue.base import Delivery
from agent_framework.types import SESSION_ID, Job, JobStatus, JSONDict

logger = logging.getLogger("agent_framework.function")


class Role(Protocol):
    """One kind of function, for the life of its process."""

    async def answer(self, request: Request, invocation: Invocation) -> JSONDict:
        """Do what the request asks for, and the answer for whoever asked."""
        ...


class RefusedRequestError(Exception):
    """The caller's request cannot become a job."""

    def __init__(self, status: HTTPStatus, error: AgentFrameworkError) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error


async def store_job(project: Project, call: AgentCall, *, job_type: str) -> str:
    """A new job from a request; what is wrong with the request is told apart from what fails here."""
    try:
        return await project.jobs.submit(
            call.job_input, user_id=call.user_id, job_type=job_type, client_key=call.client_key
        )
    except IdempotencyConflictError as exc:
        raise RefusedRequestError(HTTPStatus.CONFLICT, exc) from exc
    except ConfigError as exc:
        raise RefusedRequestError(HTTPStatus.BAD_REQUEST, exc) from exc
    except DataTooLargeError as exc:
        raise RefusedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, exc) from exc


def refusal_of(agent: str, request: HttpRequest, *, methods: tuple[str, ...]) -> JSONDict | None:
    """Why an HTTP request is not taken, as an answer; None if it is."""
    if request.approval_id is not None:
        words = "approvals are not answered here; see approvals.endpoint in agents.yaml"
        return envelope(agent, status=HTTPStatus.NOT_FOUND, error=words)
    if request.method not in methods:
        words = f"{request.method} means nothing here; use {' or '.join(methods)}"
        return envelope(agent, status=HTTPStatus.METHOD_NOT_ALLOWED, error=words)
    if request.problem is not None:
        return envelope(agent, status=HTTPStatus.BAD_REQUEST, error=request.problem)
    return None


async def approval_answer(project: Project, request: HttpRequest, approval_id: str) -> JSONDict:
    """The page behind an approval's link; the token is what lets somebody in, not who they are."""
    from agent_framework.core.approval_page import HEADERS, approval_page

    page = await approval_page(project.approvals, request.method, approval_id, request.fields)
    if page.job_id is not None:
        await send_hint(project.queue, page.job_id)
    return {"statusCode": page.status.value, "headers": HEADERS, "body": page.html}


async def job_answer(
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


async def each_record(deliveries: tuple[Delivery, ...], handle: Callable[[Delivery], Awaitable[None]]) -> JSONDict:
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

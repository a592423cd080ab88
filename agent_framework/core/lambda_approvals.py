"""The function with the pages behind approvals' links: ``<this module>.handler``, whatever its project is like.

Anybody may call it by its public URL, so it does one thing: it shows a question to whoever has its token, and takes
their decision. It starts no job, runs no agent and invokes no function.
"""

import os
from http import HTTPStatus

from agent_framework.core.base_handler import BaseHandler, Hooks
from agent_framework.core.lambda_answers import approval_answer
from agent_framework.core.lambda_events import Request, envelope
from agent_framework.core.lambda_http import HttpRequest, http_answer
from agent_framework.core.lambda_process import AGENT, Invocation
from agent_framework.core.runtime import Project
from agent_framework.errors import ConfigError
from agent_framework.types import JSONDict


class ApprovalsRole:
    """Answers ``GET`` and ``POST`` of ``/approvals/<id>``, and nothing else."""

    def __init__(self, agent: str, project: Project) -> None:
        self._agent = agent
        self._project = project

    async def answer(self, request: Request, invocation: Invocation) -> JSONDict:
        """See `Role.answer`."""
        match request:
            case HttpRequest(approval_id=str(approval_id)):
                return await approval_answer(self._project, request, approval_id)
            case HttpRequest():
                return http_answer(envelope(self._agent, status=HTTPStatus.NOT_FOUND, error="there is nothing here"))
            case _:
                raise ConfigError("this function answers requests for /approvals/<id> and nothing else")


handler = BaseHandler(os.environ.get(AGENT, "approvals"), ApprovalsRole, Hooks())

"""Telling people of new questions: the project's ``on_approval`` function, called once for each, with a link.

A question whose telling failed is told again when its job is looked at the next time.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

from agent_framework.config.loader import ConfigLoader
from agent_framework.config.registry import import_from
from agent_framework.core.approval import Approval
from agent_framework.core.approval_store import ApprovalStore
from agent_framework.core.engine import Announce, announce_nothing
from agent_framework.errors import ApprovalError, ProjectError
from agent_framework.infrastructure.database.base import DatabaseProvider

logger = logging.getLogger(__name__)

OnApproval = Callable[[Approval, str | None], Any]


def announcer(loader: ConfigLoader, db: DatabaseProvider) -> Announce:
    """What tells ``approvals.on_approval`` of agents.yaml."""
    settings = loader.config.approvals
    if settings.on_approval is None:
        return announce_nothing
    return Announcer(loader, db, settings.on_approval, settings.url)


class Announcer:
    """Calls the project's function for each question of a job that nobody was told of."""

    def __init__(self, loader: ConfigLoader, db: DatabaseProvider, target: str, url: str | None) -> None:
        from agent_framework.core.approvals import Approvals

        self._loader = loader
        self._approvals = Approvals(db)
        self._store = ApprovalStore(db)
        self._target = target
        self._url = url

    async def __call__(self, job_id: str) -> None:
        """Tell of what the job asks; a function that fails never holds up the job."""
        for approval in await self._approvals.of_job(job_id):
            if approval.notified or not approval.is_pending:
                continue
            try:
                await self._tell(approval)
            except Exception as exc:  # the project's own code: whatever it raises is logged
                logger.error("approvals.on_approval failed for approval %s: %s", approval.id, exc, exc_info=exc)

    async def _tell(self, approval: Approval) -> None:
        function = on_approval(self._loader, self._target)
        try:
            link = await self._link(approval)
        except ApprovalError:
            return
        told = function(approval, link)
        if inspect.isawaitable(told):
            await told
        current = await self._store.get(approval.id)
        if current is not None and current.is_pending:
            await self._store.change(current, notified=True)

    async def _link(self, approval: Approval) -> str | None:
        if self._url is None:
            return None
        return link_to(self._url, approval.id, await self._approvals.issue_token(approval.id))


def on_approval(loader: ConfigLoader, target: str) -> OnApproval:
    """The project's function.

    Raises:
        ProjectError: there is none.
    """
    module_name, _, name = target.partition(":")
    function = getattr(import_from(loader.project_dir, module_name), name, None)
    if not callable(function):
        raise ProjectError(f"approvals.on_approval: {module_name} has no function {name!r}")
    return function


def link_to(url: str, approval_id: str, token: str) -> str:
    """The address of an approval's page."""
    return f"{url.rstrip('/')}/approvals/{approval_id}?token={token}"

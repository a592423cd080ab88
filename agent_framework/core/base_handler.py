"""Lambda's entry points: ``handler = worker_handler("writer")`` is all that a function's module has to say.

A process keeps one event loop and one opened project for all its invocations: a loop for each would leave sockets
behind and break the clients that are kept.
"""

import asyncio
import gc
import inspect
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agent_framework._lazy import collector_paused
from agent_framework.core.lambda_answers import Role
from agent_framework.core.lambda_events import Migrate, Request, read_event
from agent_framework.core.lambda_process import Invocation, open_project
from agent_framework.core.runtime import Project
from agent_framework.observability.redaction import redacted_errors
from agent_framework.observability.tracing import observe
from agent_framework.types import JSONDict

logger = logging.getLogger("agent_framework.function")

Before = Callable[[Any, Any], Any]
"""``before(event, context)``: may return an event to be handled instead."""
After = Callable[[Any, Any, JSONDict], Any]
"""``after(event, context, answer)``: may return an answer to be given instead."""
OnError = Callable[[Any, Any, BaseException], Any]
"""``on_error(event, context, error)``: hears of an error, which then goes on."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a project does around each invocation; sync or async, and whatever they raise ends the invocation."""

    before: Before | None = None
    after: After | None = None
    on_error: OnError | None = None


class BaseHandler:
    """A Lambda handler; ``handler(event, context)`` as Lambda calls it.

    Args:
        agent: whose function this is.
        role_of: makes the function's role when the first event comes.
        hooks: what to do around each invocation.
    """

    def __init__(self, agent: str, role_of: Callable[[str, Project], Role], hooks: Hooks) -> None:
        self.agent = agent
        self._role_of = role_of
        self._hooks = hooks
        self._project: Project
        self._role: Role | None = None
        self._is_open = False
        self._is_checked = False

    def __call__(self, event: Any, context: Any) -> JSONDict:
        """Handle one event in the process's loop."""
        with _in_turn, redacted_errors():
            return _runner().run(self._handle(event, context))

    async def _handle(self, event: Any, context: Any) -> JSONDict:
        try:
            event = await _hook(self._hooks.before, event, context) or event
            request = read_event(event)
            role = await self._ready(request)
            with observe(flush=True):
                answer = await role.answer(request, Invocation(context))
            return await _hook(self._hooks.after, event, context, answer) or answer
        except BaseException as exc:
            await self._tell(event, context, exc)
            raise

    async def _ready(self, request: Request) -> Role:
        """The role, made for the first event; only a migration may find the database in another version's schema."""
        if self._role is None:
            logging.getLogger().setLevel(logging.INFO)
            if not self._is_open:
                with collector_paused():
                    self._project = await open_project(self.agent)
                _opened.append(self._project)
                self._is_open = True
            with collector_paused():
                self._role = self._role_of(self.agent, self._project)
            gc.freeze()  # all that stays for the process's life is not looked through again
        if not self._is_checked and not isinstance(request, Migrate):
            await self._project.db.check_schema()
            self._is_checked = True
        return self._role

    async def _tell(self, event: Any, context: Any, error: BaseException) -> None:
        try:
            await _hook(self._hooks.on_error, event, context, error)
        except Exception:  # whatever a hook raises, what the function failed with is what AWS is told
            logger.exception("the on_error hook of agent %s failed too", self.agent)


def worker_handler(
    agent: str, *, before: Before | None = None, after: After | None = None, on_error: OnError | None = None
) -> BaseHandler:
    """The handler of a worker's function.

    ``handler = worker_handler("writer")`` in ``backend/agents/writer/lambda_handler.py``.
    """
    from agent_framework.core.lambda_worker import WorkerRole

    return BaseHandler(agent, WorkerRole, Hooks(before, after, on_error))


def orchestrator_handler(
    agent: str, *, before: Before | None = None, after: After | None = None, on_error: OnError | None = None
) -> BaseHandler:
    """The handler of the orchestrator's function, which the jobs queue and the sweeper's schedule invoke."""
    from agent_framework.core.lambda_orchestrator import OrchestratorRole

    def role(agent: str, project: Project) -> Role:
        if project.config.orchestration.engine != "durable":
            return OrchestratorRole(agent, project)
        from agent_framework.core.durable_role import DurableRole

        return DurableRole(agent, project)

    return BaseHandler(agent, role, Hooks(before, after, on_error))


async def _hook(hook: Callable[..., Any] | None, *arguments: Any) -> Any:
    if hook is None:
        return None
    value = hook(*arguments)
    return await value if inspect.isawaitable(value) else value


_in_turn = threading.Lock()
"""Lambda sends a process one event at a time; others may not."""


@lru_cache(maxsize=1)
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


_opened: list[Project] = []


def end_process() -> None:
    """Close what handlers of this process have opened, and their loop: for tests and for servers of one's own."""
    with _in_turn:
        while _opened:
            _runner().run(_opened.pop().close())
        _runner().close()
        _runner.cache_clear()

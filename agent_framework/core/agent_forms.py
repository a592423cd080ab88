"""The forms an agent may have besides a `BaseAgent` class, each made to look like one.

A function ``(job, context)``, a class with ``run(job_id)``, and the seed's module with ``create_agent(job_id, db)``.
"""

import asyncio
import concurrent.futures
import contextvars
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, Protocol, cast

from agent_framework.core.base_agent import AgentServices, BaseAgent
from agent_framework.core.outputs import to_output
from agent_framework.errors import ProjectError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.types import JSONDict


class Runnable(Protocol):
    """What the engine needs of an agent."""

    async def run(self, job_id: str) -> Any:
        """Work on one job and return the output."""
        ...


def make_agent(target: Any, db: DatabaseProvider, services: AgentServices) -> Runnable:
    """The agent that ``target`` (class, function or module) stands for, ready for one attempt.

    Raises:
        ProjectError: it cannot be made into one.
    """
    if isinstance(target, ModuleType):
        return CreateAgentForm(target, db, services)
    if inspect.isfunction(target):
        return FunctionAgent(target, db, services)
    try:
        instance = target(db)
    except TypeError as exc:
        raise ProjectError(f"agent {services.config.name}: {target!r} cannot be made with (db): {exc}") from exc
    if isinstance(instance, BaseAgent):
        instance.bind(services)
    return cast(Runnable, instance)


def prepares(target: Any) -> bool:
    """Whether an orchestrator's class publishes facts before the rules run."""
    return isinstance(target, type) and issubclass(target, BaseAgent) and target.prepare is not BaseAgent.prepare


def talks_to_model(target: Any) -> bool:
    """Whether an agent's code certainly asks the project's model."""
    return isinstance(target, type) and issubclass(target, BaseAgent) and target.run is BaseAgent.run


def tools_of(target: Any, named: Sequence[str]) -> list[Any]:
    """The tools of an agent's code: those its class lists, and those that agents.yaml names, as its module has them."""
    module = target if isinstance(target, ModuleType) else sys.modules.get(getattr(target, "__module__", ""))
    listed = list(getattr(target, "tools", None) or ())
    return [*listed, *(getattr(module, name) for name in named if hasattr(module, name))]


class DefaultOrchestrator(BaseAgent):
    """The orchestrator of ``strategy: agent`` where the project does not write its own."""

    instructions = (
        "You coordinate a team of agents that work on one job. Decide from the job's input and the results so far "
        "which agents are needed, and ask for them with your invoke tools; ask for independent ones together. "
        "Do not ask for agents that the job does not need. When you have what the job needs, answer with a summary."
    )


class FunctionAgent(BaseAgent):
    """A plain function, sync or async, of ``()``, ``(job)`` or ``(job, context)``."""

    def __init__(self, function: Callable[..., Any], db: DatabaseProvider, services: AgentServices) -> None:
        super().__init__(db, services=services)
        self._function = function

    async def run(self, job_id: str) -> Any:
        """Call the function; a sync one runs in a thread. What it answers is made an output by who runs the agent."""
        job = await self.load(job_id)
        wanted, is_async = _form(self._function)
        if wanted > 2:
            raise ProjectError(f"agent {self.agent_name}: a function takes (job, context), not {wanted} parameters")
        arguments = () if wanted == 0 else (job,) if wanted == 1 else (job, await self.context(job))
        if is_async:
            return await self._function(*arguments)
        return await _in_thread(self.agent_name, self._function, *arguments)


@lru_cache(maxsize=1024)
def _form(function: Callable[..., Any]) -> tuple[int, bool]:
    """How many parameters a function has, and whether it is async."""
    return len(inspect.signature(function).parameters), inspect.iscoroutinefunction(function)


def _in_thread(name: str, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    """Call ``function`` in a thread of its own.

    The loop's pool is small (six threads on two cores), and a function that hangs would keep its place there and hold
    up the end of the process.
    """
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def work() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(context.run(function, *arguments))
        except StopIteration as exc:  # which a future cannot carry
            future.set_exception(RuntimeError(f"StopIteration: {exc}"))
        except BaseException as exc:
            future.set_exception(exc)

    threading.Thread(target=work, name=f"agent {name}", daemon=True).start()
    return asyncio.wrap_future(future)


class CreateAgentForm(BaseAgent):
    """A module with ``create_agent(job_id, db)`` that returns ``(model, tools, task)`` and perhaps a context."""

    def __init__(self, module: ModuleType, db: DatabaseProvider, services: AgentServices) -> None:
        super().__init__(db, services=services)
        self._module = module
        self._model: Any = None

    async def run(self, job_id: str) -> JSONDict:
        """Create the agent as the module says, and run it."""
        made = self._module.create_agent(job_id, self.db)
        made = await made if inspect.isawaitable(made) else made
        if not isinstance(made, tuple) or len(made) not in (3, 4):  # pyright: ignore[reportUnknownArgumentType]
            raise ProjectError(
                f"{self._module.__name__}.create_agent must return (model, tools, task), or a context as fourth"
            )
        self._model, tools, task, *rest = cast(tuple[Any, ...], made)
        self._tools: list[Any] = list(tools)
        reply = await self._ask(str(task), rest[0] if rest else None)
        structured = self.services.config.capabilities.structured_output
        return to_output(reply.output, agent=self.agent_name, structured=structured)

    def build_model(self) -> Any:
        """The module's own model, except offline."""
        return super().build_model() if self.is_offline or self._model is None else self._model

    def resolve_tools(self) -> list[Any]:
        """The tools that ``create_agent`` returned."""
        return self._tools

    def resolve_instructions(self) -> str:
        """``<NAME>_INSTRUCTIONS`` of the module, which imports it from its templates."""
        constant = f"{self.agent_name.upper()}_INSTRUCTIONS"
        if not hasattr(self._module, constant):
            raise ProjectError(f"{self._module.__name__} must import {constant} from its templates")
        return str(getattr(self._module, constant))

    def resolve_output_type(self) -> Any:
        """The class that ``capabilities.output_schema`` names in the module."""
        named = self.services.config.capabilities.output_schema
        return getattr(self._module, named) if named else None
